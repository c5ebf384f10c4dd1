"""Vector operations of a step, each with its adjoint beside it.

Inside refseq a weight matrix is stored operand-major, ``U[k, g, j]`` (k: index into the operand, g: gate, j: unit), so
that the innermost loop runs over units. All functions are written once for a team of ``lanes`` threads of which this
one is number ``lane``: lane 0 of 1 on a CPU and in plain Python, the threads of a block on a GPU. A lane computes the
entries lane, lane + lanes, ... of a result; whoever calls puts the barriers. A matrix may have fewer units than the
arrays have columns; the rest of a row is then neither read nor written.

``while`` and not ``range(lane, n, lanes)``: a runtime step makes numba-cuda divide 64-bit integers for the trip count.
"""

from numba import types
from numba.extending import overload, register_jitable

from refseq.primitives import zero


def extent(matrices, number, axis):
    """Entries of a matrix along an axis. Who has no matrices at hand may give the extent itself in their place."""
    return matrices if isinstance(matrices, int) else matrices[number].shape[axis]


@overload(extent)
def _extent(matrices, number, axis):
    if isinstance(matrices, types.Integer):
        return lambda matrices, number, axis: matrices
    return lambda matrices, number, axis: matrices[number].shape[axis]


@register_jitable
def copy(target, source, units, lane, lanes):
    """target[j] = source[j] for the first ``units`` entries."""
    j = lane
    while j < units:
        target[j] = source[j]
        j += lanes


@register_jitable
def add(target, source, units, lane, lanes):
    """target[j] += source[j] for the first ``units`` entries; its own adjoint in source."""
    j = lane
    while j < units:
        target[j] = target[j] + source[j]
        j += lanes


@register_jitable
def clear(target, units, lane, lanes):
    """target[j] = 0 for the first ``units`` entries."""
    j = lane
    while j < units:
        target[j] = zero(target[j])
        j += lanes


@register_jitable
def add_product(a, U, v, first, last, slots, lane, lanes):
    """a[slots[g], j] += sum_k U[k, first + g, j] v[k] for the blocks first <= first + g < last of U."""
    inputs, units = U.shape[0], U.shape[2]
    for k in range(inputs):
        for g in range(last - first):
            s = slots[g]
            j = lane
            while j < units:
                a[s, j] = a[s, j] + U[k, first + g, j] * v[k]
                j += lanes


@register_jitable
def add_product_by_units(a, U, v, first, last, slots, lane, lanes):
    """``add_product``, one entry after another, its sum in a register: for threads beside one another on a GPU."""
    inputs, units = U.shape[0], U.shape[2]
    for g in range(last - first):
        s = slots[g]
        j = lane
        while j < units:
            total = a[s, j]
            for k in range(inputs):
                total = total + U[k, first + g, j] * v[k]
            a[s, j] = total
            j += lanes


@register_jitable
def add_transposed_product(dv, U, da, first, last, slots, lane, lanes):
    """dv[k] += sum_g sum_j U[k, first + g, j] da[slots[g], j], the adjoint of ``add_product`` in v."""
    inputs, units = U.shape[0], U.shape[2]
    k = lane
    while k < inputs:
        total = dv[k]
        for g in range(last - first):
            s = slots[g]
            for j in range(units):
                total = total + U[k, first + g, j] * da[s, j]
        dv[k] = total
        k += lanes


@register_jitable
def add_outer_rows(dU, v, da, first, last, slots, begin, end, lane, lanes):
    """dU[k, first + g, j] += v[k] da[slots[g], j] for rows begin <= k < end: the adjoint of ``add_product`` in U."""
    units = dU.shape[2]
    for k in range(begin, end):
        for g in range(last - first):
            s = slots[g]
            j = lane
            while j < units:
                dU[k, first + g, j] = dU[k, first + g, j] + v[k] * da[s, j]
                j += lanes
