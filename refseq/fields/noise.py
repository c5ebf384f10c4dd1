"""Monte-Carlo arithmetic: how large are the rounding errors of a computation in a given precision?

Every number is a vector of samples, and every operation rounds each sample at random: the result is multiplied by
1 + u r, r uniform in [-1, 1] and u the unit roundoff; activations, which libraries do not round correctly, by
1 + 4 u r (two units in the last place). Some libraries take tanh and sigmoid from rational approximations that are
accurate to rounding of their range [-1, 1] but not of a small value: ``absolute`` models those, adding 4 u r instead.
The spread of a result over the samples is the error that a correct implementation may show. D. S. Parker, Monte Carlo
arithmetic, UCLA CSD-970002 (1997).
"""

from itertools import cycle
from typing import Any

import numpy as np

from refseq.primitives import register_field

UNIT_ROUNDOFF = {"float32": 2.0**-24, "float64": 2.0**-53}
ACTIVATION_ROUNDOFFS = 4
"""Roundoffs that an activation may be wrong by: two units in the last place."""

_POOL = 4099
"""Rows of random factors that are used in turn: prime, so that loops of a step do not meet the same row each time."""


class Rounding:
    """A source of random rounding factors for ``samples`` samples at unit roundoff ``u``.

    ``absolute``: tanh and sigmoid are wrong by roundoffs of 1, not of their value.
    """

    def __init__(self, u: float, samples: int, seed: int, absolute: bool = False) -> None:
        rng = np.random.default_rng(seed)
        operations, activations = rng.uniform(-u, u, (2, _POOL, samples))
        self._factors, self._errors = cycle(1 + operations), cycle(ACTIVATION_ROUNDOFFS * activations)
        self._absolute, self._samples = absolute, samples
        self.straddled = False
        """Whether samples of one number fell on both sides of relu's kink: their spread is then no rounding error."""

    def number(self, value: float) -> "Noisy":
        """An exact number: all samples alike."""
        return Noisy(self, np.full(self._samples, value))

    def rounded(self, samples: np.ndarray) -> "Noisy":
        """The result of an operation, in an array that nobody else has."""
        samples *= next(self._factors)
        return Noisy(self, samples)

    def activated(self, samples: np.ndarray) -> "Noisy":
        """The result of exp, log or log1p."""
        return Noisy(self, samples * (1 + next(self._errors)))

    def squashed(self, samples: np.ndarray) -> "Noisy":
        """The result of tanh or sigmoid."""
        return Noisy(self, samples + next(self._errors)) if self._absolute else self.activated(samples)


class Noisy:
    """Samples of a number. Mixes with Python integers."""

    __slots__ = ("rounding", "samples")
    __array_ufunc__ = None

    def __init__(self, rounding: Rounding, samples: np.ndarray) -> None:
        self.rounding, self.samples = rounding, samples

    def __add__(self, other: Any) -> "Noisy":
        return self.rounding.rounded(self.samples + _samples(other))

    __radd__ = __add__

    def __neg__(self) -> "Noisy":
        return Noisy(self.rounding, -self.samples)

    def __sub__(self, other: Any) -> "Noisy":
        return self.rounding.rounded(self.samples - _samples(other))

    def __rsub__(self, other: Any) -> "Noisy":
        return self.rounding.rounded(_samples(other) - self.samples)

    def __mul__(self, other: Any) -> "Noisy":
        return self.rounding.rounded(self.samples * _samples(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "Noisy":
        return self.rounding.rounded(self.samples / _samples(other))

    def __rtruediv__(self, other: Any) -> "Noisy":
        return self.rounding.rounded(_samples(other) / self.samples)


def _samples(other: Any) -> Any:
    return other.samples if isinstance(other, Noisy) else other


def _sigmoid(samples: np.ndarray) -> np.ndarray:
    small = np.exp(-np.abs(samples))
    return np.where(samples >= 0, 1.0, small) / (1.0 + small)


def _relu(x: Noisy) -> Noisy:
    below = x.samples <= 0
    x.rounding.straddled |= bool(below.any() and not below.all())
    return Noisy(x.rounding, np.where(below, 0.0, x.samples))


def _clip(x: Noisy, bound: Noisy) -> Noisy:
    outside = np.abs(x.samples) >= bound.samples
    x.rounding.straddled |= bool(outside.any() and not outside.all())
    return Noisy(x.rounding, np.clip(x.samples, -bound.samples, bound.samples))


register_field(
    Noisy,
    {
        "tanh": lambda x: x.rounding.squashed(np.tanh(x.samples)),
        "sigmoid": lambda x: x.rounding.squashed(_sigmoid(x.samples)),
        "relu": _relu,
        "exp": lambda x: x.rounding.activated(np.exp(x.samples)),
        "log": lambda x: x.rounding.activated(np.log(x.samples)),
        "log1p": lambda x: x.rounding.activated(np.log1p(x.samples)),
        "sqrt": lambda x: x.rounding.rounded(np.sqrt(x.samples)),  # libraries round it correctly
        "order": lambda x: float(x.samples.mean()),
    },
    step=lambda y: Noisy(y.rounding, np.where(y.samples <= 0, 0.0, 1.0)),
    clipped=_clip,
    inside=lambda y, bound: Noisy(y.rounding, np.where(np.abs(y.samples) < bound.samples, 1.0, 0.0)),
    number=lambda x, value: x.rounding.number(value),
)
