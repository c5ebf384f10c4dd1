"""Sequence to sequence: a model on given tokens as a function of its parameters, examples, and problems."""

from collections.abc import Iterator
from typing import Any

import numpy as np

import refseq
from refseq.checks.function import Arrays, Function, Named, Point, gradients
from refseq.checks.problem import Drawing
from refseq.checks.structures.kind import Kind, Kinds
from refseq.seq2seq import Frames, Seq2Seq, attention_decoder, autoencoder, frame_autoencoder, seq2seq

SOURCE, TARGET = np.array([[1, 3, 2], [4, 0, 2], [1, 2, 0], [3, 1, 4]]), np.array([[2, 1, 3], [3, 0, 2], [1, 2, 0]])
LENGTHS, TARGET_LENGTHS = np.array([4, 0, 3]), np.array([3, 2, 1])


def examples(inputs: int, _units: int) -> Iterator[Seq2Seq]:
    """With and without bridge and attention, each query, a source read backwards, a tied embedding, frames."""
    layer, attention = refseq.layer, refseq.attention
    special: Any = {"start": 0, "stop": 1}
    encoder = layer("gru", inputs, 2, bidirectional=True)
    yield seq2seq(encoder, layer("lstm", 2, 3), 5, 4, **special, source_pad=2)
    fed = attention_decoder(layer("elman", 4, 3), attention("general", 3, 4), 2)
    yield seq2seq(encoder, fed, 5, 4, **special)
    looking = attention_decoder(layer("gru", 4, 2), attention("additive", 2, 2, units=3), 2, query="previous")
    yield seq2seq(layer("gru", inputs, 2), looking, 5, 4, **special, reverse_source=True)
    yield autoencoder(layer("elman", inputs, 3), layer("elman", inputs, 3), 5, **special)
    yield frame_autoencoder(layer("gru", inputs, 2), layer("lstm", inputs, 2), inputs, reverse_source=True)


def problems(model: Seq2Seq, dtype: str, seed: int = 0) -> Iterator[Point]:
    """Rows of all, some and no source tokens, repeated tokens."""
    drawing = Drawing(np.random.default_rng([seed, model.encoder.inputs]), "generic", dtype)
    values = drawing.weights(model.shapes)
    steps, rows = TARGET.shape
    cotangents = {"logits": drawing.signals((steps, rows, model.target.width))}
    if model.looks:
        cotangents["weights"] = drawing.signals((steps, rows, len(SOURCE)))
    label, who = f"{len(SOURCE)} source and {steps} target tokens", (LENGTHS, TARGET_LENGTHS)
    if isinstance(model.target, Frames):
        frames = {"source": drawing.signals((len(SOURCE), rows, model.source.width))}
        frames["targets"] = drawing.signals((steps, rows, model.target.width))
        yield Point(model, dtype, label, of_frames(model, *who), values, cotangents, frames)
    else:
        yield Point(model, dtype, label, of_seq2seq(model, SOURCE, TARGET, *who), values, cotangents)


def of_seq2seq(
    model: Seq2Seq, source: np.ndarray, targets: np.ndarray, lengths: Any = None, target_lengths: Any = None
) -> Function:
    """A model on these tokens: values are its parameters; results are ``logits``, and ``weights`` if it has any."""

    def forward(values: Named, _constants: Named, target: str) -> tuple[Arrays, Any]:
        params, who = dict(values), {"lengths": lengths, "target_lengths": target_lengths}
        run = model.forward(params, source, targets, target=target, **who)
        return {"logits": run.logits} | ({} if run.weights is None else {"weights": run.weights}), run

    def backward(run: Any, cotangents: Named) -> Arrays:
        return gradients(model.backward(run, cotangents["logits"], cotangents.get("weights")))

    return Function(forward, backward)


def of_frames(model: Seq2Seq, lengths: Any = None, target_lengths: Any = None) -> Function:
    """The same of real-valued frames, which are constants: ``source`` and ``targets``."""

    def forward(values: Named, constants: Named, target: str) -> tuple[Arrays, Any]:
        who = {"lengths": lengths, "target_lengths": target_lengths}
        run = model.forward(dict(values), constants["source"], constants["targets"], target=target, **who)
        return {"logits": run.logits}, run

    return Function(forward, lambda run, cotangents: gradients(model.backward(run, cotangents["logits"])))


KINDS: Kinds = {
    Seq2Seq: Kind(examples, problems, "refseq.seq2seq, layer, attention", "rows of 4, 0 and 3 source tokens"),
}
