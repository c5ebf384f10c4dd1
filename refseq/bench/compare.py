"""Two runs side by side: what has become slower or faster, and whether the machine has."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq.bench.results import Results
from refseq.bench.spread import apart

LEAST = 0.1
"""A change below this factor is none; and the interquartile ranges have to be apart."""

OWN = "refseq"


@dataclass(frozen=True)
class Change:
    """One pass of one library on one case in both runs."""

    library: str
    key: str
    threads: int
    passed: str
    old: dict[str, Any]
    new: dict[str, Any]

    @property
    def factor(self) -> float:
        """New time / old time."""
        return self.new["median"] / self.old["median"]

    @property
    def verdict(self) -> str:
        """slower, faster or same."""
        return apart(self.new, self.old, LEAST)


@dataclass(frozen=True)
class Comparison:
    """All changes; how many times only one of the runs has; what the runs do not share that times depend on."""

    changes: tuple[Change, ...]
    only_old: int
    only_new: int
    differences: tuple[str, ...]

    @property
    def others(self) -> float:
        """The median factor of the other libraries, whose code is the same unless their version is another: how much
        slower the machine was. NaN if there is none."""
        factors = [change.factor for change in self.changes if change.library != OWN]
        return float(np.median(factors)) if factors else float("nan")

    def of(self, verdict: str) -> list[Change]:
        """The changes of one verdict, the largest first."""
        found = [change for change in self.changes if change.verdict == verdict]
        return sorted(found, key=lambda change: abs(np.log(change.factor)), reverse=True)

    @property
    def worse(self) -> bool:
        """Whether refseq has become slower anywhere."""
        return any(change.library == OWN for change in self.of("slower"))


def compare(old: Results, new: Results) -> Comparison:
    """Every time that both runs have, by library, case, threads, setting and pass."""
    before, after = _times(old), _times(new)
    shared = [key for key in after if key in before]
    changes = tuple(Change(key[0], key[1], key[2], key[-1], before[key], after[key]) for key in shared)
    return Comparison(changes, len(before) - len(shared), len(after) - len(shared), tuple(_differences(old, new)))


def _times(results: Results) -> dict[tuple, dict[str, Any]]:
    found: dict[tuple, dict[str, Any]] = {}
    for one in results.timed():
        for passed, times in one["passes"].items():
            found[one["library"], one["key"], one["threads"], one["hostile"], one["curve"], passed] = times
    return found


def _differences(old: Results, new: Results) -> Iterable[str]:
    for name in ("processor", "cores", "python"):
        if old.environment.get(name) != new.environment.get(name):
            yield f"{name}: {old.environment.get(name)} before, {new.environment.get(name)} now"
    if old.threads != new.threads:
        yield f"threads: {old.threads} before, {new.threads} now"
    for name in new.libraries:
        if name in old.libraries and (a := old.libraries[name]["version"]) != (b := new.libraries[name]["version"]):
            yield f"{name}: version {a} before, {b} now"
