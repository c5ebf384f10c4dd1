"""Sentences that a test over seeds decides.

Every test has the level ``LEVEL``: the probability that it says "reproduced" of something false. A sentence is tested
the hard way round, so that noise alone never reproduces anything:

    equals   two one-sided t tests (D. Schuirmann, J. Pharmacokinetics 15 (1987), 657-680): both "the mean is at least
             theory + margin" and "at most theory - margin" are refuted. A small sample or a wide spread fails.
    below, above   a one-sided t test refutes that the mean is on the other side
    often, seldom   an exact binomial test refutes that what happens or does not, seed by seed, has a probability on the
             other side of a bound: for success, which is far from normal
    oftener  the sign test: of the seeds in which two differ, one is ahead more often than not
    always   for theorems: it holds in every single run; no probability is involved
    exactly  one deterministic number

The t tests take the seeds' values as independent and near normal, as are growth rates, which are means over many steps.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats

LEVEL = 0.01

REPRODUCED, NOT = "reproduced", "not reproduced"


@dataclass(frozen=True)
class Statement:
    """What was measured, beside theory, and the verdict of a test.

    measured, spread   mean over seeds and the half-width of its 99 % interval (0 for what is not random)
    theory   the number or the bound that theory gives, in words
    known    why the sentence is known not to hold in every size, if it is
    """

    source: str
    what: str
    measured: float
    spread: float
    theory: str
    test: str
    passed: bool
    known: str = ""

    @property
    def verdict(self) -> str:
        """In words."""
        return REPRODUCED if self.passed else f"{NOT} (known: {self.known})" if self.known else NOT

    @property
    def surprising(self) -> bool:
        """Not reproduced, and not known to be so."""
        return not self.passed and not self.known

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "verdict": self.verdict}

    @property
    def figure(self) -> str:
        """The measured number with its spread, to the digits that the spread leaves."""
        if not self.spread:
            return f"{self.measured:.4g}"
        if not np.isfinite(self.spread) or abs(self.measured) >= 1e5:
            return f"{self.measured:.4g} ± {self.spread:.1g}"
        digits = int(np.clip(1 - np.floor(np.log10(self.spread)), 0, 12))
        return f"{self.measured:.{digits}f} ± {self.spread:.{digits}f}"

    @property
    def sentence(self) -> str:
        """All of it."""
        return f"{self.what}: {self.figure}; theory {self.theory} [{self.test}]: {self.verdict}"


def _sample(values: Any) -> tuple[np.ndarray, float, float, float]:
    """The values, their mean, its standard error, and the half-width of its interval."""
    sample = np.asarray(values, float).ravel()
    if len(sample) < 2:
        return sample, float(sample.mean()), float("nan"), float("inf")
    error = float(sample.std(ddof=1)) / len(sample) ** 0.5
    return sample, float(sample.mean()), error, error * float(stats.t.ppf(1 - LEVEL / 2, len(sample) - 1))


def _p(distance: float, error: float, seeds: int) -> float:
    """The probability of a mean at least so far from the border that is to be refuted; 1 for a single seed."""
    if not np.isfinite(error):
        return 1.0
    if error == 0:
        return 0.0 if distance > 0 else 1.0
    return float(stats.t.sf(distance / error, seeds - 1))


def equals(source: str, what: str, values: Any, theory: float, margin: float) -> Statement:
    """The mean is the theory's number up to a margin, which is part of the statement."""
    sample, mean, error, spread = _sample(values)
    p = _p(margin - abs(mean - theory), error, len(sample))
    test = f"equal within {margin:.2g}: p = {p:.1g}, {len(sample)} seeds"
    return Statement(source, what, mean, spread, f"{theory:.4g}", test, p < LEVEL)


def below(source: str, what: str, values: Any, bound: float, words: str = "") -> Statement:
    """The mean is below a bound."""
    sample, mean, error, spread = _sample(values)
    p = _p(bound - mean, error, len(sample))
    theory = words or f"below {bound:.4g}"
    return Statement(
        source, what, mean, spread, theory, f"below {bound:.4g}: p = {p:.1g}, {len(sample)} seeds", p < LEVEL
    )


def above(source: str, what: str, values: Any, bound: float, words: str = "") -> Statement:
    """The mean is above a bound."""
    sample, mean, error, spread = _sample(values)
    p = _p(mean - bound, error, len(sample))
    theory = words or f"above {bound:.4g}"
    return Statement(
        source, what, mean, spread, theory, f"above {bound:.4g}: p = {p:.1g}, {len(sample)} seeds", p < LEVEL
    )


def often(source: str, what: str, happened: Any, bound: float = 0.5, words: str = "") -> Statement:
    """What happens in some seeds and not in others has a probability above a bound."""
    seen, seeds = int(np.sum(np.asarray(happened, bool))), int(np.size(happened))
    p = float(stats.binom.sf(seen - 1, seeds, bound)) if seeds else 1.0
    return _share(source, what, seen, seeds, words or f"above {bound:.4g}", f"above {bound:.4g}: p = {p:.1g}", p)


def seldom(source: str, what: str, happened: Any, bound: float = 0.5, words: str = "") -> Statement:
    """What happens in some seeds and not in others has a probability below a bound."""
    seen, seeds = int(np.sum(np.asarray(happened, bool))), int(np.size(happened))
    p = float(stats.binom.cdf(seen, seeds, bound)) if seeds else 1.0
    return _share(source, what, seen, seeds, words or f"below {bound:.4g}", f"below {bound:.4g}: p = {p:.1g}", p)


def oftener(source: str, what: str, ahead: Any) -> Statement:
    """One is ahead of another more often than behind: ``ahead`` is by how much in every seed. Seeds in which they are
    alike say nothing and are left out, as usual in this test."""
    differ = np.asarray(ahead, float).ravel()
    kept = differ[differ != 0]  # a NaN is kept, and is not ahead
    return often(source, f"{what} (seeds that differ: {len(kept)} of {len(differ)})", kept > 0)


def _share(source: str, what: str, seen: int, seeds: int, theory: str, test: str, p: float) -> Statement:
    """The share of seeds, with the longer half of its 99 % interval (C. Clopper, E. Pearson, Biometrika 26 (1934))."""
    found = stats.binomtest(seen, seeds).proportion_ci(1 - LEVEL, "exact") if seeds else None
    share = seen / seeds if seeds else float("nan")
    spread = max(share - found.low, found.high - share) if found else float("inf")
    return Statement(source, what, share, float(spread), theory, f"{test}, {seeds} seeds", p < LEVEL)


def always(source: str, what: str, values: Any, bound: float, words: str) -> Statement:
    """A theorem: every value is at most the bound. The largest is told."""
    sample = np.asarray(values, float).ravel()
    largest = float(sample.max())
    passed = bool(len(sample)) and not bool(np.any(~(sample <= bound)))  # NaN fails
    return Statement(source, what, largest, 0.0, words, f"largest of {len(sample)}, at most {bound:.4g}", passed)


def exactly(source: str, what: str, measured: float, theory: float, relative: float) -> Statement:
    """One deterministic number, equal to the theory's up to a relative rounding error."""
    passed = bool(abs(measured - theory) <= relative * abs(theory))
    return Statement(source, what, float(measured), 0.0, f"{theory:.6g}", f"relative error <= {relative:.0g}", passed)
