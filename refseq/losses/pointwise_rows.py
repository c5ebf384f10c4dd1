"""A loss of one token that is a sum over features: its loss and gradient, written once for any lanes.

element(x, y, p)  -> (value, slope)      x: prediction, y: target, p: the feature's own parameters, a tuple;
                                         slope: the derivative of value with respect to x
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.columns import gather
from refseq.lanes import ONE, Lanes
from refseq.primitives import zero


@cache
def build(element: Callable, parameters: int, lanes: Lanes = ONE) -> Callable:
    """token_loss(n, kind, x, index, y, smoothing, p, scale, q, tokens, dx) for token n, see ``refseq.losses.tokens``;
    p (P, K); kind, smoothing and q are not used."""
    rows, step, row, spread = tuple(range(parameters)), lanes.step, lanes.row, lanes.spread
    fold, within = lanes.fold, lanes.within

    @register_jitable
    def token_loss(n, kind, x, index, y, smoothing, p, scale, q, tokens, dx):
        predicted, target, slopes, factor = row(x, n), row(y, n), row(dx, n), spread(scale[n])
        total = zero(predicted[0])
        for k in range(0, len(predicted), step()):
            value, slope = element(predicted[k], target[k], gather(p, k, rows))
            total = total + within(value, k, len(predicted))
            slopes[k] = factor * slope
        tokens[n] = fold(total)

    return token_loss
