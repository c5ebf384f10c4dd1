"""Softmax and logarithm of the sum of exponentials of a vector, each with its adjoint beside it.

    softmax a = exp(a_j - a_m) / sum_k exp(a_k - a_m)        logsumexp a = a_m + log(sum_k exp(a_k - a_m))

for any m. The pivot m is the largest entry where numbers have an order, so that no exponential overflows, and the first
one elsewhere. Its own term is exactly 1 and is left out of the sum: 1 + rest is rounded once, and log(1 + rest) keeps
its relative accuracy when one entry stands far above the others.

The functions are written once for a team of ``lanes`` threads (see ``refseq.linear``): every lane adds up the same sum
in the same order and writes the entries lane, lane + lanes, ... of the result. Results share no memory with arguments,
and a vector has at least one entry. An entry may be -inf (its probability is 0); with +inf, NaN or nothing but -inf the
result is NaN, as it has no value.

Rounding errors, u the unit roundoff, exp and log1p good to e roundoffs, n entries, d = a_m - a_j:

    |softmax_j error| <= (d + n + 2e + 4) u softmax_j        (d: from rounding a_j - a_m before the exponential)
"""

from numba.extending import register_jitable

from refseq.primitives import complement, exp, log1p, order, zero


@register_jitable
def pivot(a):
    """The index of the largest entry; 0 in fields without an order. A NaN is never chosen over a number."""
    m = 0
    for k in range(1, a.shape[0]):
        if order(a[k]) > order(a[m]):
            m = k
    return m


@register_jitable
def impossible(x):
    """Whether the logarithm of a probability is -inf; never, in a field without an order."""
    y = order(x)
    return (y < 0) & (y + y == y)


@register_jitable
def rest(a, m):
    """sum_k exp(a_k - a_m) over k other than m."""
    total = zero(a[m])
    for k in range(a.shape[0]):
        if k != m:
            total = total + exp(a[k] - a[m])
    return total


@register_jitable
def probability(a, j, m, others):
    """exp(a_j) / sum_k exp(a_k), where m is the pivot of a and ``others`` its rest."""
    return exp(a[j] - a[m]) / complement(-others)


@register_jitable
def logsumexp(a):
    """log(sum_k exp(a_k))."""
    m = pivot(a)
    return log1p(rest(a, m)) + a[m]


@register_jitable
def logsumexp_backward(da, p, dvalue, lane, lanes):
    """da[j] += p[j] dvalue, where p is the softmax of a."""
    j = lane
    while j < da.shape[0]:
        da[j] = da[j] + p[j] * dvalue
        j += lanes


@register_jitable
def softmax(p, a, lane, lanes):
    """p[j] = exp(a[j]) / sum_k exp(a[k])."""
    m = pivot(a)
    others = rest(a, m)
    j = lane
    while j < p.shape[0]:
        p[j] = probability(a, j, m, others)
        j += lanes


@register_jitable
def softmax_backward(da, p, dp, lane, lanes):
    """da[j] = p[j] (dp[j] - sum_k p[k] dp[k])."""
    mean = zero(p[0])
    for k in range(p.shape[0]):
        mean = mean + p[k] * dp[k]
    j = lane
    while j < da.shape[0]:
        da[j] = p[j] * (dp[j] - mean)
        j += lanes


@register_jitable
def log_softmax(z, a, lane, lanes):
    """z[j] = a[j] - log(sum_k exp(a[k]))."""
    m = pivot(a)
    log_total = log1p(rest(a, m))
    j = lane
    while j < z.shape[0]:
        z[j] = (a[j] - a[m]) - log_total
        j += lanes


@register_jitable
def log_softmax_backward(da, z, dz, lane, lanes):
    """da[j] = dz[j] - exp(z[j]) sum_k dz[k]."""
    total = zero(z[0])
    for k in range(z.shape[0]):
        total = total + dz[k]
    j = lane
    while j < da.shape[0]:
        da[j] = dz[j] - exp(z[j]) * total
        j += lanes
