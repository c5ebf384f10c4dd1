"""Both directions of a memory network that chooses, and the losses of its choices, on a target."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq.arrays import Elsewhere, contiguous, few, sample, zeros
from refseq.networks.memory_network import hard, ranking
from refseq.networks.memory_network.end_to_end import build_ages
from refseq.networks.memory_network.passes import factors_of
from refseq.networks.memory_network.text import Text, occurrences
from refseq.primitives import complement, constant, count, zero
from refseq.rowwise import run_rows


@dataclass(frozen=True, eq=False)
class Recording:
    """What a forward pass leaves; ``hard`` says what is what."""

    E: np.ndarray
    T: np.ndarray
    facts: int
    temporal: bool
    text: Text
    target: str
    factors: np.ndarray
    scores: np.ndarray
    y: np.ndarray
    g: np.ndarray
    r: np.ndarray
    logits: np.ndarray
    chosen: np.ndarray


def forward(
    E: np.ndarray, T: np.ndarray, facts: int, temporal: bool, text: Text, given: np.ndarray, target: str
) -> Recording:
    """Choices and logits of every question."""
    (rows, slots), (_, vocabulary, width) = text.words.shape, E.shape
    scores, y, g = zeros((rows, facts, slots), E), zeros((rows, slots, width), E), zeros((rows, facts, width), E)
    r, logits, factors = zeros((rows, width), E), zeros((rows, vocabulary), E), factors_of(text, False, E)
    chosen = np.full((rows, facts), -1, np.int64)
    ages = np.array([temporal], np.int64)
    told = [text.story, text.words, text.ages, text.query, text.asked, given]
    run_rows(
        hard.build_forward,
        (),
        rows,
        [ages, E, T, factors, *told],
        [scores, y, g, r, logits, chosen],
        target=target,
        units=max(slots, width, vocabulary),
        work=width * (slots * (text.story.shape[2] + facts) + vocabulary),
    )
    return Recording(E, T, facts, temporal, text, target, factors, scores, y, g, r, logits, chosen)


def backward(recording: Recording, dscores: np.ndarray, dlogits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Gradients of E and T from the cotangents of scores (B, F, N) and logits (B, V)."""
    kept, t, E = recording, recording.text, recording.E
    _, vocabulary, width = E.shape
    target = kept.target
    dy, dg, dr = (zeros(array.shape, E) for array in (kept.y, kept.g, kept.r))
    rows = len(t.words)
    run_rows(
        hard.build_backward,
        (),
        rows,
        [E, t.words, kept.chosen, kept.y, kept.g, dscores, dlogits],
        [dy, dg, dr],
        target=target,
        units=width,
        work=width * (vocabulary + 2 * kept.facts * t.words.shape[1]),
    )
    dE, dT = zeros(E.shape, E), zeros(kept.T.shape, E)
    told, asked = occurrences(t.story, vocabulary), occurrences(t.query, vocabulary)
    where = [told.first, told.places, asked.first, asked.places]
    run_rows(
        hard.build_embeddings,
        (),
        vocabulary,
        [kept.factors, t.words, t.asked, *where, kept.chosen, kept.r, dlogits, dy, dg, dr],
        [dE],
        target=target,
        units=width,
        work=(rows + len(told.places) // vocabulary) * width,
    )
    if kept.temporal:
        told_apart = [t.words, t.ages, contiguous(dy[:, None])]
        run_rows(build_ages, (), len(dT), told_apart, [dT[None]], target=target, units=width, work=t.words.size)
    return dE, dT


def loss(
    recording: Recording, facts: np.ndarray, kind: str, margin: float, reduction: str
) -> tuple[Any, np.ndarray, np.ndarray]:
    """Of the choices of these facts (B, F): the value, the gradient (B, F, N) and every fact's own loss (B, F)."""
    like, words = recording.scores, recording.text.words
    rows, hops, slots = like.shape
    values, dscores = zeros((rows, hops), recording.E), zeros(like.shape, recording.E)
    limit, scale = few((1,), recording.E), few((1,), recording.E)
    number = sample(recording.E)
    limit[0] = constant(number, margin)
    scale[0] = complement(zero(number))
    asked = max(int((facts >= 0).sum()), 1)
    if reduction == "mean":
        scale[0] = scale[0] / count(number, asked)
    run_rows(
        ranking.build_margin if kind == "margin" else ranking.build_cross_entropy,
        (),
        rows,
        [like, words, facts, limit, scale],
        [values, dscores],
        target=recording.target,
        units=hops,
        work=hops * slots,
    )
    if isinstance(values, Elsewhere):
        return values.weighed(np.full(values.size, scale[0])), dscores, values
    total = zero(number)
    for value in values.flat:
        total = total + value
    return total * scale[0], dscores, values
