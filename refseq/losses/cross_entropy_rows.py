"""Softmax cross-entropy of one token: its loss, and the gradient in place of the exponentials.

Written about the pivot m, the largest logit (``refseq.losses.cross_entropy``), once for any lanes. The pivot's own
gradient, mass p_m - q_m, is (mass - q_m) / (1 + rest) - q_m rest / (1 + rest).
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.exponentials import build as build_exponentials
from refseq.lanes import ONE, Lanes
from refseq.primitives import complement, log1p, zero

INDEX, SMOOTHED, DISTRIBUTION = range(3)
"""Targets: a class that has all the mass; one whose mass is spread; a distribution."""


@cache
def build(lanes: Lanes = ONE) -> Callable:
    """token_loss(n, kind, a, index, y, smoothing, w, scale, q, tokens, da) for token n, as a plain function that numba
    can compile. a, y, da (N, V); index, scale, tokens (N,); smoothing: (1 - s, s/V); q: room for a row."""
    step, row, entry, put, spread = lanes.step, lanes.row, lanes.entry, lanes.put, lanes.spread
    fold, apart, product, less, pivot = lanes.fold, lanes.apart, lanes.product, lanes.less, lanes.pivot
    exponentials = build_exponentials(lanes)

    @register_jitable
    def of_class(k, weight, a, da, scale):
        """-weight log p[k] for p = softmax(a); writes da = scale times its gradient."""
        m = pivot(a)
        others = exponentials(da, a, m)
        share = weight / complement(-others)
        value = product(weight, (entry(a, m) - entry(a, k)) + log1p(others))
        slope = scale * less(entry(da, k), share, weight)
        factor, outer = spread(share), spread(scale)
        for c in range(0, len(a), step()):
            da[c] = outer * (da[c] * factor)
        put(da, k, slope if k != m else -(scale * (weight * (others / complement(-others)))))
        return value

    @register_jitable
    def expected_surprise(q, a, da, scale):
        """-sum_c q[c] log p[c] for p = softmax(a); writes da = scale times its gradient. A c with q[c] = 0 adds
        nothing, even where p[c] = 0."""
        m = pivot(a)
        others = exponentials(da, a, m)
        log_total, top = spread(log1p(others)), spread(entry(a, m))
        value, elsewhere = zero(top), zero(top)  # elsewhere: the sum of q without q[m]
        for c in range(0, len(a), step()):
            value = value + product(q[c], (top - a[c]) + log_total)
            elsewhere = elsewhere + apart(q[c], c, m)
        besides = fold(elsewhere)
        mass = besides + entry(q, m)
        share, outer = spread(mass / complement(-others)), spread(scale)
        for c in range(0, len(a), step()):
            da[c] = outer * less(da[c], share, q[c])
        put(da, m, scale * (besides / complement(-others) - entry(q, m) * (others / complement(-others))))
        return fold(value)

    @register_jitable
    def token_loss(n, kind, a, index, y, smoothing, w, scale, q, tokens, da):
        k, weights = index[n], row(w, 0)
        if kind == INDEX:
            tokens[n] = of_class(k, entry(weights, k), row(a, n), row(da, n), scale[n])
            return
        kept, rest = smoothing[0], smoothing[1]
        if kind == SMOOTHED:
            low = spread(rest)
            for c in range(0, len(weights), step()):
                q[c] = weights[c] * low
            put(q, k, entry(weights, k) * (kept + rest))
        else:
            target, high, low = row(y, n), spread(kept), spread(rest)
            for c in range(0, len(weights), step()):
                q[c] = weights[c] * (high * target[c] + low)
        tokens[n] = expected_surprise(q, row(a, n), row(da, n), scale[n])

    return token_loss
