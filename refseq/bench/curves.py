"""Scaling curves: how time grows with one size of the shape, or falls with threads."""

from dataclasses import dataclass
from typing import Any

from refseq.bench.measure import Event
from refseq.bench.results import Results
from refseq.bench.shapes import CURVES
from refseq.bench.spread import exponent

PLACES = {"T": 0, "B": 1, "H": 3}


@dataclass(frozen=True)
class Line:
    """One library on one curve: ``times`` (summaries) at ``sizes``, ascending; ``case`` is the cell and precision."""

    curve: str
    case: str
    library: str
    sizes: tuple[int, ...]
    times: tuple[dict[str, Any], ...]

    @property
    def exponent(self) -> float:
        """p of seconds = c size^p over the upper half of the sizes, where fixed costs matter least: 1 is linear."""
        upper = self._upper()
        return exponent(self.sizes[upper:], [times["median"] for times in self.times[upper:]])

    def linear(self) -> float:
        """The largest time per size over the smallest, over the upper half of the sizes: 1 is linear."""
        upper = self._upper()
        rates = [times["median"] / size for size, times in zip(self.sizes[upper:], self.times[upper:], strict=True)]
        return max(rates) / min(rates)

    def _upper(self) -> int:
        """Where the upper half begins, of at least two sizes if there are."""
        return max(min(len(self.sizes) // 2, len(self.sizes) - 2), 0)


def lines(results: Results, passed: str) -> list[Line]:
    """All lines of one pass, by curve and case."""
    found: dict[tuple[str, str, str], dict[int, dict[str, Any]]] = {}
    for one in results.timed():
        if one["curve"] and passed in one["passes"]:
            case = f"{one['label']} {one['case']['dtype']}"
            found.setdefault((one["curve"], case, one["library"]), {})[_size(one)] = one["passes"][passed]
    ordered = sorted(found, key=lambda key: list(CURVES).index(key[0]))
    return [
        Line(*key, tuple(sorted(found[key])), tuple(found[key][size] for size in sorted(found[key]))) for key in ordered
    ]


def _size(one: Event) -> int:
    return one["threads"] if one["curve"] == "threads" else one["case"]["shape"][PLACES[one["curve"]]]
