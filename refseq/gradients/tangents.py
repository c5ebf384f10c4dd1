"""Two ways to carry a tangent through a layer, neither of which knows the cells' backward functions.

complex step   f(x + i u v) = f(x) + i u J v + O(u^2), in complex128 through the compiled loop. With u near 2^-332 the
               error of the real part, O(u^2), is far below rounding, and nothing is subtracted: J. N. Lyness, C. B.
               Moler, SIAM J. Numer. Anal. 4 (1967), 202-210; W. Squire, G. Trapp, SIAM Rev. 40 (1998), 110-112.
dual numbers   f(x + eps v) = f(x) + eps J v, eps^2 = 0, interpreted in plain Python; the derivatives of the primitives
               are those of ``refseq.fields.real``, or of another field over which the layer is run.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

import refseq.fields.real  # noqa: F401 - registers the derivatives of floats
from refseq import arguments
from refseq.arrays import lift
from refseq.fields.differential import Dual
from refseq.primitives import zero

EXPONENT = -332
"""Of the complex step: u^2 = 2^-664 is nothing beside 1, and u leaves 2^-742 to the smallest tangents."""


class Carrier(Protocol):
    """Numbers with a tangent: into arrays, and out of them again."""

    def lift(self, value: np.ndarray, tangent: np.ndarray) -> np.ndarray:
        """An array of numbers with these values and tangents."""
        ...

    def constant(self, values: np.ndarray) -> np.ndarray:
        """An array of numbers with tangent zero; numbers that carry a tangent already stay what they are."""
        ...

    def tangent(self, numbers: np.ndarray) -> np.ndarray:
        """The tangents, in float64 or as objects."""
        ...


@dataclass(frozen=True)
class ComplexStep:
    """Complex numbers: the tangent, times 2^exponent, is the imaginary part. A power of two scales exactly."""

    exponent: int

    def lift(self, value: np.ndarray, tangent: np.ndarray) -> np.ndarray:
        """See ``Carrier``."""
        numbers = np.empty(value.shape, np.complex128)
        numbers.real, numbers.imag = value, np.ldexp(tangent.astype(np.float64), self.exponent)
        return numbers

    def constant(self, values: np.ndarray) -> np.ndarray:
        """See ``Carrier``."""
        return values.astype(np.complex128)

    def tangent(self, numbers: np.ndarray) -> np.ndarray:
        """See ``Carrier``."""
        return np.ldexp(np.imag(numbers), -self.exponent)


class DualNumbers:
    """Objects ``Dual(value, tangent)`` over floats, or over the number field of the objects that are lifted."""

    def lift(self, value: np.ndarray, tangent: np.ndarray) -> np.ndarray:
        """See ``Carrier``."""
        numbers = np.empty(value.shape, object)
        pairs = zip(value.reshape(-1).tolist(), tangent.reshape(-1).tolist(), strict=True)
        numbers.reshape(-1)[:] = [Dual(*pair) for pair in pairs]
        return numbers

    def constant(self, values: np.ndarray) -> np.ndarray:
        """See ``Carrier``."""
        return lift(values, lambda value: value if isinstance(value, Dual) else Dual(value, zero(value)))

    def tangent(self, numbers: np.ndarray) -> np.ndarray:
        """See ``Carrier``."""
        tangents = np.empty(numbers.shape, object)
        tangents.reshape(-1)[:] = [number.tangent for number in numbers.reshape(-1)]
        return tangents


METHODS = ("complex step", "dual numbers")


def carrier(method: str, tangents: Iterable[np.ndarray]) -> Carrier:
    """The carrier of this name for tangents of this size. Raises ValueError for an unknown name."""
    if arguments.choice("method", method, METHODS) == "dual numbers":
        return DualNumbers()
    largest = max((float(np.max(np.abs(tangent), initial=0.0)) for tangent in tangents), default=0.0)
    size = int(np.frexp(largest)[1]) if np.isfinite(largest) else 0
    return ComplexStep(EXPONENT - size)
