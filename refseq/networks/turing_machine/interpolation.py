"""The gate between what the content says and where the head was (eq. 7), and its adjoint.

out = g content + (1 - g) before        g = 0 stays, g = 1 follows the content alone
"""

from numba.extending import register_jitable

from refseq.primitives import complement, zero


@register_jitable
def interpolate(out, content, before, gate, lane, lanes):
    """out[n] = g content[n] + (1 - g) before[n]."""
    rest = complement(gate)
    n = lane
    while n < out.shape[0]:
        out[n] = gate * content[n] + rest * before[n]
        n += lanes


@register_jitable
def before_backward(dbefore, dout, gate, lane, lanes):
    """dbefore[n] = (1 - g) dout[n]; that of the content is g dout."""
    rest = complement(gate)
    n = lane
    while n < dbefore.shape[0]:
        dbefore[n] = rest * dout[n]
        n += lanes


@register_jitable
def gate_backward(dout, content, before):
    """dg = sum_n dout[n] (content[n] - before[n])."""
    total = zero(dout[0])
    for n in range(dout.shape[0]):
        total = total + dout[n] * (content[n] - before[n])
    return total
