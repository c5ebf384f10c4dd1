"""Sequence to sequence: an encoder reads the source, its last state starts a decoder, which writes the target.

    x = source embedding;  encoder;  s_0 = its final states, through a linear bridge W s + b where shapes differ
    z_t = output layer of decoder(target embedding of the token before t)        logits of token t

Real-valued frames may stand in the place of tokens, on either side: they are their own embedding, and z_t is the frame.

The encoder has no loss of its own. Everything that computes is a layer, an attention or an embedding of refseq, called
by its public functions. Tokens at t = 0 are preceded by ``start``.

I. Sutskever, O. Vinyals, Q. Le, NeurIPS 2014; K. Cho et al., EMNLP 2014.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import zeros
from refseq.losses.loss import Loss
from refseq.networks.attention.memory import Memory
from refseq.seq2seq.assembly import Assembly
from refseq.seq2seq.attention_decoder import FEED, AttentionDecoder
from refseq.seq2seq.states import Arrays, add_into, as_states, as_vector, joined, of_part, turned
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
    """A forward pass: ``logits`` (Tt, B, V), or where the targets are frames, frames (Tt, B, F); ``weights``
    (Tt, B, Ts) of the attention or None; the source as it was read; what the decoder was given, ``inputs``."""

    logits: np.ndarray
    weights: np.ndarray | None
    encoded: Encoded
    inputs: np.ndarray
    model: "Seq2Seq" = field(repr=False)
    _runs: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Seq2Seq(Assembly):
    """Immutable; make one with ``refseq.seq2seq.seq2seq`` or ``refseq.seq2seq.autoencoder``."""

    @guests("params", "source")
    def encode(
        self, params: Mapping[str, np.ndarray], source: np.ndarray, *, lengths: Any = None, target: str = "cpu"
    ) -> Encoded:
        """Read source tokens (Ts, B), or frames (Ts, B, F), within their lengths. Raises TypeError or ValueError naming
        the argument."""
        params = arguments.parameters(params, self.shapes, available(target).dtypes, target)
        source = self.source.checked("source", source, lengths, next(iter(params.values())))
        counts = arguments.lengths(lengths, len(source), source.shape[1])
        read = self.source.forward(self._own(params, "source"), self._order(source, counts), counts, target)
        run = self.encoder.forward(of_part(params, "encoder"), read.x, lengths=counts, target=target)
        vector, bridged = as_vector(self.encoder, run.state), None
        if self.bridge is not None:
            bridged = self.bridge.forward(of_part(params, "bridge"), vector[None], target=target)
            vector = bridged.y[0]
        memory, runs = self._order(run.y, counts), {"source": read, "encoder": run, "bridge": bridged}
        return Encoded(vector, memory, counts, target, runs)

    def _order(self, array: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """From the order of the source to that in which it is read, and back."""
        return turned(array, counts) if self.reverse_source else array

    @guests("params", "source", "targets")
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

        source, targets          integers (Ts, B) and (Tt, B), or frames (T, B, F) of the parameters' dtype; what lies
                                 beyond ``lengths`` and ``target_lengths`` (B,) is not looked at
        inputs                   None for ``start`` (of frames: 0) and the targets before, or what the decoder is
                                 given instead, as from ``scheduled``

        The loss is ``refseq.losses.cross_entropy(run.logits, targets, lengths=target_lengths)``, of frames
        ``squared_error``; its gradient is what ``backward`` takes. Raises TypeError or ValueError naming the argument.
        """
        given = arguments.parameters(params, self.shapes, available(target).dtypes, target)
        encoded = self.encode(params, source, lengths=lengths, target=target)
        rows, sample = len(encoded.vector), next(iter(given.values()))
        checked = self.target.checked("targets", targets, target_lengths, sample)
        if checked.shape[1] != rows:
            wanted = ", ".join(map(str, ("T", rows, *checked.shape[2:])))
            raise ValueError(f"targets: expected shape ({wanted}), got {checked.shape}")
        if inputs is None:
            inputs = self.target.before(checked, self.start)  # type: ignore[arg-type]
        else:
            inputs = self.target.checked("inputs", inputs, target_lengths, sample)
            if inputs.shape != checked.shape:
                raise ValueError(f"inputs: expected shape {checked.shape} like targets, got {inputs.shape}")
        counts = arguments.lengths(target_lengths, len(checked), checked.shape[1], "target_lengths")
        memory = self._memory(given, encoded)
        logits, weights, runs, _ = self._decode(given, encoded, memory, inputs, self.first_state(encoded), counts)
        return Seq2SeqRun(logits, weights, encoded, inputs, self, runs)

    def first_state(self, encoded: Encoded) -> Arrays:
        """The decoder's states before its first step; what is fed is zero."""
        state = as_states(self.cell, encoded.vector)
        if FEED in self.decoder.states:
            state[FEED] = zeros(self.decoder.state_shape(len(encoded.vector), FEED), encoded.vector)
        return state

    def _memory(self, params: Arrays, encoded: Encoded) -> Memory | None:
        """What the decoder looks at, if it does."""
        if not isinstance(self.decoder, AttentionDecoder):
            return None
        own, where = of_part(params, "decoder"), encoded.target
        return self.decoder.ready(own, encoded.memory, memory_lengths=encoded.lengths, target=where)

    def _decode(
        self,
        params: Arrays,
        encoded: Encoded,
        memory: Memory | None,
        inputs: np.ndarray,
        state: Arrays,
        counts: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray | None, dict[str, Any], Arrays]:
        """Logits, weights, what backward needs, and final states, from these states."""
        where, own = encoded.target, of_part(params, "decoder")
        read = self.target.forward(self._own(params, "target"), inputs, counts, where)
        if isinstance(self.decoder, AttentionDecoder) and memory is not None:
            run: Any = self.decoder.forward(own, read.x, memory, state, counts, where)
        else:
            run = self.cell.forward(own, read.x, state, counts, where)
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
        if dmemory is not None:
            dmemory = self._order(dmemory, run.encoded.lengths)
        read = self.encoder.backward(before["encoder"], dmemory, as_states(self.encoder, dvector))
        add_into(found, joined({"encoder": read.params}))
        add_into(found, self._named("source", self.source.backward(before["source"], read.x)))
        return {name: found[name] for name in self.shapes}

    @guests("params", "source", "targets")
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
        """The cross-entropy of target tokens, or the squared error of target frames, and its gradient for all
        parameters; ``options`` as ``refseq.losses.cross_entropy`` and ``squared_error`` have them."""
        who = {"lengths": lengths, "target_lengths": target_lengths, "inputs": inputs, "target": target}
        run = self.forward(params, source, targets, **who)
        loss = self.target.loss(run.logits, targets, lengths=target_lengths, target=target, **options)
        return loss, self.backward(run, loss.gradient)
