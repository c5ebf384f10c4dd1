"""What a check says: findings, verdicts with reasons, and the report of a whole implementation."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

PASS, FAIL, UNDECIDED, NOT_OFFERED = "pass", "fail", "undecided", "not offered"
"""Verdicts. Undecided is not a pass: the check could not judge, and says why. Not offered: nothing to judge."""


@dataclass(frozen=True)
class Place:
    """Where in a layer an entry of a tensor belongs; None where the question makes no sense."""

    tensor: str
    gate: str | None = None
    time: int | None = None
    row: int | None = None
    layer: int | None = None
    direction: str | None = None
    unit: int | None = None
    node: int | None = None
    edge: int | None = None
    along: tuple[tuple[str, int], ...] = ()
    """Further axes by name, with the index along each."""

    def __str__(self) -> str:
        parts = [("gate", self.gate), ("t =", self.time), ("row", self.row), ("layer", self.layer)]
        parts += [("node", self.node), ("edge", self.edge)]
        parts += [("direction", self.direction), ("unit", self.unit), *self.along]
        return ", ".join([self.tensor, *(f"{word} {value}" for word, value in parts if value is not None)])


@dataclass(frozen=True)
class Finding:
    """Something wrong: which check, where, how large (in sigma of the rounding noise and in ULP), in words.

    ``problem`` names the test problem; ``expected`` and ``actual`` are the values at the place shown; ``diagnosis`` is
    a known mistake that would explain it, or empty.
    """

    check: str
    problem: str
    place: Place
    message: str
    sigma: float | None = None
    ulp: float | None = None
    expected: float | None = None
    actual: float | None = None
    diagnosis: str = ""

    tensor = property(lambda self: self.place.tensor)
    gate = property(lambda self: self.place.gate)
    time = property(lambda self: self.place.time)
    row = property(lambda self: self.place.row)
    layer = property(lambda self: self.place.layer)
    direction = property(lambda self: self.place.direction)

    def __str__(self) -> str:
        text = f"{self.check} [{self.problem}] {self.place}: {self.message}"
        return f"{text}; {self.diagnosis}" if self.diagnosis else text


@dataclass(frozen=True)
class Worst:
    """The largest deviation that was seen: in sigma, in ULP, and how much the entry amplifies rounding errors."""

    place: Place
    sigma: float
    ulp: float
    condition: float


@dataclass(frozen=True)
class Sensitivity:
    """The weakest planted error that the check was seen to detect: one block scaled by 1 + ``size``."""

    place: Place
    size: float


@dataclass(frozen=True)
class Outcome:
    """One check on one problem."""

    check: str
    problem: str
    verdict: str
    seconds: float = 0.0
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    worst: tuple[Worst, ...] = ()
    sensitivity: Sensitivity | None = None


@dataclass(frozen=True)
class Report:
    """Every check of one implementation of one layer in one precision.

    ``activations`` is what the implementation declared about the accuracy of its tanh and sigmoid.
    """

    implementation: str
    cell: str
    sizes: str
    dtype: str
    outcomes: tuple[Outcome, ...]
    activations: str = "relative"
    quick: bool = False

    @property
    def layer(self) -> str:
        """The cell and its sizes, in words."""
        return f"{self.cell} {self.sizes}"

    @property
    def verdict(self) -> str:
        """Fail if anything failed, else undecided if anything was, else pass; not offered if nothing was judged."""
        return combine(outcome.verdict for outcome in self.outcomes)

    @property
    def forward_only(self) -> bool:
        """Whether outputs were judged but gradients are not offered."""
        verdicts = {check: [o.verdict for o in self.outcomes if o.check == check] for check in ("values", "gradients")}
        return combine(verdicts["values"]) != NOT_OFFERED and combine(verdicts["gradients"]) == NOT_OFFERED

    @property
    def findings(self) -> list[Finding]:
        """All findings, in the order of the checks."""
        return [finding for outcome in self.outcomes for finding in outcome.findings]

    @property
    def reasons(self) -> list[str]:
        """Why checks were undecided or not offered, each once."""
        told = [f"{o.check}: {o.verdict}: {o.reason}" for o in self.outcomes if o.verdict in (UNDECIDED, NOT_OFFERED)]
        return list(dict.fromkeys(told))

    @property
    def worst(self) -> Worst | None:
        """The largest deviation in sigma over all problems."""
        return max(self._all_worst(), key=lambda worst: worst.sigma, default=None)

    @property
    def worst_by_tensor(self) -> dict[str, Worst]:
        """For every tensor the entry with the largest deviation in sigma."""
        result: dict[str, Worst] = {}
        for worst in self._all_worst():
            name = worst.place.tensor
            if name not in result or worst.sigma > result[name].sigma:
                result[name] = worst
        return result

    @property
    def sensitivity(self) -> Sensitivity | None:
        """The weakest of the negative controls: an error of this size in that block is seen."""
        found = [outcome.sensitivity for outcome in self.outcomes if outcome.sensitivity]
        return max(found, key=lambda sensitivity: sensitivity.size, default=None)

    @property
    def seconds(self) -> float:
        """Time that all checks took."""
        return sum(outcome.seconds for outcome in self.outcomes)

    def _all_worst(self) -> list[Worst]:
        return [worst for outcome in self.outcomes for worst in outcome.worst]

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain dicts and lists, for JSON."""
        return {**asdict(self), "layer": self.layer, "verdict": self.verdict, "seconds": self.seconds}


def combine(verdicts: Iterable[str]) -> str:
    """The verdict of several: the first of fail, undecided, pass that occurs, else not offered."""
    found: Sequence[str] = list(verdicts)
    return next((verdict for verdict in (FAIL, UNDECIDED, PASS) if verdict in found), NOT_OFFERED)
