"""A recursive network: a recurrence over trees with its sizes, run on a forest from leaves to roots and back."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments
from refseq.arrays import zeros
from refseq.cell import labelled
from refseq.cells.of_trees import catalogue
from refseq.networks import tree_run
from refseq.networks.drawing import draw
from refseq.networks.packing import Part
from refseq.targets import available
from refseq.targets.visiting import guests
from refseq.tree_cell import TreeCell
from refseq.trees.forest import Forest

Arrays = dict[str, np.ndarray]

TARGETS = ("reference", "cpu", "cuda")
"""Where a tree layer runs."""


@dataclass(frozen=True, eq=False)
class TreeRun:
    """A forward pass: y (N, H), the output of every node; state, each (N, H); and what backward needs. ``info`` says
    what ran: target and device."""

    y: np.ndarray
    state: Arrays
    info: Mapping[str, str]
    layer: "TreeLayer" = field(repr=False)
    _recording: tree_run.Recording = field(repr=False)


@dataclass(frozen=True, eq=False)
class TreeGradients:
    """Gradients: ``params`` like the parameters, ``x`` (N, I) or None without inputs, exactly 0 for a leaf whose state
    was given; ``state`` like the leaves' states that were given (leaves, H), or None."""

    params: Arrays
    x: np.ndarray | None
    state: Arrays | None


