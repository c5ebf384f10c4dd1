"""Losses of the choice of a supporting fact, of one row: the value, and the gradient with respect to the scores.

    margin         sum over other filled slots i of max(0, margin - s_fact + s_i)       (Weston et al. 2014, eqs. 6, 7)
    cross-entropy  -log softmax(s)[fact]                                               over the filled slots

scores, dscores (F, B, N), words (B, N), facts (F, B): -1 where no fact is asked for; values (F, B). Row k of the run is
fact k // B of story k % B.
"""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.networks.memory_network.masked import largest
from refseq.primitives import exp, log, relu, relu_slope, zero
from refseq.team import Team

LOSSES = ("margin", "cross_entropy")


def build_margin(team: Team) -> Callable:
    """row(k, scores, words, facts, margin, scale, values, dscores); margin (1,), scale (1,)."""
    index = team.index

    @register_jitable
    def margin_row(k, scores, words, facts, margin, scale, values, dscores):
        f, b = k // words.shape[0], k % words.shape[0]
        fact = facts[f, b]
        if index() == 0 and fact >= 0:
            total, slope = zero(margin[0]), zero(margin[0])
            for i in range(words.shape[1]):
                if i != fact and words[b, i] > 0:
                    short = relu(margin[0] - scores[f, b, fact] + scores[f, b, i])
                    total = total + short
                    dscores[f, b, i] = scale[0] * relu_slope(short)
                    slope = slope + dscores[f, b, i]
            dscores[f, b, fact] = -slope
            values[f, b] = total

    return margin_row


def build_cross_entropy(team: Team) -> Callable:
    """row(k, scores, words, facts, margin, scale, values, dscores); the margin is not read."""
    index = team.index

    @register_jitable
    def cross_entropy_row(k, scores, words, facts, margin, scale, values, dscores):
        f, b = k // words.shape[0], k % words.shape[0]
        fact = facts[f, b]
        if index() == 0 and fact >= 0:
            top = scores[f, b, largest(scores[f, b], words[b])]
            total = zero(top)
            for i in range(words.shape[1]):
                if words[b, i] > 0:
                    dscores[f, b, i] = exp(scores[f, b, i] - top)
                    total = total + dscores[f, b, i]
            for i in range(words.shape[1]):
                if words[b, i] > 0:
                    dscores[f, b, i] = scale[0] * (dscores[f, b, i] / total)
            dscores[f, b, fact] = dscores[f, b, fact] - scale[0]
            values[f, b] = log(total) + (top - scores[f, b, fact])

    return cross_entropy_row
