"""What all losses share: the result, which tokens count, and the checks of the arguments they have in common."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import DTYPES, Elsewhere, field_name, zeros
from refseq.losses.reduction import weighed
from refseq.primitives import complement, zero

KNOWN = frozenset(map(np.dtype, DTYPES))


@dataclass(frozen=True, eq=False)
class Loss:
    """A loss: ``value``, its ``gradient`` with respect to the predictions (same shape), the loss of every token before
    the reduction, ``tokens`` (T, B), 0 where a token does not count, and the ``scale`` (T, B) by which it entered."""

    value: Any
    gradient: np.ndarray
    tokens: np.ndarray
    scale: np.ndarray


def reduced(gradient: np.ndarray, tokens: np.ndarray, scale: np.ndarray) -> Loss:
    """The loss of these tokens. What does not count has scale 0 and is 0, never 0 times infinity."""
    return Loss(weighed(tokens, scale), gradient, tokens, scale)


def numbers(name: str, value: Any, shape: tuple[int | str, ...] | None) -> np.ndarray:
    """Predictions: an array of one of the dtypes of refseq; any shape for None."""
    if shape is None:
        shape = ("",) * value.ndim if isinstance(value, np.ndarray | Elsewhere) else ()
    checked = arguments.readable(name, value, shape, None)
    if checked.dtype not in KNOWN:
        raise TypeError(f"{name}: expected dtype {', '.join(DTYPES)}; got {checked.dtype}")
    return checked


def one(like: np.ndarray) -> Any:
    """1 in the number field of an array."""
    if like.dtype == object:
        return complement(zero(like.flat[0])) if like.size else 1
    return like.dtype.type(1)


def ones(shape: tuple[int, ...], like: np.ndarray) -> np.ndarray:
    """Ones in the number field of an array."""
    result = zeros(shape, like)
    result[...] = one(like)
    return result


def sample(x: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """An array of the host in the field of x from which 0 and 1 can be made: for objects without what padding holds."""
    if isinstance(x, Elsewhere):
        return np.zeros(1, x.dtype)
    return x[counted] if x.dtype == object else x


def inside(lengths: Any, steps: int, rows: int) -> np.ndarray:
    """True (T, B) within the length of a row."""
    return np.arange(steps)[:, None] < arguments.lengths(lengths, steps, rows)[None, :]


def token_weights(weights: Any, counted: np.ndarray, like: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The weights (T, B) in the field of ``like``, those given (numbers, or a mask of True and False) or 1, and 0 where
    a token is not counted; and which tokens are left to count."""
    if weights is None or (isinstance(weights, np.ndarray) and weights.dtype == bool):
        mask = counted if weights is None else counted & arguments.array("weights", weights, counted.shape, None)
        result = zeros(counted.shape, like)
        result[mask] = one(like)
        return result, mask
    result = matching("weights", weights, counted.shape, like).copy()
    not_negative("weights", result, counted)
    result[~counted] = zeros((), like).item()
    return result, counted & ~np.asarray(result == 0, bool)


def matching(name: str, value: Any, shape: tuple[int, ...], like: np.ndarray) -> np.ndarray:
    """An array of this shape in the dtype of the predictions."""
    if isinstance(value, np.ndarray) and value.dtype.newbyteorder("=") != like.dtype:
        raise TypeError(f"{name}: expected dtype {like.dtype} like the predictions, got {field_name(value)}")
    return arguments.readable(name, value, shape, like.dtype)


def not_negative(name: str, value: np.ndarray, counted: np.ndarray | None = None, largest: float = np.inf) -> None:
    """Finite real numbers >= 0 (and <= largest) where ``counted``; other fields than floats are not judged, nor what is
    on a device."""
    if value.dtype == object or isinstance(value, Elsewhere):
        return
    if value.dtype.kind == "f" and value.size:  # the most frequent case, at once: a NaN is neither
        with np.errstate(invalid="ignore"):
            if value.min() >= 0 and value.max() <= min(largest, float(np.finfo(value.dtype).max)):
                return
    real, imaginary = np.real(value), np.imag(value)
    good = np.isfinite(value) & (imaginary == 0) & (real >= 0) & (real <= largest)
    bad = ~good if counted is None else ~good & counted.reshape(counted.shape + (1,) * (value.ndim - counted.ndim))
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        wanted = "finite numbers >= 0" if largest == np.inf else f"numbers in [0, {largest:g}]"
        raise ValueError(f"{name}: expected {wanted}, got {value[where]} at {where}")
