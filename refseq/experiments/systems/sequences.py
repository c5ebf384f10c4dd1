"""Copying symbols from an encoder to a decoder: models, batches of mixed lengths, what is right, and its picture."""

from typing import Any

import numpy as np

import refseq
from refseq.experiments import pictures
from refseq.experiments.data import dataset, setting
from refseq.experiments.learning.recipe import DTYPE, Result, descend
from refseq.experiments.systems import curves
from refseq.losses import cross_entropy
from refseq.seq2seq import Seq2Seq, attention_decoder, generate, seq2seq

START, STOP, SYMBOLS, FEATURES = 0, 1, 8, 8
"""Two tokens that are no symbols, the number of symbols, and the entries of an embedding."""
TOKENS = SYMBOLS + 2
ROWS = 200
"""Sequences that are tested at every length."""
Batch = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Source (T, B), targets (T + 1, B) with the stop symbol, and lengths of the source (B,)."""


def fixed(n: int, *, reverse_source: bool = False) -> Seq2Seq:
    """The encoder's last state is all that the decoder has of the source."""
    encoder, decoder = (refseq.layer("gru", FEATURES, n) for _ in range(2))
    return seq2seq(encoder, decoder, TOKENS, TOKENS, start=START, stop=STOP, reverse_source=reverse_source)


def attentive(n: int) -> Seq2Seq:
    """The decoder looks at all of the encoder's states at every step."""
    cell = refseq.layer("gru", FEATURES + n, n)
    decoder = attention_decoder(cell, refseq.attention("general", n, n), n)
    return seq2seq(refseq.layer("gru", FEATURES, n), decoder, TOKENS, TOKENS, start=START, stop=STOP)


def tested(longest: int) -> tuple[int, ...]:
    """Lengths up to half as many symbols again as in training."""
    return tuple(sorted({1, *(max(1, longest * k // 4) for k in range(1, 7))}))


def draw(rng: np.random.Generator, rows: int, longest: int, length: int | None = None) -> Batch:
    """Sequences of 1 to ``longest`` symbols, or all of this length, which are their own targets."""
    lengths = rng.integers(1, longest + 1, rows) if length is None else np.full(rows, length)
    source = rng.integers(STOP + 1, TOKENS, (lengths.max(), rows))
    targets = np.concatenate([source, np.full((1, rows), STOP)])
    targets[lengths, np.arange(rows)] = STOP
    return source, targets, lengths


def train(model: Seq2Seq, configuration: dict[str, Any], seed: int) -> Result:
    """Teacher forcing; errors are wrong symbols, the stop symbol among them, when those before are given."""
    longest, rows = configuration["longest"], configuration["rows"]

    def step(params: dict[str, np.ndarray], batch: Batch) -> tuple[float, dict[str, np.ndarray], float]:
        source, targets, lengths = batch
        run = model.forward(params, source, targets, lengths=lengths, target_lengths=lengths + 1)
        loss = cross_entropy(run.logits, targets, lengths=lengths + 1)
        inside = np.arange(len(targets))[:, None] <= lengths
        wrong = float((run.logits.argmax(axis=2) != targets)[inside].mean())
        return loss.value, model.backward(run, loss.gradient), wrong

    params = model.initialise(seed, dtype=DTYPE)
    return descend(step, params, lambda rng: draw(rng, rows, longest), configuration, seed)


def right(model: Seq2Seq, params: dict[str, np.ndarray], lengths: tuple[int, ...], seed: int) -> np.ndarray:
    """The share of symbols, by length, that the decoder writes in their places when it is given its own outputs."""
    rng, found = np.random.default_rng([seed, 2]), []
    for length in lengths:
        source, _, counts = draw(rng, ROWS, length, length)
        made = generate(model, params, source, length, lengths=counts).tokens
        found.append(float((made == source[: len(made)]).sum()) / source.size)
    return np.array(found)


def measured(model: Seq2Seq, configuration: dict[str, Any], seed: int) -> Any:
    """Train, test on all lengths."""
    result = train(model, configuration, seed)
    lengths = tested(configuration["longest"])
    share = right(model, result.params, lengths, seed)
    return dataset(
        {
            **curves.curves(result, configuration["updates"], "right symbols, those before given,"),
            "right": (("length",), share, "1", "share of right symbols written after training"),
            "parameters": ((), sum(value.size for value in result.params.values()), "1", "numbers that are learned"),
        },
        {
            "update": curves.coordinate(configuration["updates"]),
            "length": (("length",), np.array(lengths), "1", "symbols of a sequence"),
        },
    )


def picture(found: Any, axis: str, names: dict[str, str]) -> Any:
    """Curves, and what is right by length."""
    figure, axes = pictures.figure(3, 1, width=4.4)
    curves.drawn(axes[0, :2], found, axis, names)
    axes[0, 0].set_title("loss in training")
    axes[0, 1].set_title("share of right symbols in training, those before given")
    curves.by_length(axes[0, 2], found, "right", axis, names, setting(found, "longest"))
    axes[0, 2].set_title("share of right symbols by length, own outputs")
    curves.chance(axes[0, 1:], 1 / SYMBOLS)
    return figure
