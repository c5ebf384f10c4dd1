"""Weights that follow scores, the more sharply the larger a factor f >= 0: p = softmax(f a); and the adjoint.

    content     p[n] ~ exp(beta K[n])                        f = beta, the key strength           (eq. 5)
    sharpening  p[n] ~ w[n]^gamma = exp(gamma log w[n])      f = gamma, a = log w                 (eq. 9)

Both are written about the pivot m, the largest score where numbers have an order and the first one elsewhere, so that
nothing overflows: p[n] = exp(f (a[n] - a[m])) / sum_k exp(f (a[k] - a[m])). The exponentials are taken once, by all
lanes; a barrier belongs between ``powers`` and ``shares``.

A weight w[n] = 0 has the score -inf and the power 0^gamma = 0. Its derivative is taken as 0, which is the limit for
every gamma > 1. If all weights are 0 there is nothing to share: the result is NaN, so a machine refuses such weights.
"""

from numba.extending import register_jitable

from refseq.networks.turing_machine.cosine import inner_product
from refseq.primitives import exp, log, zero
from refseq.softmax import pivot


@register_jitable
def powers(e, a, factor, lane, lanes):
    """e[n] = exp(f (a[n] - a[m]))."""
    top = a[pivot(a)]
    n = lane
    while n < e.shape[0]:
        e[n] = exp(factor * (a[n] - top))
        n += lanes


@register_jitable
def shares(p, e, lane, lanes):
    """p[n] = e[n] / sum_k e[k]; not in place."""
    total = zero(e[0])
    for k in range(e.shape[0]):
        total = total + e[k]
    n = lane
    while n < p.shape[0]:
        p[n] = e[n] / total
        n += lanes


@register_jitable
def tempered_backward(da, p, dp, factor, scale, lane, lanes):
    """da[n] = f p[n] (dp[n] - sum_k p[k] dp[k]), where the cotangent of p is scale dp."""
    mean = inner_product(p, dp, p.shape[0])
    n = lane
    while n < da.shape[0]:
        da[n] = factor * (p[n] * (scale * (dp[n] - mean)))
        n += lanes


@register_jitable
def factor_backward(p, dp, a, scale):
    """df = sum_n p[n] (dp[n] - sum_k p[k] dp[k]) a[n], where the cotangent of p is scale dp; what has no share, and may
    have the score -inf, adds nothing."""
    mean, total = inner_product(p, dp, p.shape[0]), zero(p[0])
    for n in range(p.shape[0]):
        share = p[n] * (dp[n] - mean)
        if not share == zero(share):  # noqa: SIM201 - a ball around 0 is neither equal nor unequal
            total = total + share * a[n]
    return scale * total


@register_jitable
def logarithms(a, w, lane, lanes):
    """a[n] = log w[n]."""
    n = lane
    while n < a.shape[0]:
        a[n] = log(w[n])
        n += lanes


@register_jitable
def logarithms_backward(dw, w, lane, lanes):
    """dw[n] = dw[n] / w[n], in place of the cotangent of log w; 0 where w[n] is 0."""
    n = lane
    while n < dw.shape[0]:
        dw[n] = zero(w[n]) if w[n] == zero(w[n]) else dw[n] / w[n]
        n += lanes
