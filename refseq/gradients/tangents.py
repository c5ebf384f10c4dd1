"""Two ways to carry a tangent through a layer, neither of which knows the cells' backward functions.

complex step   f(x + i u v) = f(x) + i u J v + O(u^2), in complex128 through the compiled loop. With u near 2^-332 the
               error of the real part, O(u^2), is far below rounding, and nothing is subtracted: J. N. Lyness, C. B.
               Moler, SIAM J. Numer. Anal. 4 (1967), 202-210; W. Squire, G. Trapp, SIAM Rev. 40 (1998), 110-112.
dual numbers   f(x + eps v) = f(x) + eps J v, eps^2 = 0, interpreted in plain Python; the derivatives of the primitives
               are those of ``refseq.fields.real``.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

import refseq.fields.real  # noqa: F401 - registers the derivatives of floats
from refseq import arguments
from refseq.fields.differential import Dual

EXPONENT = -332
"""Of the complex step: u^2 = 2^-664 is nothing beside 1, and u leaves 2^-742 to the smallest tangents."""


class Carrier(Protocol):
    """Numbers with a tangent: into arrays, and out of them again."""

    def lift(self, value: np.ndarray, tangent: np.ndarray) -> np.ndarray:
        """An array of numbers with these values and tangents."""
        ...

    def tangent(self, numbers: np.ndarray) -> np.ndarray:
        """The tangents, in float64."""
        ...


@dataclass(frozen=True)
class ComplexStep:
    """Complex numbers whose imaginary part is the tangent times 2^exponent: a power of two, so that scaling is exact."""

    exponent: int

    def lift(self, value: np.ndarray, tangent: np.ndarray) -> np.ndarray:
        """See ``Carrier``."""
        numbers = np.empty(value.shape, np.complex128)
        numbers.real, numbers.imag = value, np.ldexp(tangent.astype(np.float64), self.exponent)
        return numbers

    def tangent(self, numbers: np.ndarray) -> np.ndarray:
        """See ``Carrier``."""
        return np.ldexp(numbers.imag, -self.exponent)


class DualNumbers:
    """Objects ``Dual(float, float)``."""

    def lift(self, value: np.ndarray, tangent: np.ndarray) -> np.ndarray:
        """See ``Carrier``."""
        numbers = np.empty(value.shape, object)
        pairs = zip(value.reshape(-1).tolist(), tangent.reshape(-1).tolist(), strict=True)
        numbers.reshape(-1)[:] = [Dual(*pair) for pair in pairs]
        return numbers

    def tangent(self, numbers: np.ndarray) -> np.ndarray:
        """See ``Carrier``."""
        return np.array([number.tangent for number in numbers.reshape(-1)], np.float64).reshape(numbers.shape)


METHODS = ("complex step", "dual numbers")


def carrier(method: str, tangents: Iterable[np.ndarray]) -> Carrier:
    """The carrier of this name for tangents of this size. Raises ValueError for an unknown name."""
    if arguments.choice("method", method, METHODS) == "dual numbers":
        return DualNumbers()
    largest = max((float(np.max(np.abs(tangent), initial=0.0)) for tangent in tangents), default=0.0)
    size = int(np.frexp(largest)[1]) if np.isfinite(largest) else 0
    return ComplexStep(EXPONENT - size)
