"""Circular convolution of weights with a distribution over shifts, and its adjoint (eq. 8).

    out[i] = sum_k w[i - k] s[k],    k = -range .. range, indices modulo N

s is kept as 2 range + 1 numbers, s[range + k] for shift k. All of s at k = 1 moves what is at location i to i + 1, as
``numpy.roll(w, 1)`` does. There are at least as many locations as shifts.
"""

from numba.extending import register_jitable

from refseq.primitives import zero


@register_jitable
def around(i, count):
    """An index -count <= i < 2 count modulo count."""
    if i < 0:
        return i + count
    return i - count if i >= count else i


@register_jitable
def convolve(out, w, s, lane, lanes):
    """out[i] = sum_k w[i - k] s[k]."""
    count, middle = w.shape[0], s.shape[0] // 2
    i = lane
    while i < count:
        total = zero(w[0])
        for o in range(s.shape[0]):
            total = total + w[around(i + middle - o, count)] * s[o]
        out[i] = total
        i += lanes


@register_jitable
def convolve_backward(dw, dout, s, lane, lanes):
    """dw[i] = sum_k dout[i + k] s[k], the adjoint in w."""
    count, middle = dout.shape[0], s.shape[0] // 2
    i = lane
    while i < count:
        total = zero(dout[0])
        for o in range(s.shape[0]):
            total = total + dout[around(i + o - middle, count)] * s[o]
        dw[i] = total
        i += lanes


@register_jitable
def shifts_backward(ds, dout, w, lane, lanes):
    """ds[k] = sum_i dout[i] w[i - k], the adjoint in s."""
    count, middle = w.shape[0], ds.shape[0] // 2
    o = lane
    while o < ds.shape[0]:
        total = zero(w[0])
        for i in range(count):
            total = total + dout[i] * w[around(i + middle - o, count)]
        ds[o] = total
        o += lanes
