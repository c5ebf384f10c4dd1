"""Both directions of an end-to-end memory network on a target."""

from dataclasses import dataclass

import numpy as np

from refseq.arrays import few, zeros
from refseq.kernels import compiled
from refseq.networks.memory_network.encoding import fill_positions
from refseq.networks.memory_network.end_to_end import (
    build_ages,
    build_backward,
    build_embeddings,
    build_forward,
    tables,
)
from refseq.networks.memory_network.text import Text, occurrences
from refseq.networks.outer import outer
from refseq.rowwise import run_rows

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True)
class Plan:
    """The options."""

    hops: int
    adjacent: bool
    positions: bool
    temporal: bool

    @property
    def how(self) -> np.ndarray:
        """As the rows want them."""
        return np.array([self.hops, self.adjacent, self.positions, self.temporal], np.int64)


@dataclass(frozen=True, eq=False)
class Weights:
    """The tables E (tables, V, d); T (tables of the memory, ages, d) and H (d, 1, d), or one number each."""

    E: np.ndarray
    T: np.ndarray
    H: np.ndarray


@dataclass(frozen=True, eq=False)
class Recording:
    """What a forward pass leaves."""

    plan: Plan
    weights: Weights
    text: Text
    target: str
    factors: np.ndarray
    sentences: np.ndarray
    u: np.ndarray
    p: np.ndarray
    logits: np.ndarray


def factors_of(text: Text, positions: bool, like: np.ndarray) -> np.ndarray:
    """The table of ``encoding``, or one number if it is not asked."""
    if not positions:
        return few((1, 1, 1), like)
    found = few((text.longest + 1, text.longest, like.shape[-1]), like)
    compiled(fill_positions, str(found.dtype))(found)
    return found


def forward(plan: Plan, weights: Weights, text: Text, target: str) -> Recording:
    """The logits of every question."""
    (rows, slots), like = text.words.shape, weights.E
    _, vocabulary, width = like.shape
    memories, _, _ = tables(plan.hops, plan.adjacent)
    sentences = zeros((rows, memories, slots, width), like)
    u, p = zeros((rows, plan.hops + 1, width), like), zeros((rows, plan.hops, slots), like)
    logits, factors = zeros((rows, 1, vocabulary), like), factors_of(text, plan.positions, like)
    w, t = weights, text
    run_rows(
        build_forward,
        (),
        rows,
        [plan.how, w.E, w.T, w.H, factors, t.story, t.words, t.ages, t.query, t.asked],
        [sentences, u, p, logits],
        [zeros((rows, slots), like), zeros((rows, slots), like)],
        target=target,
        units=max(slots, width, vocabulary),
        work=_work(text, sentences, vocabulary),
    )
    return Recording(plan, weights, text, target, factors, sentences, u, p, logits)


def backward(recording: Recording, dlogits: np.ndarray) -> Weights:
    """Gradients of the weights from the cotangents (B, 1, V) of the logits."""
    plan, w, t, u, p = recording.plan, recording.weights, recording.text, recording.u, recording.p
    (rows, slots), like = t.words.shape, w.E
    _, vocabulary, width = like.shape
    dsentences, du = zeros(recording.sentences.shape, like), zeros(u.shape, like)
    run_rows(
        build_backward,
        (),
        rows,
        [plan.how, w.E, w.H, t.words, recording.sentences, u, p, dlogits],
        [dsentences, du],
        [zeros((rows, slots), like), zeros((rows, slots), like)],
        target=recording.target,
        units=max(slots, width),
        work=_work(t, dsentences, vocabulary),
    )
    dE, dT, dH = (zeros(array.shape, like) for array in (w.E, w.T, w.H))
    told, asked = occurrences(t.story, vocabulary), occurrences(t.query, vocabulary)
    where = [told.first, told.places, asked.first, asked.places]
    run_rows(
        build_embeddings,
        (),
        vocabulary,
        [plan.how, recording.factors, t.words, t.asked, *where, u, dsentences, du, dlogits],
        [dE],
        target=recording.target,
        units=width,
        work=(rows + len(told.places) // vocabulary) * width * len(dE),
    )
    if plan.temporal:
        run_rows(
            build_ages,
            (),
            dT.shape[1],
            [t.words, t.ages, dsentences],
            [dT],
            target=recording.target,
            units=width,
            work=len(dT) * t.words.size,
        )
    if not plan.adjacent:
        before, after = u[:, :-1].transpose(1, 0, 2), du[:, 1:].transpose(1, 0, 2)
        dH[:, 0] = outer(before, after, np.full(rows, plan.hops), like, recording.target)[:-1]
    return Weights(dE, dT, dH)


def _work(text: Text, sentences: np.ndarray, vocabulary: int) -> int:
    """Operations of a row, roughly."""
    _, memories, slots, width = sentences.shape
    return width * (memories * slots * (text.story.shape[2] + 4) + vocabulary)
