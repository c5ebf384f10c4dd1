"""Losses of the choice of a supporting fact, of one row: the value, and the gradient with respect to the scores.

    margin         sum over other filled slots i of max(0, margin - s_fact + s_i)       (Weston et al. 2014, eqs. 6, 7)
    cross-entropy  -log softmax(s)[fact]                                               over the filled slots

scores, dscores (B, F, N), words (B, N), facts (B, F): -1 where no fact is asked for; values (B, F).
"""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.networks.memory_network.masked import largest
from refseq.primitives import exp, log, relu, relu_slope, zero
from refseq.team import Team

LOSSES = ("margin", "cross_entropy")


def build_margin(team: Team) -> Callable:
    """row(b, scores, words, facts, margin, scale, values, dscores); margin (1,), scale (1,)."""
    index, size = team.index, team.size

    @register_jitable
    def margin_row(b, scores, words, facts, margin, scale, values, dscores):
        f = index()
        while f < facts.shape[1]:
            fact, total, slope = facts[b, f], zero(margin[0]), zero(margin[0])
            if fact >= 0:
                for i in range(words.shape[1]):
                    if i != fact and words[b, i] > 0:
                        short = relu(margin[0] - scores[b, f, fact] + scores[b, f, i])
                        total = total + short
                        dscores[b, f, i] = scale[0] * relu_slope(short)
                        slope = slope + dscores[b, f, i]
                dscores[b, f, fact] = -slope
                values[b, f] = total
            f += size()

    return margin_row


def build_cross_entropy(team: Team) -> Callable:
    """row(b, scores, words, facts, margin, scale, values, dscores); the margin is not read."""
    index, size = team.index, team.size

    @register_jitable
    def cross_entropy_row(b, scores, words, facts, margin, scale, values, dscores):
        f = index()
        while f < facts.shape[1]:
            fact = facts[b, f]
            if fact >= 0:
                top = scores[b, f, largest(scores[b, f], words[b])]
                total = zero(top)
                for i in range(words.shape[1]):
                    if words[b, i] > 0:
                        dscores[b, f, i] = exp(scores[b, f, i] - top)
                        total = total + dscores[b, f, i]
                for i in range(words.shape[1]):
                    if words[b, i] > 0:
                        dscores[b, f, i] = scale[0] * (dscores[b, f, i] / total)
                dscores[b, f, fact] = dscores[b, f, fact] - scale[0]
                values[b, f] = log(total) + (top - scores[b, f, fact])
            f += size()

    return cross_entropy_row
