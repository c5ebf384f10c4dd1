"""Vector operations of a step, each with its adjoint beside it.

Inside refseq a weight matrix is stored operand-major, ``W[k, g, j]`` (k: index into the operand, g: gate, j: unit), so
that the innermost loop runs over units. All functions are written once for a team of ``lanes`` threads of which this
one is number ``lane``: lane 0 of 1 on a CPU and in plain Python, the threads of a block on a GPU. A lane computes the
entries lane, lane + lanes, ... of a result; whoever calls puts the barriers.

``while`` and not ``range(lane, n, lanes)``: a runtime step makes numba-cuda divide 64-bit integers for the trip count.
"""

from numba.extending import register_jitable

from refseq.primitives import zero


@register_jitable
def affine(a, W, b, x, lane, lanes):
    """a[g, j] = b[g, j] + sum_k W[k, g, j] x[k] for every gate g of b."""
    gates, units = b.shape
    for g in range(gates):
        j = lane
        while j < units:
            a[g, j] = b[g, j]
            j += lanes
    for k in range(x.shape[0]):
        for g in range(gates):
            j = lane
            while j < units:
                a[g, j] = a[g, j] + W[k, g, j] * x[k]
                j += lanes


@register_jitable
def add_product(a, U, v, first, last, slots, lane, lanes):
    """a[slots[g], j] += sum_k U[k, g, j] v[k] for the gates first <= g < last."""
    units = a.shape[1]
    for k in range(v.shape[0]):
        for g in range(first, last):
            s = slots[g]
            j = lane
            while j < units:
                a[s, j] = a[s, j] + U[k, g, j] * v[k]
                j += lanes


@register_jitable
def clear(a, first, lane, lanes):
    """a[s, j] = 0 for the slots s >= first."""
    for s in range(first, a.shape[0]):
        j = lane
        while j < a.shape[1]:
            a[s, j] = zero(a[0, j])
            j += lanes


@register_jitable
def add_transposed_product(dv, U, da, first, last, slots, lane, lanes):
    """dv[k] += sum_g sum_j U[k, g, j] da[slots[g], j], the adjoint of ``add_product`` in v."""
    k = lane
    while k < dv.shape[0]:
        total = dv[k]
        for g in range(first, last):
            s = slots[g]
            for j in range(da.shape[1]):
                total = total + U[k, g, j] * da[s, j]
        dv[k] = total
        k += lanes


@register_jitable
def add_outer_row(dU, v, da, first, last, slots, lane, lanes):
    """dU[g, j] += v da[slots[g], j], the adjoint of ``add_product`` in row k of U, where v = v[k]."""
    for g in range(first, last):
        s = slots[g]
        j = lane
        while j < da.shape[1]:
            dU[g, j] = dU[g, j] + v * da[s, j]
            j += lanes


@register_jitable
def add_rows(total, part, lane, lanes):
    """total[g, j] += part[g, j] for every row of total: the adjoint of a bias."""
    for g in range(total.shape[0]):
        j = lane
        while j < total.shape[1]:
            total[g, j] = total[g, j] + part[g, j]
            j += lanes
