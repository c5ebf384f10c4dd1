"""A plan: what is to be measured, as JSON, so that another process can do it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from refseq.bench.cases import Case, LayerCase
from refseq.bench.clock import Timing
from refseq.bench.operations import OperationCase
from refseq.bench.shapes import Shape
from refseq.bench.structures import StructureCase


@dataclass(frozen=True)
class Plan:
    """Time the ``cases`` by the ``libraries``, or measure their peak ``memory`` in one pass; ``curve`` says what the
    cases are along, if they are."""

    cases: tuple[Case, ...]
    libraries: tuple[str, ...]
    threads: int
    timing: Timing = field(default_factory=Timing)
    memory: str = ""
    curve: str = ""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "cases": [one.to_dict() for one in self.cases],
            "libraries": list(self.libraries),
            "threads": self.threads,
            "timing": asdict(self.timing),
            "memory": self.memory,
            "curve": self.curve,
        }


def plan(given: dict[str, Any]) -> Plan:
    """The inverse of ``Plan.to_dict``."""
    cases, libraries = tuple(case(one) for one in given["cases"]), tuple(given["libraries"])
    return Plan(cases, libraries, given["threads"], Timing(**given["timing"]), given["memory"], given["curve"])


def case(given: dict[str, Any]) -> Case:
    """The inverse of ``Case.to_dict``."""
    if given["kind"] == "operation":
        return OperationCase(given["name"], tuple(given["shape"]), given["dtype"])
    if given["kind"] == "structure":
        return StructureCase(given["name"], tuple(given["shape"]), given["dtype"])
    return LayerCase(given["name"], tuple(given["options"].items()), Shape(*given["shape"]), given["dtype"])


def layers(variants: Sequence[tuple[str, Any]], shapes: Sequence[Shape], dtypes: Sequence[str]) -> list[Case]:
    """Every layer in every shape and precision."""
    return [LayerCase(n, tuple(o.items()), s, d) for n, o in variants for s in dict.fromkeys(shapes) for d in dtypes]
