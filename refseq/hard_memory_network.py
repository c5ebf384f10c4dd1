"""A memory network that chooses one sentence after another, with its sizes, and the losses of its choices."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments
from refseq.arrays import zeros
from refseq.cell import labelled
from refseq.memory_network import Arrays, drawn, fits
from refseq.networks.memory_network import hard, hard_passes
from refseq.networks.memory_network.ranking import LOSSES
from refseq.networks.memory_network.text import Text, text
from refseq.targets import available
from refseq.targets.visiting import guests
from refseq.tree_layer import TARGETS


@dataclass(frozen=True, eq=False)
class HardMemoryRun:
    """A forward pass: ``scores`` (B, F, N) of the slots, 0 for empty ones; ``chosen`` (B, F), -1 where there is nothing
    to choose; ``logits`` (B, V) of the answers; ``info`` says what ran."""

    scores: np.ndarray
    chosen: np.ndarray
    logits: np.ndarray
    info: Mapping[str, str]
    network: "HardMemoryNetwork" = field(repr=False)
    _recording: hard_passes.Recording = field(repr=False)


@dataclass(frozen=True, eq=False)
class FactLoss:
    """A loss of choices: ``value``, ``gradient`` (B, F, N) with respect to the scores, and ``facts`` (B, F), the loss
    of every fact, 0 where none is asked for."""

    value: Any
    gradient: np.ndarray
    facts: np.ndarray


@dataclass(frozen=True)
class HardMemoryNetwork:
    """An immutable memory network that chooses; make one with ``refseq.hard_memory_network``."""

    vocabulary: int
    width: int
    facts: int = 1
    ages: int = 0

    def __post_init__(self) -> None:
        for name, least in (("vocabulary", 1), ("width", 1), ("facts", 1), ("ages", 0)):
            arguments.integer(name, getattr(self, name), least)

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name."""
        found: dict[str, tuple[int, ...]] = {"E": (hard.TABLES, self.vocabulary, self.width)}
        return found | ({"T": (self.ages, self.width)} if self.ages else {})

    @property
    def axes(self) -> Mapping[str, tuple[str, ...]]:
        """What the axes of every array are (``refseq.checks.tensors.System``)."""
        return {
            "E": ("table", "token", "entry"),
            "T": ("age", "entry"),
            "scores": ("row", "fact", "slot"),
            "logits": ("row", "token"),
        }

    @property
    def label(self) -> str:
        """What it is, with its options."""
        return labelled("hard memory network", {"facts": self.facts, "ages": self.ages})

    @property
    def sizes(self) -> str:
        """The sizes in words."""
        return f"{self.vocabulary} words, {self.width} wide"

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"

    def initialise(self, seed: int = 0, dtype: DTypeLike = "float64", *, deviation: float = 0.1) -> Arrays:
        """Draw parameters from N(0, deviation^2). Raises ValueError or TypeError."""
        return drawn(self.shapes, seed, dtype, deviation)

    @guests("params")
    def forward(
        self, params: Mapping[str, np.ndarray], story: Any, query: Any, facts: Any = None, target: str = "cpu"
    ) -> HardMemoryRun:
        """Answer questions about stories.

        params, story, query, target  as in ``MemoryNetwork.forward``
        facts  (B, F) the slots to go on from, in training; -1: to be chosen. None: all are chosen, by the largest
               score, the first of equals

        Raises TypeError or ValueError naming the argument; RuntimeError where the target cannot run.
        """
        where = available(arguments.choice("target", target, TARGETS))
        params = arguments.parameters(params, self.shapes, where.dtypes, target)
        read = text(story, query, self.vocabulary)
        fits(read, self.ages)
        given = self._facts(facts, read)
        T = params["T"] if self.ages else zeros((1, 1), params["E"])
        recording = hard_passes.forward(params["E"], T, self.facts, self.ages > 0, read, given, target)
        info = {"target": target, "device": where.describe()}
        found = (recording.scores.copy(), recording.chosen.copy(), recording.logits.copy())
        return HardMemoryRun(*found, info, self, recording)

    @guests("dscores", "dlogits")
    def backward(self, run: HardMemoryRun, dscores: np.ndarray, dlogits: np.ndarray) -> Arrays:
        """The gradient of sum(dscores * scores) + sum(dlogits * logits) where the choices stay as they are, by the
        names of the parameters; the cotangents of empty slots are not read. Raises TypeError or ValueError."""
        recording = self._own(run)
        dscores = arguments.array("dscores", dscores, run.scores.shape, run.scores.dtype)
        dlogits = arguments.array("dlogits", dlogits, run.logits.shape, run.logits.dtype)
        dE, dT = hard_passes.backward(recording, dscores, dlogits)
        return {"E": dE} | ({"T": dT} if self.ages else {})

    @guests()
    def fact_loss(
        self, run: HardMemoryRun, facts: Any, kind: str = "margin", *, margin: float = 0.1, reduction: str = "mean"
    ) -> FactLoss:
        """The loss of the choice of these supporting facts (B, F); -1 where none is asked for.

            margin         sum over the other filled slots of max(0, margin - s_fact + s_i)      eqs. 6 and 7
            cross_entropy  -log softmax(s)[fact] over the filled slots

        ``reduction``: mean over the facts that are asked for, or sum. Raises TypeError or ValueError.
        """
        recording = self._own(run)
        arguments.choice("kind", kind, LOSSES)
        arguments.choice("reduction", reduction, ("mean", "sum"))
        if arguments.number("margin", margin) < 0:
            raise ValueError(f"margin: expected a number >= 0, got {margin}")
        wanted = self._facts(facts, recording.text)
        return FactLoss(*hard_passes.loss(recording, wanted, kind, margin, reduction))

    def _own(self, run: Any) -> hard_passes.Recording:
        if not isinstance(run, HardMemoryRun):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.network != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.network}")
        return run._recording

    def _facts(self, facts: Any, read: Text) -> np.ndarray:
        shape = (len(read.words), self.facts)
        if facts is None:
            return np.full(shape, -1, np.int64)
        given = arguments.integers("facts", facts)
        if given.shape != shape:
            raise ValueError(f"facts: expected shape {shape}, got {given.shape}")
        slots = read.words.shape[1]
        wrong = (given < -1) | (given >= slots)
        known = np.where(wrong | (given < 0), 0, given)
        if slots:
            wrong |= (given >= 0) & ~np.take_along_axis(read.filled, known, axis=1)
        if wrong.any():
            row, fact = (int(i) for i in np.argwhere(wrong)[0])
            raise ValueError(f"facts[{row}, {fact}]: expected a filled slot or -1, got {given[row, fact]}")
        return np.ascontiguousarray(given, np.int64)


def hard_memory_network(vocabulary: int, width: int, *, facts: int = 1, ages: int = 0) -> HardMemoryNetwork:
    """A memory network that chooses ``facts`` sentences, one after another, and answers with a word (L4.16): trained
    with the supporting facts given, argmax in inference.

        scores_1[i] = g . y_i,   g = U_q question,  y_i = U_y sentence i + T[age of i]      choose, and go on with
        scores_2[i] = (g + U_m chosen) . y_i   ...
        logits = R_w (R_q question + R_m chosen ...)

    Sentences are bags of words. params["E"] (6, V, d) holds U_q, U_m, U_y, R_q, R_m, R_w; ``ages`` as in
    ``refseq.memory_network``, in place of the paper's features of the order in which sentences were written
    (section 3.4); params["T"] (ages, d). Train on the sum of ``fact_loss`` and a loss of the logits. Raises ValueError
    or TypeError naming the argument.

    J. Weston, S. Chopra, A. Bordes, Memory networks, arXiv:1410.3916, sections 3.1 and 3.2.
    """
    return HardMemoryNetwork(vocabulary, width, facts, ages)
