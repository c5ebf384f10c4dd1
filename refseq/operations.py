"""Operations on a whole vector inside a step, each with its adjoint.

    forward(a, out, kept, constant, units, lane, lanes)      writes out, and kept: a row for what the adjoint needs
    backward(da, out, dout, kept, units, lane, lanes)        writes da, the cotangent of a

Every thread of the team reads all of a (or dout) and writes its own entries; sums are taken by all threads alike, in
the order of the units, so that no bit depends on the number of threads.
"""

from collections.abc import Callable
from dataclasses import dataclass

from numba.extending import register_jitable

from refseq.primitives import count, sqrt, zero
from refseq.softmax import softmax, softmax_backward


@dataclass(frozen=True)
class Operation:
    """``keeps``: rows of tape that an operation needs; ``constant``: the cell's constant that it is handed, if any."""

    forward: Callable
    backward: Callable
    keeps: int
    constant: str | None = None


@register_jitable
def normalise(a, out, kept, constant, units, lane, lanes):
    """out = (a - mean a) r with r = 1/sqrt(mean (a - mean a)^2 + constant); keeps r. J. L. Ba, J. R. Kiros, G. E.
    Hinton, Layer normalization, arXiv:1607.06450, eq. 4, without gain and bias."""
    total = zero(a[0])
    for k in range(units):
        total = total + a[k]
    mean = total / count(total, units)
    variance = zero(mean)
    for k in range(units):
        variance = variance + (a[k] - mean) * (a[k] - mean)
    deviation = sqrt(variance / count(total, units) + constant)
    j = lane
    while j < units:
        out[j] = (a[j] - mean) / deviation
        kept[j] = deviation
        j += lanes


@register_jitable
def normalise_backward(da, out, dout, kept, units, lane, lanes):
    """da = (dout - mean dout - out mean(out dout)) r."""
    total, product = zero(dout[0]), zero(dout[0])
    for k in range(units):
        total = total + dout[k]
        product = product + out[k] * dout[k]
    n = count(total, units)
    j = lane
    while j < units:
        da[j] = (dout[j] - total / n - out[j] * (product / n)) / kept[j]
        j += lanes


@register_jitable
def softmax_forward(a, out, kept, constant, units, lane, lanes):
    """out = softmax a."""
    softmax(out[:units], a[:units], lane, lanes)


@register_jitable
def softmax_adjoint(da, out, dout, kept, units, lane, lanes):
    """The adjoint of softmax_forward."""
    softmax_backward(da[:units], out[:units], dout[:units], lane, lanes)


EPSILON = 1e-5
"""What layer normalisation adds to the variance, as most frameworks do."""

OPERATIONS = {
    "normalise": Operation(normalise, normalise_backward, 1, "epsilon"),
    "softmax": Operation(softmax_forward, softmax_adjoint, 0),
}
"""The operations that a stage may name."""
