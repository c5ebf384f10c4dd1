"""A recurrent decoder that looks at a memory (the outputs of an encoder) at every step.

    query="current" (Luong: input feeding)          query="previous" (Bahdanau)
        h_t = cell([x_t; a_(t-1)], h_(t-1))              c_t = attention(h_(t-1), memory)
        c_t = attention(h_t, memory)                     h_t = cell([x_t; c_t], h_(t-1))
        a_t = tanh(W_c [c_t; h_t] + b_c)                 a_t = tanh(W_c [c_t; h_t] + b_c)

h: the output of the cell's last layer. The outputs are the attentional vectors a_t; a before the first step is the
state "feed". Every step calls the layers, for all rows that are still running; what the score takes of the memory alone
(W_k m_j) is computed once, and so is what no later step waits for: a_t of all steps where it is not fed.

M.-T. Luong, H. Pham, C. Manning, EMNLP 2015, sections 3 and 3.3; D. Bahdanau, K. Cho, Y. Bengio, ICLR 2015, section 3.1
(whose output layer is a maxout).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments
from refseq.arrays import zeros
from refseq.attention import Attention
from refseq.layer import Layer, layer
from refseq.networks.attention.memory import Memory
from refseq.seq2seq.decoder_steps import FEED, Current, Previous, Steps
from refseq.seq2seq.states import Arrays, Recurrent, joined, of_part, one_way, recurrent
from refseq.targets import available
from refseq.targets.visiting import guests

QUERIES = {"current": Current, "previous": Previous}


@dataclass(frozen=True, eq=False)
class DecoderRun:
    """A forward pass: outputs y (T, B, U), weights (T, B, Tk), final states, and what backward needs."""

    y: np.ndarray
    weights: np.ndarray
    state: Arrays
    decoder: "AttentionDecoder" = field(repr=False)
    _steps: Steps = field(repr=False)


@dataclass(frozen=True, eq=False)
class DecoderGradients:
    """Gradients: ``params``, ``x``, ``state`` and ``memory`` like the arguments."""

    params: Arrays
    x: np.ndarray
    state: Arrays
    memory: np.ndarray


@dataclass(frozen=True)
class AttentionDecoder:
    """Immutable; make one with ``refseq.seq2seq.attention_decoder``."""

    cell: Recurrent
    attention: Attention
    units: int
    query: str = "current"

    def __post_init__(self) -> None:
        if not one_way(recurrent("cell", self.cell)):
            raise ValueError(f"cell: expected one that runs forward only, got {self.cell}")
        if not isinstance(self.attention, Attention):
            raise TypeError(f"attention: expected a refseq attention, got {type(self.attention).__name__}")
        if self.attention.causal or self.attention.streaming:
            raise ValueError(f"attention: expected one that is neither causal nor streaming, got {self.attention}")
        arguments.integer("units", self.units, 1)
        arguments.choice("query", self.query, QUERIES)
        if self.attention.queries != self.cell.outputs:
            words = f"the cell has {self.cell.outputs} outputs and {self.attention} queries of {self.attention.queries}"
            raise ValueError(f"attention: expected queries as long as the cell's outputs; {words}")
        if self.inputs < 1:
            raise ValueError(f"cell: expected more than the {self._fed} inputs that are fed, got {self.cell.inputs}")

    @property
    def _fed(self) -> int:
        """Entries beside x in the cell's input."""
        return self.units if self.query == "current" else self.attention.keys

    @property
    def inputs(self) -> int:
        """Features of x."""
        return self.cell.inputs - self._fed

    @property
    def outputs(self) -> int:
        """Features of y."""
        return self.units

    @cached_property
    def combine(self) -> Layer:
        """What makes a_t."""
        return layer("output", self.attention.keys + self.cell.outputs, self.units, activation="tanh")

    @property
    def _parts(self) -> dict[str, Any]:
        return {"cell": self.cell, "attention": self.attention, "combine": self.combine}

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name."""
        return joined({name: part.shapes for name, part in self._parts.items()})

    @property
    def states(self) -> tuple[str, ...]:
        """Names of the states: the cell's, and "feed" if there is one."""
        return (*self.cell.states, FEED) if self.query == "current" else self.cell.states

    def state_shape(self, rows: int, name: str) -> tuple[int, int, int]:
        """Shape of a state's array for this batch size. Raises ValueError for what is no state."""
        arguments.choice("name", name, self.states)
        return (1, rows, self.units) if name == FEED else self.cell.state_shape(rows, name)

    @property
    def label(self) -> str:
        """Cell, score and query."""
        return f"{self.cell.label} with {self.attention.label}, {self.query} query"

    @property
    def sizes(self) -> str:
        """In words."""
        return f"{self.inputs}->{self.cell.outputs}->{self.units}"

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"

    def initialise(self, seed: int = 0, scheme: str = "glorot", dtype: DTypeLike = "float64") -> Arrays:
        """Parameters of all parts, each from a seed of its own."""
        seeds = np.random.SeedSequence(arguments.integer("seed", seed, 0)).generate_state(3)
        parts = zip(self._parts.items(), seeds, strict=True)
        return joined({name: part.initialise(int(own), scheme, dtype) for (name, part), own in parts})

    @guests("x", "params", "memory", "state")
    def forward(
        self,
        params: Mapping[str, np.ndarray],
        x: np.ndarray,
        memory: np.ndarray | Memory,
        state: Mapping[str, np.ndarray] | None = None,
        lengths: Any = None,
        target: str = "cpu",
        *,
        memory_lengths: Any = None,
        mask: np.ndarray | None = None,
    ) -> DecoderRun:
        """Run over x (T, B, I), looking at a memory (Tk, B, M) within its lengths and its mask (Tk, B); or at one that
        ``ready`` made of these, which several runs share.

        ``state`` None (zeros) or a dict of (L*D, B, H), "feed" (1, B, units); ``lengths`` as for a layer. Raises
        TypeError or ValueError naming the argument; RuntimeError where the target cannot run.
        """
        given = arguments.parameters(params, self.shapes, available(target).dtypes, target)
        sample = next(iter(given.values()))
        x = arguments.readable("x", x, ("T", "B", self.inputs), sample.dtype)
        steps, rows, _ = x.shape
        counts = arguments.lengths(lengths, steps, rows)
        found = arguments.states("state", state, {n: self.state_shape(rows, n) for n in self.states}, sample)
        if not isinstance(memory, Memory):
            who = {"memory_lengths": memory_lengths, "mask": mask, "target": target}
            memory = self.ready(given, arguments.readable("memory", memory, self._seen(rows), sample.dtype), **who)
        elif memory_lengths is not None or mask is not None:
            raise ValueError("memory_lengths, mask: expected none, the memory was made ready with its own")
        elif len(memory.tokens.counts) != rows:
            raise ValueError(f"memory: expected one of {rows} rows, got {len(memory.tokens.counts)}")
        mine = {name: of_part(given, name) for name in ("cell", "combine")}
        run = QUERIES[self.query](self.cell, self.combine, mine, memory, counts, target)
        y, weights, final = run.forward(x, found)
        return DecoderRun(y, weights, final, self, run)

    def ready(
        self,
        params: Mapping[str, np.ndarray],
        memory: np.ndarray,
        *,
        memory_lengths: Any = None,
        mask: np.ndarray | None = None,
        target: str = "cpu",
    ) -> Memory:
        """A memory (Tk, B, M) as ``forward`` looks at it. Raises TypeError or ValueError naming the argument."""
        given = arguments.parameters(params, self.shapes, available(target).dtypes, target)
        sample = next(iter(given.values()))
        memory = arguments.readable("memory", memory, self._seen("B"), sample.dtype)
        counts = arguments.lengths(memory_lengths, len(memory), memory.shape[1], "memory_lengths")
        who = {"lengths": counts, "mask": mask, "target": target}
        return self.attention.memory(of_part(given, "attention"), memory, memory, **who)

    def _seen(self, rows: int | str) -> tuple[str, int | str, int]:
        """The shape of a memory."""
        return "Tk", rows, self.attention.keys

    @guests("dy", "dstate", "dweights")
    def backward(
        self,
        run: DecoderRun,
        dy: np.ndarray | None = None,
        dstate: Mapping[str, np.ndarray | None] | None = None,
        dweights: np.ndarray | None = None,
    ) -> DecoderGradients:
        """BPTT: the gradient of sum(dy * y) + sum(dstate * final state) + sum(dweights * weights); None stands for
        zero. Raises TypeError or ValueError naming the argument."""
        if not isinstance(run, DecoderRun):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.decoder != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.decoder}")
        rows, like = run.y.shape[1], run._steps.like
        dy = zeros(run.y.shape, like) if dy is None else arguments.readable("dy", dy, run.y.shape, run.y.dtype)
        shapes = {n: self.state_shape(rows, n) for n in self.states}
        ds = arguments.states("dstate", dstate, shapes, like)
        if dweights is not None:
            dweights = arguments.readable("dweights", dweights, run.weights.shape, run.y.dtype)
        parts, whole, dx, first = run._steps.backward(dy, ds, dweights, self.inputs)
        parts["attention"], dkeys, dvalues = whole.finished()
        grads = {name: zeros(shape, like) for name, shape in self.shapes.items()} | joined(parts)
        return DecoderGradients(grads, dx, first, dkeys + dvalues)


def attention_decoder(cell: Recurrent, attention: Attention, units: int, *, query: str = "current") -> AttentionDecoder:
    """A decoder that looks at a memory at every step: ``cell`` (a layer or stack that runs forward only, whose inputs
    are those of x and what is fed: ``units``, or with query="previous" the features of the memory) and ``attention``
    from its outputs to the memory; outputs of ``units`` features. Raises TypeError or ValueError naming it."""
    return AttentionDecoder(cell, attention, units, query)
