"""A neural Turing machine with its sizes, run forward and backward over sequences."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments
from refseq.arrays import Elsewhere, contiguous, zeros
from refseq.arrays import sample as sample_of
from refseq.networks.drawing import draw
from refseq.networks.turing_machine import passes
from refseq.networks.turing_machine.controllers import REMEMBERED
from refseq.networks.turing_machine.packing import pack, unpack
from refseq.networks.turing_machine.sizes import EPSILON, Sizes
from refseq.primitives import complement, constant, zero
from refseq.targets import available
from refseq.targets.visiting import guests
from refseq.tree_layer import TARGETS

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class TuringRun:
    """A forward pass: y (T, B, O), zero beyond a row's length; ``state``, the one after a row's last step, by name as
    it is given; ``weights`` (T, B, R + W, N) of all heads at all times, those that read first; ``info`` says what ran.
    """

    y: np.ndarray
    state: Arrays
    weights: np.ndarray
    info: Mapping[str, str]
    machine: "TuringMachine" = field(repr=False)
    _recording: passes.Recording = field(repr=False)


@dataclass(frozen=True, eq=False)
class TuringGradients:
    """Gradients: ``params`` like the parameters, ``x`` (T, B, I), ``state``: of the first states, by name."""

    params: Arrays
    x: np.ndarray
    state: Arrays


@dataclass(frozen=True)
class TuringMachine(Sizes):
    """An immutable neural Turing machine; make one with ``refseq.turing_machine``."""

    def __reduce__(self) -> tuple:
        return TuringMachine, tuple(
            getattr(self, option.name) for option in fields(self)
        )  # the cell is the catalogue's

    def initialise(
        self, seed: int = 0, scheme: str = "glorot", dtype: DTypeLike = "float64", *, gain: float = 1.0
    ) -> Arrays:
        """Draw parameters; biases are zero. Schemes and errors as in ``Layer.initialise``."""
        return draw(self.shapes, ("W_hx", "W_read", "W_write", "W_yh", "W_yr"), seed, scheme, dtype, gain)

    @guests("params", "x", "state")
    def forward(
        self,
        params: Mapping[str, np.ndarray],
        x: np.ndarray,
        state: Mapping[str, np.ndarray | None] | None = None,
        lengths: Any = None,
        target: str = "cpu",
    ) -> TuringRun:
        """Run over x (T, B, I).

        params   dict of arrays with the shapes of ``machine.shapes``
        state    where rows begin: memory (B, N, M), weights (B, R + W, N) of all heads, those that read first, reads
                 (B, R, M), and with an LSTM h and c (B, H). None for all or one of them: zeros, but all of a head's
                 weight on location 0
        lengths  (B,) steps of every row; None: T. What lies beyond is not read
        target   "reference" (any number field), "cpu" (rows shared between threads) or "cuda" (a block for each row)

        All arrays share one dtype. Raises TypeError or ValueError naming the argument, also for weights that are
        negative or all zero; RuntimeError where the target cannot run.
        """
        where = available(arguments.choice("target", target, TARGETS))
        params = arguments.parameters(params, self.shapes, where.dtypes, target)
        sample = next(iter(params.values()))
        x = arguments.array("x", x, ("T", "B", self.inputs), sample.dtype)
        steps, rows, _ = x.shape
        start = self._states("state", state, rows, sample)
        if state is None or state["weights"] is None:
            start["weights"][:, :, 0] = complement(zero(sample_of(sample)))
        _attention(start["weights"])
        epsilon = zeros((1,), sample)
        epsilon[0] = constant(sample_of(sample), self.epsilon)
        given = pack(self.part, params, self.plan, epsilon), self._packed(start)
        recording = passes.forward(self.plan, *given, x, arguments.lengths(lengths, steps, rows), target)
        info = {"target": target, "device": where.describe()}
        y, final = recording.y[:, :, 0].copy(), self._unpacked(recording.final)
        return TuringRun(y, final, recording.times.w[1:].copy(), info, self, recording)

    @guests("dy", "dstate")
    def backward(
        self, run: TuringRun, dy: np.ndarray | None = None, dstate: Mapping[str, np.ndarray | None] | None = None
    ) -> TuringGradients:
        """The gradient of sum(dy * y) + sum(dstate * state); None stands for zeros. Raises TypeError or ValueError
        naming the argument."""
        if not isinstance(run, TuringRun):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.machine != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.machine}")
        sample = run._recording.weights.U
        if dy is None:
            dy = zeros(run.y.shape, sample)
        dy = arguments.array("dy", dy, run.y.shape, run.y.dtype)[:, :, None]
        given = self._states("dstate", dstate, run.y.shape[1], sample)
        end = self._packed({name: array.copy() for name, array in given.items()})  # which is written to
        weights, first, dx = passes.backward(run._recording, dy, end)
        return TuringGradients(unpack(self.part, weights, self.plan), dx, self._unpacked(first))

    def _states(self, what: str, given: Any, rows: int, sample: np.ndarray) -> Arrays:
        return arguments.states(what, given, {name: self.state_shape(rows, name) for name in self.states}, sample)

    def _packed(self, state: Arrays) -> passes.States:
        """States, or cotangents, as the rows want them."""
        rows, cell = len(state["memory"]), self.cell
        s = zeros((rows, len(cell.state), self.units), state["memory"])
        for name in REMEMBERED[self.controller]:
            s[:, cell.state.index(name)] = state[name]
        memory = contiguous(state["memory"].transpose(0, 2, 1))
        return passes.States(s, memory, state["weights"], state["reads"])

    def _unpacked(self, states: passes.States) -> Arrays:
        found = {"memory": states.memory.transpose(0, 2, 1).copy(), "weights": states.w, "reads": states.r}
        own = {name: states.s[:, self.cell.state.index(name)].copy() for name in REMEMBERED[self.controller]}
        return found | own


def _attention(weights: np.ndarray) -> None:
    """Where numbers can be compared: no weight is negative, and every head looks at something."""
    if weights.dtype.kind != "f" or not weights.size or isinstance(weights, Elsewhere):
        return
    if (weights < 0).any():
        where = tuple(int(i) for i in np.argwhere(weights < 0)[0])
        raise ValueError(f"state['weights']: expected numbers >= 0, got {weights[where]} at {where}")
    empty = np.argwhere(weights.sum(axis=2) == 0)
    if len(empty):
        row, head = map(int, empty[0])
        raise ValueError(f"state['weights']: expected a sum above 0, got nothing but 0 in row {row}, head {head}")


def turing_machine(
    inputs: int,
    outputs: int,
    units: int,
    locations: int,
    width: int,
    *,
    controller: str = "feedforward",
    reads: int = 1,
    writes: int = 1,
    shift: int = 1,
    epsilon: float = EPSILON,
) -> TuringMachine:
    """A neural Turing machine (L4.16, L1.25): a controller with ``units`` units, a memory M of ``locations`` rows of
    ``width`` numbers, heads that read and write it by attention.

        h_t = controller([x_t, r_(t-1)])                          a tanh layer ("feedforward") or an "lstm"
        k = tanh, beta = softplus, g = sigmoid, s = softmax, gamma = 1 + softplus, e = sigmoid, a = tanh   of W h_t + b
        c_t = softmax(beta cos(k, M_(t-1)))                       by content; cos with epsilon, see below
        w_t ~ (s * (g c_t + (1 - g) w_(t-1)))^gamma               circular shifts -``shift`` .. ``shift``, sharpened
        M_t = M_(t-1) prod_heads (1 - w_t e) + sum_heads w_t a    erase, then add
        r_t = w_t M_t                                             of each reading head
        y_t = W_yh h_t + sum_heads W_yr r_t + b_y                 a loss makes of it what it needs

    A shift of k moves weight from location n to n + k. cos(u, v) = u v / (|u| |v|) with |v|^2 = v v + ``epsilon``, so
    that zeros are defined and gradients finite. Raises ValueError or TypeError naming the argument.

    A. Graves, G. Wayne, I. Danihelka, Neural Turing Machines, arXiv:1410.5401, eqs. 2 to 9. The paper leaves open how
    the heads' numbers are made, and whether content is compared before or after writing: here before.
    """
    return TuringMachine(inputs, outputs, units, locations, width, controller, reads, writes, shift, epsilon)
