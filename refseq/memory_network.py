"""An end-to-end memory network with its sizes, run forward and backward over stories and questions."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments
from refseq.arrays import contiguous, zeros
from refseq.cell import labelled
from refseq.networks.memory_network import passes
from refseq.networks.memory_network.end_to_end import tables
from refseq.networks.memory_network.text import Text, text
from refseq.targets import available
from refseq.targets.visiting import guests
from refseq.tree_layer import TARGETS

Arrays = dict[str, np.ndarray]

TYINGS = ("adjacent", "layerwise")
ENCODINGS = ("bag", "position")


@dataclass(frozen=True, eq=False)
class MemoryRun:
    """A forward pass: ``logits`` (B, V); ``attention`` (B, K, N), the weights of the slots in every hop, 0 for empty
    ones; ``info`` says what ran."""

    logits: np.ndarray
    attention: np.ndarray
    info: Mapping[str, str]
    network: "MemoryNetwork" = field(repr=False)
    _recording: passes.Recording = field(repr=False)


@dataclass(frozen=True)
class MemoryNetwork:
    """An immutable end-to-end memory network; make one with ``refseq.memory_network``."""

    vocabulary: int
    width: int
    hops: int = 3
    tying: str = "adjacent"
    encoding: str = "position"
    ages: int = 0

    def __post_init__(self) -> None:
        for name, least in (("vocabulary", 1), ("width", 1), ("hops", 1), ("ages", 0)):
            arguments.integer(name, getattr(self, name), least)
        arguments.choice("tying", self.tying, TYINGS)
        arguments.choice("encoding", self.encoding, ENCODINGS)

    @property
    def plan(self) -> passes.Plan:
        """What the compiled code depends on."""
        return passes.Plan(self.hops, self.tying == "adjacent", self.encoding == "position", self.ages > 0)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name."""
        memories, _, output = tables(self.hops, self.tying == "adjacent")
        found: dict[str, tuple[int, ...]] = {"E": (output + 1, self.vocabulary, self.width)}
        if self.ages:
            found["T"] = (memories, self.ages, self.width)
        if self.tying == "layerwise":
            found["W_uu"] = (1, self.width, self.width)
        return found

    @property
    def axes(self) -> Mapping[str, tuple[str, ...]]:
        """What the axes of every array are (``refseq.checks.tensors.System``)."""
        return {
            "E": ("table", "token", "entry"),
            "T": ("table", "age", "entry"),
            "W_uu": ("gate", "entry", "input"),
            "logits": ("row", "token"),
        }

    @property
    def label(self) -> str:
        """What it is, with its options."""
        options = {"hops": self.hops, "tying": self.tying, "encoding": self.encoding, "ages": self.ages}
        return labelled("memory network", options)

    @property
    def sizes(self) -> str:
        """The sizes in words."""
        return f"{self.vocabulary} words, {self.width} wide"

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"

    def initialise(self, seed: int = 0, dtype: DTypeLike = "float64", *, deviation: float = 0.1) -> Arrays:
        """Draw parameters from N(0, deviation^2), as section 4.2 of the paper does. Raises ValueError or TypeError."""
        return drawn(self.shapes, seed, dtype, deviation)

    @guests("params")
    def forward(self, params: Mapping[str, np.ndarray], story: Any, query: Any, target: str = "cpu") -> MemoryRun:
        """Answer questions about stories.

        params  dict of arrays with the shapes of ``network.shapes``, of one dtype
        story   tokens (B, N, J), integers: N slots with a sentence each, in the order of time; -1 after its last word.
                A slot of nothing but -1 is empty: it gets no attention and is not read
        query   tokens (B, Q), -1 after the last word
        target  "reference" (any number field), "cpu" (rows shared between threads) or "cuda" (a block for each row)

        Raises TypeError or ValueError naming the argument; RuntimeError where the target cannot run.
        """
        where = available(arguments.choice("target", target, TARGETS))
        params = arguments.parameters(params, self.shapes, where.dtypes, target)
        read = text(story, query, self.vocabulary)
        fits(read, self.ages)
        nothing = zeros((1, 1, 1), params["E"])
        H = contiguous(params["W_uu"].transpose(2, 0, 1)) if "W_uu" in params else nothing
        recording = passes.forward(self.plan, passes.Weights(params["E"], params.get("T", nothing), H), read, target)
        info = {"target": target, "device": where.describe()}
        return MemoryRun(recording.logits[:, 0].copy(), recording.p.copy(), info, self, recording)

    @guests("dlogits")
    def backward(self, run: MemoryRun, dlogits: np.ndarray) -> Arrays:
        """The gradient of sum(dlogits * logits), by the names of the parameters. Raises TypeError or ValueError naming
        the argument."""
        if not isinstance(run, MemoryRun):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.network != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.network}")
        pulled = arguments.array("dlogits", dlogits, run.logits.shape, run.logits.dtype)
        weights = passes.backward(run._recording, pulled[:, None])
        found = {"E": weights.E, "T": weights.T, "W_uu": contiguous(weights.H.transpose(1, 2, 0))}
        return {name: found[name] for name in self.shapes}


def drawn(shapes: Mapping[str, tuple[int, ...]], seed: int, dtype: DTypeLike, deviation: float) -> Arrays:
    """Parameters from N(0, deviation^2)."""
    dtype = arguments.dtype_name("dtype", dtype)
    if arguments.number("deviation", deviation) <= 0:
        raise ValueError(f"deviation: expected a positive number, got {deviation}")
    rng = np.random.default_rng(arguments.integer("seed", seed, 0))
    return {name: rng.normal(0, deviation, shape).astype(dtype) for name, shape in shapes.items()}


def fits(read: Text, ages: int) -> None:
    """Every filled slot has an age that is told apart."""
    most = int(read.filled.sum(axis=1).max(initial=0))
    if ages and most > ages:
        raise ValueError(f"story: expected at most {ages} filled slots, one for each age; got {most}")


def memory_network(
    vocabulary: int,
    width: int,
    *,
    hops: int = 3,
    tying: str = "adjacent",
    encoding: str = "position",
    ages: int = 0,
) -> MemoryNetwork:
    """An end-to-end memory network (L4.16) for tokens 0 .. ``vocabulary`` - 1, with vectors of ``width`` numbers.

        u_0 = sum_j l_j B q_j                                    the question
        m_i = sum_j l_j A_k x_ij + T_A[age of i]                 sentence i; c_i likewise with C_k and T_C
        u_(k+1) = H u_k + sum_i softmax(u_k . m_i) c_i           ``hops`` times, over the slots that are not empty
        logits = W u_K

    ``tying`` adjacent: A_(k+1) = C_k, B = A_1, W = C_K, H = 1; params["E"] (K + 1, V, d) holds A_1, C_1 .. C_K.
    layerwise: all hops share A and C; E (4, V, d) holds A, C, B, W, and W_uu (1, d, d) is H. ``encoding`` bag: l_j = 1;
    position: l_j[c] = (1 - j/J) - (c/d)(1 - 2j/J). ``ages``: how many slots are told apart by their age, the number of
    filled slots behind them; 0: none. Its vectors are params["T"] (tables, ages, d). Raises ValueError or TypeError
    naming the argument.

    S. Sukhbaatar, A. Szlam, J. Weston, R. Fergus, End-to-end memory networks, arXiv:1503.08895, sections 2 and 4.1.
    """
    return MemoryNetwork(vocabulary, width, hops, tying, encoding, ages)
