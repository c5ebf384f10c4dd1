"""Sequence to sequence: an encoder reads the source, its last state starts a decoder, which writes the target.

    x = source embedding;  encoder;  s_0 = its final states, through a linear bridge W s + b where shapes differ
    z_t = output layer of decoder(target embedding of the token before t)        logits of token t

The encoder has no loss of its own. Everything that computes is a layer, an attention or an embedding of refseq, called
by its public functions. Tokens at t = 0 are preceded by ``start``.

I. Sutskever, O. Vinyals, Q. Le, NeurIPS 2014; K. Cho et al., EMNLP 2014.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from refseq import arguments, losses
from refseq.arrays import zeros
from refseq.layer import Layer, layer
from refseq.losses.loss import Loss
from refseq.seq2seq.attention_decoder import FEED, AttentionDecoder
from refseq.seq2seq.embedding import Embedding
from refseq.seq2seq.states import (
    Arrays,
    Recurrent,
    add_into,
    as_states,
    as_vector,
    joined,
    of_part,
    one_way,
    recurrent,
    state_sizes,
)
from refseq.targets import available
from refseq.targets.visiting import guests


@dataclass(frozen=True, eq=False)
class Encoded:
    """A source that was read: ``vector`` (B, S), all that the decoder starts from; ``memory`` (Ts, B, M), the encoder's
    outputs; and what backward needs."""

    vector: np.ndarray
    memory: np.ndarray
    lengths: np.ndarray
    target: str
    _runs: dict[str, Any] = field(repr=False)


@dataclass(frozen=True, eq=False)
class Seq2SeqRun:
    """A forward pass: ``logits`` (Tt, B, V); ``weights`` (Tt, B, Ts) of the attention or None; the source as it was
    read; the tokens that the decoder was given, ``inputs`` (Tt, B)."""

    logits: np.ndarray
    weights: np.ndarray | None
    encoded: Encoded
    inputs: np.ndarray
    model: "Seq2Seq" = field(repr=False)
    _runs: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Seq2Seq:
    """Immutable; make one with ``refseq.seq2seq.seq2seq`` or ``refseq.seq2seq.autoencoder``."""

    encoder: Recurrent
    decoder: Recurrent | AttentionDecoder
    source: Embedding
    target: Embedding
    start: int
    stop: int
    tied: bool = False

    def __post_init__(self) -> None:
        recurrent("encoder", self.encoder)
        recurrent("decoder", self.cell)
        for name, part, tokens in (("source", self.encoder, self.source), ("target", self.decoder, self.target)):
            if part.inputs != tokens.features:
                message = f"{name}: expected an embedding with as many features as {part} has inputs"
                raise ValueError(f"{message}, {part.inputs}, got {tokens.features}")
        if not one_way(self.cell):
            raise ValueError(f"decoder: expected one that runs forward only, got {self.decoder}")
        if self.looks and self.decoder.attention.keys != self.encoder.outputs:  # type: ignore[union-attr]
            keys = self.decoder.attention.keys  # type: ignore[union-attr]
            raise ValueError(f"decoder: expected keys of the encoder's {self.encoder.outputs} outputs, got {keys}")
        for name in ("start", "stop"):
            if arguments.integer(name, getattr(self, name), 0) >= self.target.tokens:
                raise ValueError(f"{name}: expected a token < {self.target.tokens}, got {getattr(self, name)}")
        if arguments.flag("tied", self.tied) and self.source != self.target:
            raise ValueError("tied: expected equal embeddings of source and target")

    @property
    def looks(self) -> bool:
        """Whether the decoder looks at the encoder's outputs."""
        return isinstance(self.decoder, AttentionDecoder)

    @property
    def cell(self) -> Recurrent:
        """What the decoder's states belong to."""
        return self.decoder.cell if isinstance(self.decoder, AttentionDecoder) else self.decoder

    @cached_property
    def output(self) -> Layer:
        """What makes logits."""
        return layer("output", self.decoder.outputs, self.target.tokens)

    @cached_property
    def bridge(self) -> Layer | None:
        """From the encoder's final states to the decoder's first ones; None where names and sizes are the same."""
        given, wanted = state_sizes(self.encoder), state_sizes(self.cell)
        if given == wanted:
            return None
        return layer("output", *(sum(a * b for a, b in sizes.values()) for sizes in (given, wanted)))

    @cached_property
    def _parts(self) -> dict[str, Any]:
        embeddings = {"embedding": self.source} if self.tied else {"source": self.source, "target": self.target}
        bridge = {} if self.bridge is None else {"bridge": self.bridge}
        return embeddings | {"encoder": self.encoder} | bridge | {"decoder": self.decoder, "output": self.output}

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name: those of the parts, ``encoder.W_hx``."""
        return joined({name: part.shapes for name, part in self._parts.items()})

    @property
    def label(self) -> str:
        """Encoder and decoder."""
        words = ["tied embeddings"] * self.tied + ["bridge"] * (self.bridge is not None)
        return f"{self.encoder.label} to {self.decoder.label}" + (f", {', '.join(words)}" if words else "")

    @property
    def sizes(self) -> str:
        """In words."""
        return f"{self.source.tokens} tokens, {self.encoder.sizes}; {self.decoder.sizes}, {self.target.tokens} tokens"

    @property
    def axes(self) -> Mapping[str, tuple[str, ...]]:
        """What the axes of every array are called."""
        matrices = {1: ("unit",), 2: ("block", "unit"), 3: ("block", "unit", "operand")}
        return {name: matrices[len(shape)] for name, shape in self.shapes.items()} | {
            "logits": ("time", "row", "token"),
            "weights": ("time", "row", "place"),
        }

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"

    def initialise(self, seed: int = 0, dtype: str = "float64") -> Arrays:
        """Parameters of all parts, each from a seed of its own."""
        seeds = np.random.SeedSequence(arguments.integer("seed", seed, 0)).generate_state(len(self._parts))
        parts = zip(self._parts.items(), seeds, strict=True)
        return joined({name: part.initialise(int(own), dtype=dtype) for (name, part), own in parts})

    @guests("params")
    def encode(
        self, params: Mapping[str, np.ndarray], source: np.ndarray, *, lengths: Any = None, target: str = "cpu"
    ) -> Encoded:
        """Read source tokens (Ts, B) within their lengths. Raises TypeError or ValueError naming the argument."""
        params = arguments.parameters(params, self.shapes, available(target).dtypes, target)
        self.source.checked("source", source, None if lengths is None else lengths)
        read = self.source.forward(self._own(params, "source"), source, lengths, target)
        run = self.encoder.forward(of_part(params, "encoder"), read.x, lengths=lengths, target=target)
        vector, bridged = as_vector(self.encoder, run.state), None
        if self.bridge is not None:
            bridged = self.bridge.forward(of_part(params, "bridge"), vector[None], target=target)
            vector = bridged.y[0]
        counts = arguments.lengths(lengths, *read.x.shape[:2])
        return Encoded(vector, run.y, counts, target, {"source": read, "encoder": run, "bridge": bridged})

    @guests("params")
    def forward(
        self,
        params: Mapping[str, np.ndarray],
        source: np.ndarray,
        targets: np.ndarray,
        *,
        lengths: Any = None,
        target_lengths: Any = None,
        inputs: np.ndarray | None = None,
        target: str = "cpu",
    ) -> Seq2SeqRun:
        """Logits of every target token, the tokens before it given (teacher forcing).

        source, targets          integers (Ts, B) and (Tt, B); what lies beyond ``lengths`` and ``target_lengths`` (B,)
                                 is not looked at
        inputs                   None for ``start`` and the targets before, or the tokens (Tt, B) that the decoder is
                                 given, as from ``scheduled``

        The loss is ``refseq.losses.cross_entropy(run.logits, targets, lengths=target_lengths)``; its gradient is what
        ``backward`` takes. Raises TypeError or ValueError naming the argument.
        """
        given = arguments.parameters(params, self.shapes, available(target).dtypes, target)
        encoded = self.encode(params, source, lengths=lengths, target=target)
        rows = len(encoded.vector)
        checked = self.target.checked("targets", targets, target_lengths)
        if checked.shape[1] != rows:
            raise ValueError(f"targets: expected shape (T, {rows}), got {checked.shape}")
        if inputs is None:
            inputs = np.concatenate([np.full((1, rows), self.start), checked[:-1]]) if len(checked) else checked
        elif self.target.checked("inputs", inputs, target_lengths).shape != checked.shape:
            raise ValueError(f"inputs: expected shape {checked.shape} like targets, got {np.shape(inputs)}")
        counts = arguments.lengths(target_lengths, len(checked), checked.shape[1], "target_lengths")
        logits, weights, runs, _ = self._decode(given, encoded, inputs, self.first_state(encoded), counts)
        return Seq2SeqRun(logits, weights, encoded, inputs, self, runs)

    def first_state(self, encoded: Encoded) -> Arrays:
        """The decoder's states before its first step; what is fed is zero."""
        state = as_states(self.cell, encoded.vector)
        if FEED in self.decoder.states:
            state[FEED] = zeros(self.decoder.state_shape(len(encoded.vector), FEED), encoded.vector)
        return state

    def _decode(
        self, params: Arrays, encoded: Encoded, inputs: np.ndarray, state: Arrays, counts: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None, dict[str, Any], Arrays]:
        """Logits, weights, what backward needs, and final states, from these states."""
        where, own = encoded.target, of_part(params, "decoder")
        read = self.target.forward(self._own(params, "target"), inputs, counts, where)
        if isinstance(self.decoder, AttentionDecoder):
            memory = {"memory_lengths": encoded.lengths}
            run: Any = self.decoder.forward(own, read.x, encoded.memory, state, counts, where, **memory)
        else:
            run = self.decoder.forward(own, read.x, state, counts, where)
        made = self.output.forward(of_part(params, "output"), run.y, lengths=counts, target=where)
        runs = {"target": read, "decoder": run, "output": made}
        return made.y, getattr(run, "weights", None), runs, dict(run.state)

    @guests("dlogits", "dweights")
    def backward(self, run: Seq2SeqRun, dlogits: np.ndarray, dweights: np.ndarray | None = None) -> Arrays:
        """The gradient of sum(dlogits * logits) + sum(dweights * weights) for all parameters, through decoder, bridge
        and encoder. Raises TypeError or ValueError naming the argument."""
        if not isinstance(run, Seq2SeqRun):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.model != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.model}")
        if dweights is not None and not self.looks:
            raise ValueError("dweights: the decoder has no attention")
        dlogits = arguments.readable("dlogits", dlogits, run.logits.shape, run.logits.dtype)
        found: Arrays = {}
        made = self.output.backward(run._runs["output"], dlogits)
        if isinstance(self.decoder, AttentionDecoder):
            pulled: Any = self.decoder.backward(run._runs["decoder"], made.x, None, dweights)
            dmemory = pulled.memory
        else:
            pulled, dmemory = self.decoder.backward(run._runs["decoder"], made.x), None
        add_into(found, joined({"output": made.params, "decoder": pulled.params}))
        add_into(found, self._named("target", self.target.backward(run._runs["target"], pulled.x)))
        dvector, before = as_vector(self.cell, pulled.state), run.encoded._runs
        if self.bridge is not None:
            bridged = self.bridge.backward(before["bridge"], dvector[None])
            add_into(found, joined({"bridge": bridged.params}))
            dvector = bridged.x[0]
        read = self.encoder.backward(before["encoder"], dmemory, as_states(self.encoder, dvector))
        add_into(found, joined({"encoder": read.params}))
        add_into(found, self._named("source", self.source.backward(before["source"], read.x)))
        return {name: found[name] for name in self.shapes}

    @guests("params")
    def loss(
        self,
        params: Mapping[str, np.ndarray],
        source: np.ndarray,
        targets: np.ndarray,
        *,
        lengths: Any = None,
        target_lengths: Any = None,
        inputs: np.ndarray | None = None,
        target: str = "cpu",
        **options: Any,
    ) -> tuple[Loss, Arrays]:
        """The cross-entropy of the targets and its gradient for all parameters; ``options`` as
        ``refseq.losses.cross_entropy`` has them."""
        who = {"lengths": lengths, "target_lengths": target_lengths, "inputs": inputs, "target": target}
        run = self.forward(params, source, targets, **who)
        loss = losses.cross_entropy(run.logits, targets, lengths=target_lengths, target=target, **options)
        return loss, self.backward(run, loss.gradient)

    def _own(self, params: Arrays, embedding: str) -> Arrays:
        return of_part(params, "embedding" if self.tied else embedding)

    def _named(self, embedding: str, grads: Arrays) -> Arrays:
        return joined({"embedding" if self.tied else embedding: grads})
