"""Comparison of tensors within a budget, safe against NaN, and the findings that come of it."""

from collections.abc import Mapping

import numpy as np

from refseq.checks.budget import THRESHOLD, sigma
from refseq.checks.exact import enclose
from refseq.checks.function import Posed
from refseq.checks.tensors import blocks, in_time, place
from refseq.checks.verdict import Finding, Worst
from refseq.fields.noise import UNIT_ROUNDOFF

Arrays = Mapping[str, np.ndarray]


def in_sigmas(error: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """error / spread; where nothing is rounded (spread 0), 0 for no error and inf for any."""
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(error == 0, 0.0, error / spread)
    return np.where(np.isnan(size), np.inf, size)


def ulps(error: np.ndarray, reference: np.ndarray, dtype: str) -> np.ndarray:
    """error in units in the last place of the reference, in this precision."""
    with np.errstate(over="ignore"):
        return error / np.spacing(np.abs(reference).astype(dtype)).astype(np.float64)


def against_exact(
    check: str, problem: Posed, tensors: Arrays, absolute: bool = False
) -> tuple[list[Finding], list[Worst]]:
    """Judge tensors against the enclosures: a finding for each wrong block, the worst entry of each tensor.

    ``absolute``: with the budget for activations that are accurate only to rounding of their range.
    """
    findings, worst = [], []
    for name, candidate in tensors.items():
        enclosure, spread = enclose(problem)[name], sigma(problem, absolute, tensors)[name]
        error = enclosure.error(candidate)
        if not error.size:
            continue
        size = in_sigmas(error, spread)
        units = ulps(error, enclosure.high, problem.dtype)
        findings += block_findings(check, problem, name, candidate, enclosure.high, size, units)
        at = np.unravel_index(int(np.argmax(size)), size.shape)
        scale = UNIT_ROUNDOFF[problem.dtype] * np.abs(enclosure.high[at])
        condition = float(spread[at] / scale) if scale else 0.0
        here = place(problem.layer, name, tuple(int(i) for i in at))
        worst.append(Worst(here, float(size[at]), float(units[at]), condition))
    return findings, worst


def block_findings(
    check: str,
    problem: Posed,
    name: str,
    candidate: np.ndarray,
    expected: np.ndarray,
    size: np.ndarray,
    units: np.ndarray,
) -> list[Finding]:
    """One finding for every block of a tensor with entries of more than ``THRESHOLD`` sigma."""
    findings = []
    bad = ~(size <= THRESHOLD)  # NaN is bad
    for block in blocks(problem.layer, name, candidate):
        wrong = np.argwhere(bad[block])
        if not len(wrong):
            continue
        timed = in_time(problem.layer, name)
        at = (*block, *(int(i) for i in (_first_cause if timed else _largest)(name, wrong, size[block])))
        share = f"{len(wrong)} of {bad[block].size} entries wrong" if bad[block].size > 1 else "wrong"
        message = f"expected {expected[at]:.17g}, got {candidate[at]:.17g}: {_count(size[at])} sigma"
        message += f", {_count(units[at])} ULP; {share}{_since(name, wrong) if timed else ''}"
        where = place(problem.layer, name, at)
        numbers = (float(size[at]), float(units[at]), float(expected[at]), float(candidate[at]))
        findings.append(Finding(check, problem.label, where, message, *numbers))
    return findings


def _first_cause(name: str, wrong: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The entry to show: of an output the first wrong in time, of dx the last."""
    times = wrong[:, 0]
    return _largest(name, wrong[times == (times.min() if name == "y" else times.max())], size)


def _largest(_name: str, wrong: np.ndarray, size: np.ndarray) -> np.ndarray:
    """The entry with the largest error."""
    sizes = size[tuple(wrong.T)]
    return wrong[int(np.argmax(np.where(np.isnan(sizes), np.inf, sizes)))]


def _since(name: str, wrong: np.ndarray) -> str:
    return f", none before t = {wrong[:, 0].min()}" if name == "y" else f", none after t = {wrong[:, 0].max()}"


def _count(number: float) -> str:
    return f"{number:.3g}"
