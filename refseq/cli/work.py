"""The pieces of work of ``refseq verify`` and ``refseq prove``: each is judged by itself."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import proofs
from proofs import Theorem
from refseq.checks import Implementation, NotOffered, Report
from refseq.checks import verify as judge
from refseq.checks.losses import verify as judge_loss
from refseq.checks.structures import verify as judge_network
from refseq.checks.verdict import FAIL, NOT_OFFERED, Finding, Outcome, Place
from refseq.cli.tables import BUILD
from refseq.layer import Layer
from refseq.stack import Stack

Progress = Callable[[Any], None] | None
"""Called now and then while something is judged."""


class Work:
    """Something to be judged."""

    @property
    def title(self) -> str:
        """What to call it while it runs."""
        raise NotImplementedError

    @property
    def group(self) -> str:
        """Work of one group shares compiled code and exact values, and is done by one process."""
        return self.title

    def run(self, progress: Progress = None) -> Any:
        """The result."""
        raise NotImplementedError


class _OfLayer(Work):
    """A layer or a network by ``name`` in one precision."""

    name: str
    layer: Any
    dtype: str

    @property
    def title(self) -> str:
        return f"{self.name} {self.layer} {self.dtype}"

    @property
    def group(self) -> str:
        return self.layer.label  # in both precisions: single is compared with double


@dataclass(frozen=True)
class Row(_OfLayer):
    """An implementation still to be built, the layer it should be, the precision, and how thoroughly to look."""

    name: str
    build: Callable[[Any], Implementation]
    layer: Layer | Stack
    dtype: str
    quick: bool

    def run(self, progress: Progress = None) -> Report:
        """Judge it. An implementation that cannot be built gives a report of one outcome."""
        try:
            implementation = self.build(self.layer)
        except NotOffered as refusal:
            return self._unbuilt(Outcome(BUILD, "", NOT_OFFERED, reason=str(refusal)))
        except Exception as error:  # noqa: BLE001 - the user's own code; the report says what it raised
            finding = Finding(BUILD, "", Place("layer"), f"building it raised {type(error).__name__}: {error}")
            return self._unbuilt(Outcome(BUILD, "", FAIL, findings=(finding,)))
        try:
            return judge(implementation, self.layer, self.dtype, quick=self.quick, progress=progress)
        except (TypeError, ValueError) as error:  # it is no implementation of this layer
            return self._unbuilt(Outcome(BUILD, "", FAIL, findings=(Finding(BUILD, "", Place("layer"), str(error)),)))

    def _unbuilt(self, outcome: Outcome) -> Report:
        return Report(self.name, self.layer.label, self.layer.sizes, self.dtype, (outcome,))


@dataclass(frozen=True)
class NetworkRow(_OfLayer):
    """refseq's network or system of some kind, on one target in one precision."""

    name: str
    target: str
    layer: Any
    dtype: str

    def run(self, progress: Progress = None) -> Report:
        """Judge it."""
        return judge_network(self.layer, self.target, self.dtype, progress=progress)


@dataclass(frozen=True)
class LossRow(Work):
    """Somebody's loss, still to be built, by the name of the loss in one precision."""

    name: str
    build: Callable[[], Any]
    loss: str
    dtype: str

    @property
    def title(self) -> str:
        """What to call it while it runs."""
        return f"{self.name} {self.loss} {self.dtype}"

    @property
    def group(self) -> str:
        """In both precisions, and of all implementations: they share exact values."""
        return self.loss

    def run(self, progress: Progress = None) -> Report:
        """Judge it. One that cannot be built, or is no loss, gives a report of one outcome."""
        try:
            return judge_loss(self.build(), self.dtype, progress=progress)
        except Exception as error:  # noqa: BLE001 - the user's own code; the report says what it raised
            finding = Finding(BUILD, "", Place("loss"), f"building it raised {type(error).__name__}: {error}")
            outcome = Outcome(BUILD, "", FAIL, findings=(finding,))
            return Report(self.name, self.loss, "", self.dtype, (outcome,))


@dataclass(frozen=True)
class NodeCases(Work):
    """The node cases of the onnx package, run on refseq."""

    @property
    def title(self) -> str:
        """What to call it while it runs."""
        return "ONNX node cases"

    def run(self, progress: Progress = None) -> list[Any]:
        """How every case went."""
        from refseq.adapters.onnx_cases import run_cases

        return run_cases()


@dataclass(frozen=True)
class Proof(Work):
    """A theorem to be proved. ``missing``: why its method cannot run here."""

    theorem: Theorem
    missing: str | None

    @property
    def title(self) -> str:
        """What to call it while it runs."""
        return self.theorem.name

    @property
    def group(self) -> str:
        """What its name begins with."""
        return self.theorem.name.partition("/")[0]

    def run(self, progress: Progress = None) -> tuple[str, float, str, str]:
        """Verdict, seconds, detail, and what was planted: not the theorem, which cannot go to another process."""
        found = proofs.prove(self.theorem, self.missing)
        return found.verdict, found.seconds, found.detail, found.planted
