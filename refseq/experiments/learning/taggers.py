"""Networks that give every word a label, and sentences as one-hot numbers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

import refseq
from refseq.experiments.learning.recipe import DTYPE, initialised
from refseq.losses import cross_entropy
from refseq.stack import Stack

Sentence = Sequence[tuple[str, int]]
"""Words, each with its label."""
TAGGERS = ("feed_forward", "elman", "jordan", "bidirectional")


def tagger(name: str, words: int, n: int, labels: int, seed: int) -> tuple[Stack, dict[str, np.ndarray]]:
    """One of TAGGERS: from one-hot words to a logit for each label. Jordan's network is told its own logits."""
    if name == "jordan":
        model = refseq.stack(refseq.layer("jordan", words, n, outputs=labels, output="identity"))
    elif name == "feed_forward":
        below = refseq.layer("output", words, n, activation="tanh")
        model = refseq.stack(below, refseq.layer("output", n, labels))
    else:
        below = refseq.layer("elman", words, n, bidirectional=name == "bidirectional")
        model = refseq.stack(below, refseq.layer("output", below.outputs, labels))
    return model, initialised(model, seed)


def encoded(sentences: Sequence[Sentence], vocabulary: Sequence[str]) -> tuple[np.ndarray, tuple[Any, Any]]:
    """Words (T, B, V), and the labels (T, B) with the sentences' lengths; padding is zero."""
    lengths = np.array([len(sentence) for sentence in sentences])
    x = np.zeros((lengths.max(), len(sentences), len(vocabulary)), DTYPE)
    labels = np.zeros(x.shape[:2], int)
    places = {word: k for k, word in enumerate(vocabulary)}
    for row, sentence in enumerate(sentences):
        for t, (word, label) in enumerate(sentence):
            x[t, row, places[word]] = 1
            labels[t, row] = label
    return x, (labels, lengths)


def lengths_of(wanted: tuple[Any, Any]) -> Any:
    """The lengths of what ``encoded`` returns."""
    return wanted[1]


def judge(y: np.ndarray, wanted: tuple[Any, Any]) -> tuple[float, np.ndarray, float]:
    """Cross-entropy of every word, and how many labels are wrong."""
    labels, lengths = wanted
    loss = cross_entropy(y, labels, lengths=lengths)
    inside = np.arange(len(y))[:, None] < lengths
    return loss.value, loss.gradient, float((y.argmax(axis=2) != labels)[inside].mean())


def probability(y: np.ndarray, label: int) -> np.ndarray:
    """The probability (T, B) of a label, from the logits."""
    return np.exp(-cross_entropy(y, np.full(y.shape[:2], label)).tokens)
