"""A gated graph network with its sizes, run forward and backward over the edges of a graph."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments
from refseq.arrays import zeros
from refseq.cell import Cell
from refseq.cells import catalogue
from refseq.networks import graph
from refseq.networks.drawing import draw
from refseq.networks.edges import edges_of_types
from refseq.networks.packing import Part
from refseq.targets import Weights, available
from refseq.targets.visiting import guests

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class GraphRun:
    """A forward pass: y (N, H), the first state of every node after the last step; state, each (N, H); and what
    backward needs. ``info`` says what ran: target and device."""

    y: np.ndarray
    state: Arrays
    info: Mapping[str, str]
    layer: "GraphLayer" = field(repr=False)
    _recording: graph.Recording = field(repr=False)


@dataclass(frozen=True, eq=False)
class GraphGradients:
    """Gradients: ``params`` like the parameters, ``x`` (N, I), ``weights`` for every edge type: one number for each
    entry of its adjacency matrix, in ascending order of row and column."""

    params: Arrays
    x: np.ndarray
    weights: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class GraphLayer:
    """An immutable gated graph network; make one with ``refseq.graph_layer``."""

    cell: Cell
    inputs: int
    units: int
    steps: int
    edge_types: int = 1
    both_ways: bool = False
    bias: bool = True

    def __post_init__(self) -> None:
        if self.cell.masks or set(self.cell.sizes.values()) - {"units"}:
            raise ValueError(f"cell: expected one without masks and sizes of its own, got {self.cell.label}")
        arguments.integer("inputs", self.inputs, 1)
        arguments.integer("units", self.units, self.inputs)
        for name in ("steps", "edge_types"):
            arguments.integer(name, getattr(self, name), 1)
        for name in ("both_ways", "bias"):
            arguments.flag(name, getattr(self, name))

    def __reduce__(self) -> tuple:
        return GraphLayer, tuple(getattr(self, field.name) for field in fields(self))

    @cached_property
    def part(self) -> Part:
        """The cell with its sizes: its input is a message, as long as a state."""
        return Part(self.cell, 0, 0, 0, "", {"inputs": self.units, "units": self.units}, self.bias)

    @property
    def kinds(self) -> int:
        """Kinds of messages: one for each edge type, and as many for those that go against the edges."""
        return self.edge_types * (2 if self.both_ways else 1)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name: the messages' W_mh (kinds, H, H) and b_m (kinds, H), and the cell's."""
        messages: dict[str, tuple[int, ...]] = {"W_mh": (self.kinds, self.units, self.units)}
        if self.bias:
            messages["b_m"] = (self.kinds, self.units)
        return messages | self.part.shapes()

    @property
    def label(self) -> str:
        """The cell of the nodes with its options."""
        return f"graph of {self.cell.label}"

    @property
    def sizes(self) -> str:
        """The network without its cell, in words."""
        extra = [f"{self.edge_types} edge types"] * (self.edge_types > 1) + ["both ways"] * self.both_ways
        return " ".join([f"{self.inputs}->{self.units} x{self.steps}", *extra, *["no bias"] * (not self.bias)])

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"

    def initialise(
        self, seed: int = 0, scheme: str = "glorot", dtype: DTypeLike = "float64", *, gain: float = 1.0
    ) -> Arrays:
        """Draw parameters; biases are zero, other parameters of the cell's units have their initial values. Schemes and
        errors as in ``Layer.initialise``."""
        drawn = draw(self.shapes, ("W_hx",), seed, scheme, dtype, gain)
        for parameter in self.cell.parameters:
            if parameter.name in drawn:
                drawn[parameter.name][:] = parameter.initial
        return drawn

    @guests("x", "params", "weights")
    def forward(
        self,
        params: Mapping[str, np.ndarray],
        x: np.ndarray,
        adjacency: Any,
        weights: Sequence[np.ndarray] | None = None,
        target: str = "cpu",
    ) -> GraphRun:
        """Propagate ``steps`` times over a graph of N nodes.

        params     dict of arrays with the shapes of ``layer.shapes``
        x          features (N, I) of the nodes: their first states, filled with zeros to H entries
        adjacency  a matrix of scipy.sparse (N, N) for every edge type, in a list (or one matrix for one type): entry
                   [u, v] is the weight of the edge u -> v; entries given twice are summed, and one that is 0 is an
                   edge of weight 0
        weights    replaces the weights: for every type one number for each entry, in ascending order of row and column

        All arrays share one dtype, except that the matrices may hold integers, and real numbers of the same precision
        beside complex parameters. Graphs do not see one another: a block-diagonal matrix is a batch of them, bitwise.
        Raises TypeError or ValueError naming the argument; RuntimeError where the target cannot run.
        """
        where = available(target)
        params = arguments.parameters(params, self.shapes, where.dtypes, target)
        sample = next(iter(params.values()))
        x = arguments.array("x", x, ("N", self.inputs), sample.dtype)
        along = edges_of_types(adjacency, weights, self.edge_types, len(x), sample)
        along = (*along, *(edges.reversed for edges in along if self.both_ways))
        s = zeros((len(x), len(self.cell.state), self.units), sample)
        s[:, 0, : self.inputs] = x
        network = graph.Network(self.cell, self.part.pack(params), self._messages(params))
        recording = graph.forward(where, network, along, s, self.steps)
        states = {name: recording.final[:, i].copy() for i, name in enumerate(self.cell.state)}
        info = {"target": target, "device": where.describe()}
        return GraphRun(states[self.cell.state[0]].copy(), states, info, self, recording)

    @guests("dy")
    def backward(self, run: GraphRun, dy: np.ndarray) -> GraphGradients:
        """The gradient of sum(dy * y). Raises TypeError or ValueError naming the argument."""
        if not isinstance(run, GraphRun):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.layer != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.layer}")
        final, sample = run._recording.final, run._recording.network.weights.matrices[0]
        ds = zeros(final.shape, sample)
        ds[:, 0] = arguments.array("dy", dy, run.y.shape, run.y.dtype)
        own, messages, ds, dweights = graph.backward(run._recording, ds)
        names = [name for name in ("W_mh", "b_m") if name in self.shapes]
        params = {name: zeros(self.shapes[name], sample) for name in names}
        for kind, weights in enumerate(messages):
            params["W_mh"][kind] = weights.matrices[0][:, 0].transpose(1, 0)
            if self.bias:
                params["b_m"][kind] = weights.biases[0][0]
        forth, back = dweights[: self.edge_types], dweights[self.edge_types :]
        total = tuple(a + b for a, b in zip(forth, back, strict=True)) if back else forth
        return GraphGradients(params | self.part.unpack(own), ds[:, 0, : self.inputs].copy(), total)

    def _messages(self, params: Arrays) -> tuple[Weights, ...]:
        """The weights of every kind of message."""
        part = Part(graph.message_cell(), 0, 0, 0, "", self.part.sizes, self.bias)
        named = [{"W_yh": params["W_mh"][kind : kind + 1]} for kind in range(self.kinds)]
        if self.bias:
            named = [own | {"b_y": params["b_m"][kind : kind + 1]} for kind, own in enumerate(named)]
        return tuple(part.pack(own) for own in named)


