"""Softmax over the entries whose count is above 0, and its adjoint; the others are not read, and get 0.

    p[i] = exp(a[i] - a[m]) / sum_k exp(a[k] - a[m])

m as in ``refseq.softmax``: the largest of those entries, or the first. If there is none, all of p is 0.
"""

from numba.extending import register_jitable

from refseq.primitives import exp, order, zero


@register_jitable
def largest(a, counts):
    """The index of the largest entry that counts, the first of equals; -1 if none does."""
    m = -1
    for k in range(a.shape[0]):
        if counts[k] > 0 and (m < 0 or order(a[k]) > order(a[m])):
            m = k
    return m


@register_jitable
def masked_powers(e, a, counts, lane, lanes):
    """e[i] = exp(a[i] - a[m]), or 0."""
    m = largest(a, counts)
    i = lane
    while i < e.shape[0]:
        e[i] = exp(a[i] - a[m]) if counts[i] > 0 else zero(e[i])
        i += lanes


@register_jitable
def masked_shares(p, e, counts, lane, lanes):
    """p[i] = e[i] / sum_k e[k]; a barrier belongs before it."""
    total = zero(e[0])
    for k in range(e.shape[0]):
        if counts[k] > 0:
            total = total + e[k]
    i = lane
    while i < p.shape[0]:
        p[i] = e[i] / total if counts[i] > 0 else zero(p[i])
        i += lanes


@register_jitable
def masked_softmax_backward(da, p, dp, counts, lane, lanes):
    """da[i] = p[i] (dp[i] - sum_k p[k] dp[k]), or 0."""
    mean = zero(p[0])
    for k in range(p.shape[0]):
        if counts[k] > 0:
            mean = mean + p[k] * dp[k]
    i = lane
    while i < da.shape[0]:
        da[i] = p[i] * (dp[i] - mean) if counts[i] > 0 else zero(p[i])
        i += lanes
