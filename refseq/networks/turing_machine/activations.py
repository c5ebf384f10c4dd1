"""What the numbers that a head is given mean: their activations, and the adjoint.

A head is given M + 3 + S numbers, one after another, and a writing head 2 M more:

    key      M        tanh
    strength 1        beta = softplus              softplus a = log(1 + exp a)
    gate     1        g = sigmoid
    sharpen  1        gamma = 1 + softplus
    shift    S        s = softmax, of the shifts -range .. range
    erase    M        e = sigmoid
    add      M        a = tanh
"""

from numba.extending import register_jitable

from refseq.primitives import complement, exp, log1p, order, sigmoid, sigmoid_slope, tanh, tanh_slope, zero
from refseq.softmax import softmax, softmax_backward

SCALARS = 3
"""Strength, gate and sharpening, which come after the key in this order."""


@register_jitable
def softplus(a):
    """log(1 + exp a), without overflow."""
    if order(a) > order(zero(a)):
        return a + log1p(exp(-a))
    return log1p(exp(a))


@register_jitable
def softplus_slope(a):
    """Of the input: exp a / (1 + exp a)."""
    if order(a) > order(zero(a)):
        return complement(zero(a)) / complement(-exp(-a))
    e = exp(a)
    return e / complement(-e)


@register_jitable
def squash(z, a, begin, end, lane, lanes):
    """z = tanh a for these entries."""
    j = begin + lane
    while j < end:
        z[j] = tanh(a[j])
        j += lanes


@register_jitable
def squash_backward(da, z, dz, begin, end, lane, lanes):
    """da = dz tanh'."""
    j = begin + lane
    while j < end:
        da[j] = dz[j] * tanh_slope(z[j])
        j += lanes


@register_jitable
def open_gates(z, a, begin, end, lane, lanes):
    """z = sigmoid a for these entries."""
    j = begin + lane
    while j < end:
        z[j] = sigmoid(a[j])
        j += lanes


@register_jitable
def open_gates_backward(da, z, dz, begin, end, lane, lanes):
    """da = dz sigmoid'."""
    j = begin + lane
    while j < end:
        da[j] = dz[j] * sigmoid_slope(z[j])
        j += lanes


@register_jitable
def activate(z, a, width, shifts, writes, lane, lanes):
    """z of the numbers a of one head, of a memory ``width`` wide."""
    rest = width + SCALARS
    squash(z, a, 0, width, lane, lanes)
    if lane == 0:
        z[width] = softplus(a[width])
        z[width + 2] = complement(-softplus(a[width + 2]))
    open_gates(z, a, width + 1, width + 2, lane, lanes)
    softmax(z[rest : rest + shifts], a[rest : rest + shifts], lane, lanes)
    if writes:
        open_gates(z, a, rest + shifts, rest + shifts + width, lane, lanes)
        squash(z, a, rest + shifts + width, rest + shifts + width + width, lane, lanes)


@register_jitable
def activate_backward(da, a, z, dz, width, shifts, writes, lane, lanes):
    """da, the adjoint of ``activate``."""
    rest = width + SCALARS
    squash_backward(da, z, dz, 0, width, lane, lanes)
    if lane == 0:
        da[width] = dz[width] * softplus_slope(a[width])
        da[width + 2] = dz[width + 2] * softplus_slope(a[width + 2])
    open_gates_backward(da, z, dz, width + 1, width + 2, lane, lanes)
    softmax_backward(da[rest : rest + shifts], z[rest : rest + shifts], dz[rest : rest + shifts], lane, lanes)
    if writes:
        open_gates_backward(da, z, dz, rest + shifts, rest + shifts + width, lane, lanes)
        squash_backward(da, z, dz, rest + shifts + width, rest + shifts + width + width, lane, lanes)