def graph_layer(
    inputs: int,
    units: int,
    steps: int,
    *,
    edge_types: int = 1,
    both_ways: bool = False,
    cell: str = "gru",
    bias: bool = True,
    **options: Any,
) -> GraphLayer:
    """A gated graph network (L4.17): ``steps`` rounds of messages between nodes with ``inputs`` features and ``units``
    units, at least as many.

        m_v = sum over edge types r, and edges u -> v of type r with weight w:  w (W_mh[r] h_u + b_m[r])
        h_v = cell(x = m_v, h_v),    h_v = (x_v, 0) before the first round

    Every edge type has a matrix and a bias of its own; ``both_ways``: messages also go against the edges, by further
    matrices. ``cell``: any of ``refseq.catalogue()`` with its ``options``, for the GRU, but without masks and sizes of
    its own. Raises ValueError or TypeError naming the argument.

    Y. Li, D. Tarlow, M. Brockschmidt, R. Zemel, Gated graph sequence neural networks, ICLR 2016, eqs. 1-6, with the GRU
    (``both_ways``; their z is 1 - z here), except that eq. 2 adds one bias to the sum, where every message has its own.
    """
    made = catalogue()[arguments.choice("cell", cell, catalogue())].cell(**options)
    features = arguments.integer("inputs", inputs, 1)
    return GraphLayer(
        made,
        features,
        arguments.integer("units", units, features),
        arguments.integer("steps", steps, 1),
        arguments.integer("edge_types", edge_types, 1),
        arguments.flag("both_ways", both_ways),
        arguments.flag("bias", bias),
    )
