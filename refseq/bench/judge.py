"""Whether a library computes the right thing: what does not is refused, not timed.

Of every result, with the truth from refseq in float64 of the same inputs:

    error = max |library - truth| / max |truth|  <=  16 eps sqrt(n)

eps is the spacing of 1 in the precision timed, n the most terms that are summed on the way to a result (T (B + I + H)
for a layer): rounding errors of n terms add up like sqrt(n). It finds wrong formulas, gates and transposes, not a lost
bit; that is what ``refseq verify`` is for, which judges refseq as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from refseq.bench.cases import Arrays, Case


@dataclass(frozen=True)
class Judgement:
    """The worst result: its ``tensor``, its ``error`` and the ``limit`` for all; ``trouble`` is empty if it passes."""

    tensor: str
    error: float
    limit: float
    trouble: str = ""


def limit(case: Case) -> float:
    """The largest error that is accepted."""
    return 16 * float(np.finfo(case.dtype).eps) * case.terms**0.5


def judged(case: Case, results: Mapping[str, Arrays], truth: Mapping[str, Arrays]) -> Judgement:
    """The worst of all results of all passes. A result that is missing, has another shape or dtype is trouble."""
    allowed, worst = limit(case), Judgement("", 0.0, limit(case))
    for passed, arrays in results.items():
        for name, value in arrays.items():
            expected = truth[passed].get(name)
            if expected is None:
                return Judgement(name, np.inf, allowed, f"{passed}: there is no result {name!r}")
            if value.shape != expected.shape:
                return Judgement(
                    name, np.inf, allowed, f"{passed}: {name} has shape {value.shape}, not {expected.shape}"
                )
            if value.ndim and str(value.dtype) != case.dtype:
                return Judgement(name, np.inf, allowed, f"{passed}: {name} is {value.dtype}, not {case.dtype}")
            error = relative(value, expected)
            if not error <= allowed:
                return Judgement(
                    name, error, allowed, f"{passed}: error of {name} is {error:.1e}, allowed {allowed:.1e}"
                )
            if error >= worst.error:
                worst = Judgement(name, error, allowed)
        needed = [name for name in truth[passed] if name.startswith("d")]
        lost = [name for name in needed if name not in arrays]
        if lost or not arrays:
            return Judgement("", np.inf, allowed, f"{passed}: no result {', '.join(lost)}")
    return worst


def relative(value: np.ndarray, expected: np.ndarray) -> float:
    """max |value - expected| / max |expected|; inf if anything is not finite."""
    if not np.isfinite(value).all():
        return float("inf")
    size = float(np.abs(expected).max(initial=0.0))
    error = float(np.abs(value - expected).max(initial=0.0))
    return error / size if size else error