@dataclass(frozen=True)
class TreeLayer:
    """An immutable recursive layer; make one with ``refseq.tree_layer``."""

    cell: TreeCell
    inputs: int
    units: int
    bias: bool = True

    def __post_init__(self) -> None:
        arguments.integer("inputs", self.inputs, 0)
        arguments.integer("units", self.units, 1)
        arguments.flag("bias", self.bias)
        reads = any(product.operand == "x" for stage in self.cell.stages for product in stage.products)
        if reads != (self.inputs > 0):
            expected = "at least 1, the cell has an input" if reads else "0, the cell has no input"
            raise ValueError(f"inputs: expected {expected}; got {self.inputs}")

    def __reduce__(self) -> tuple:
        return TreeLayer, tuple(getattr(self, field.name) for field in fields(self))

    @cached_property
    def parts(self) -> tuple[Part, ...]:
        """The node's cell with its sizes, then the edge's if there is one."""
        sizes = {"inputs": self.inputs, "units": self.units}
        return tuple(Part(cell, 0, 0, row, "", sizes, self.bias) for row, cell in enumerate(self.cell.parts))

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name."""
        return {name: shape for part in self.parts for name, shape in part.shapes().items()}

    @property
    def arity(self) -> int | None:
        """How many positions there are for children; None where any number is summed."""
        return self.cell.arity

    @property
    def label(self) -> str:
        """The recurrence with its options, as ``refseq.tree_layer`` takes them."""
        return labelled(self.cell.name, {name: value for name, value in self.cell.options.items() if name != "x"})

    @property
    def sizes(self) -> str:
        """The layer without its recurrence, in words."""
        return f"{self.inputs}->{self.units}" + " no bias" * (not self.bias)

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"

    def initialise(
        self, seed: int = 0, scheme: str = "glorot", dtype: DTypeLike = "float64", *, gain: float = 1.0
    ) -> Arrays:
        """Draw parameters; biases are zero. Schemes and errors as in ``Layer.initialise``."""
        return draw(self.shapes, ("W_hx", "W_fx"), seed, scheme, dtype, gain)

    @guests("x", "params", "state")
    def forward(
        self,
        params: Mapping[str, np.ndarray],
        x: np.ndarray | None,
        forest: Forest,
        state: Mapping[str, np.ndarray] | None = None,
        target: str = "cpu",
    ) -> TreeRun:
        """Run over every node of the forest, children before parents.

        params  dict of arrays with the shapes of ``layer.shapes``
        x       inputs (N, I), one for each node; None for a layer with inputs=0
        state   None: a leaf computes its state from its input, as a node all of whose children have the state 0. Or the
                states of the leaves, a dict of (leaves, H) in the order of ``forest.leaves``: then leaves compute
                nothing and their rows of x are not read
        target  "reference" (any number field), "cpu" (float32 and float64 on the CPU's vector units, wide levels
                shared between threads; equal up to rounding) or "cuda" (level by level on the device)

        All arrays share one dtype, which is the dtype of the result. What a tree computes is bitwise the same by itself
        and in any forest, with any number of threads. Raises TypeError or ValueError naming the argument.
        """
        where = available(arguments.choice("target", target, TARGETS))
        params = arguments.parameters(params, self.shapes, where.dtypes, target)
        sample = next(iter(params.values()))
        self._check(forest)
        if self.inputs:
            given = arguments.array("x", x, (forest.nodes, self.inputs), sample.dtype)
        elif x is None:
            given = zeros((forest.nodes, 0), sample)
        else:
            raise ValueError(f"x: expected None, {self} has no inputs; got {type(x).__name__}")
        leaves = None if state is None else self._states("state", state, len(forest.leaves), sample)
        weights = tuple(part.pack(params) for part in self.parts)
        recording = tree_run.forward(target, self.cell, weights, forest, given, leaves)
        info = {"target": target, "device": where.describe()}
        states = dict(zip(self.cell.state, recording.states, strict=True))
        return TreeRun(recording.y, states, info, self, recording)

    @guests("dy", "dstate")
    def backward(
        self, run: TreeRun, dy: np.ndarray | None = None, dstate: Mapping[str, np.ndarray | None] | None = None
    ) -> TreeGradients:
        """The gradient of sum(dy * y) + sum(dstate * state) over all nodes, from the roots to the leaves. None stands
        for zero, in dstate also for a single state. Raises TypeError or ValueError naming the argument."""
        if not isinstance(run, TreeRun):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.layer != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.layer}")
        if dstate is not None:
            if not isinstance(dstate, Mapping):
                raise TypeError(f"dstate: expected a dict of {list(self.cell.state)}, got {type(dstate).__name__}")
            arguments.names("dstate", dstate, self.cell.state)

        def checked(what: str, given: Any) -> np.ndarray | None:
            return None if given is None else arguments.array(what, given, run.y.shape, run.y.dtype)

        dstates = {} if dstate is None else {n: checked(f"dstate[{n!r}]", dstate[n]) for n in self.cell.state}
        pulled = tree_run.backward(run._recording, checked("dy", dy), tuple(map(dstates.get, self.cell.state)))
        params: Arrays = {}
        for part, weights in zip(self.parts, pulled.weights, strict=True):
            params |= part.unpack(weights)
        state = None
        if pulled.given is not None:
            state = {name: pulled.given[:, i].copy() for i, name in enumerate(self.cell.state)}
        return TreeGradients(params, pulled.x if self.inputs else None, state)

    def _check(self, forest: Any) -> None:
        """A forest whose nodes have no more children than the cell has positions."""
        if not isinstance(forest, Forest):
            raise TypeError(f"forest: expected a refseq.trees.Forest, got {type(forest).__name__}")
        if self.arity is not None and forest.arity > self.arity:
            node = forest.parents[forest.children[np.argmax(forest.positions)]]  # type: ignore[arg-type] - set when made
            raise ValueError(
                f"forest: expected children at positions below {self.arity}, the arity of {self}; "
                f"node {node} has one at position {forest.arity - 1}"
            )

    def _states(self, what: str, given: Any, rows: int, sample: np.ndarray) -> np.ndarray:
        """Checked states as one array (rows, S, H)."""
        if not isinstance(given, Mapping):
            raise TypeError(f"{what}: expected a dict of {list(self.cell.state)}, got {type(given).__name__}")
        arguments.names(what, given, self.cell.state)
        result = zeros((rows, len(self.cell.state), self.units), sample)
        for i, name in enumerate(self.cell.state):
            if given[name] is not None:
                result[:, i] = arguments.array(f"{what}[{name!r}]", given[name], (rows, self.units), sample.dtype)
        return result


def tree_layer(name: str, inputs: int, units: int, *, bias: bool = True, **options: Any) -> TreeLayer:
    """A layer of the recurrence ``name`` over trees (see ``refseq.trees.catalogue()``): "recursive", "tree_lstm" or
    "child_sum_tree_lstm".

    ``inputs``: features of every node; 0 for a network whose nodes have no input, only the leaves' states. ``options``
    are the recurrence's own, above all ``arity``, the positions for a node's children (2 if not given; children are
    summed by the last, which takes any number). Raises ValueError or TypeError naming the argument.
    """
    recurrence = catalogue()[arguments.choice("name", name, catalogue())]
    features = arguments.integer("inputs", inputs, 0)
    if "x" in options:
        raise ValueError(f"'x' is not an option of a layer: inputs = {features} says whether nodes have an input")
    cell = recurrence.cell(**options, x=features > 0)
    assert isinstance(cell, TreeCell)  # the catalogue of trees has no others
    return TreeLayer(cell, features, arguments.integer("units", units, 1), arguments.flag("bias", bias))
