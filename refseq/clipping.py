"""Gradient clipping (L1.13, L4.6): every entry by itself, or all gradients together by their norm.

    by value   g -> min(max(g, -threshold), threshold)               changes the direction
    by norm    g -> g min(1, threshold / norm),  norm = ||all g||    keeps the direction

R. Pascanu, T. Mikolov, Y. Bengio, On the difficulty of training recurrent neural networks, ICML 2013, algorithm 1.

The norm is summed in double precision. Where squares leave its range, all entries are divided by a power of two close
to the largest; the factor is applied as a number in [1/2, 1) and a power of two. So nothing overflows on the way,
whatever the gradients: their direction is kept to rounding at 1e200 in float64 and 1e30 in float32, and for denormal
numbers as far as these can show it. The norm has the same bits for any number of threads. Nothing is added to it, as
torch adds 1e-6: the clipped norm is the threshold to rounding.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from refseq import arguments
from refseq.arrays import name_of, read
from refseq.engine import norms
from refseq.engine.results import result_like
from refseq.kernels import on_vectors
from refseq.targets import device_for
from refseq.targets.visiting import guests

Arrays = dict[str, np.ndarray]

NONFINITE = ("raise", "zero", "keep")

SAFE = (2.0**-900, 2.0**1000)
"""Sums of squares from which no square that overflowed, or that vanished and counts, is missing."""
SMALLEST = -1021
"""The power of the smallest factor in [1/2, 1) 2^power that is no denormal number."""


@guests("grads", "out")
def clip_by_value(
    grads: Mapping[str, np.ndarray],
    threshold: float,
    nonfinite: str = "raise",
    out: Mapping[str, np.ndarray] | None = None,
    target: str = "cpu",
) -> tuple[Arrays, float]:
    """New gradients with every entry within [-threshold, threshold], and the norm before clipping.

    nonfinite: what becomes of gradients with an entry that is NaN or infinite
        raise  ValueError naming the tensor and the entry
        zero   all gradients become zero, so that an optimiser makes no step of them
        keep   NaN stays NaN, infinity becomes the threshold
    out: arrays to write to, the gradients themselves or others that share no memory with them; None makes new ones
    target: where it runs, see ``refseq.targets``
    Raises TypeError or ValueError naming the argument; RuntimeError where the target cannot run.
    """
    grads, results, limit, root, exponent = _checked(grads, threshold, nonfinite, out, target)
    norm = _whole(root, exponent)
    if not np.isfinite(root) and nonfinite == "zero":
        return _zeros(results), norm
    return _bounded(results, grads, limit, target), norm


@guests("grads", "out")
def clip_by_norm(
    grads: Mapping[str, np.ndarray],
    threshold: float,
    nonfinite: str = "raise",
    out: Mapping[str, np.ndarray] | None = None,
    target: str = "cpu",
) -> tuple[Arrays, float]:
    """New gradients, scaled down together so that their norm is at most the threshold, and the norm before clipping.

    The norm of the result exceeds the threshold by rounding at most. Gradients within the threshold are copied.

    nonfinite: what becomes of gradients with an entry that is NaN or infinite, which have no direction
        raise  ValueError naming the tensor and the entry
        zero   all gradients become zero, so that an optimiser makes no step of them
        keep   they are copied as they are
    out: arrays to write to, the gradients themselves or others that share no memory with them; None makes new ones
    target: where it runs, see ``refseq.targets``
    Raises TypeError or ValueError naming the argument; RuntimeError where the target cannot run.
    """
    grads, results, limit, root, exponent = _checked(grads, threshold, nonfinite, out, target)
    norm = _whole(root, exponent)
    if not np.isfinite(root):
        return _zeros(results) if nonfinite == "zero" else _scaled(results, grads, 1.0, 0, target), root
    # threshold / norm = mantissa 2^power
    fraction, power_of_threshold = np.frexp(limit)
    mantissa, power = np.frexp(fraction / root if root else np.inf)
    power = int(power) + int(power_of_threshold) - exponent
    if not root or power > 0:
        return _scaled(results, grads, 1.0, 0, target), norm
    return _scaled(results, grads, float(mantissa), power, target), norm


@guests("grads")
def global_norm(grads: Mapping[str, np.ndarray], target: str = "cpu") -> float:
    """The square root of the sum of squares of all entries of all arrays (float32 or float64), in double precision.

    inf where it exceeds the largest double or an entry is infinite, NaN where one is NaN.
    """
    return _whole(*_norm(_arrays(grads), target))


def _whole(root: float, exponent: int) -> float:
    """root 2^exponent, which may be inf."""
    with np.errstate(over="ignore"):
        return float(np.ldexp(root, exponent))


def _scaled(results: Arrays, grads: Arrays, mantissa: float, power: int, target: str) -> Arrays:
    """results = g mantissa 2^power, in double precision and rounded at the end."""
    arithmetic = _arithmetic(grads, target)
    if arithmetic is None:
        for name, g in grads.items():
            results[name][...] = np.ldexp(g.astype(np.float64) * mantissa, power)
        return results
    if mantissa == 1 and power == 0:  # what stays as it is
        grads = {name: g for name, g in grads.items() if g is not results[name]}
    first = max(power, SMALLEST)
    numbers = _whole(mantissa, first), _whole(1.0, power - first)
    if grads:
        arithmetic.multiply_into([results[name] for name in grads], list(grads.values()), *numbers)
    return results


def _bounded(results: Arrays, grads: Arrays, limit: float, target: str) -> Arrays:
    """results = clip(g, limit)."""
    arithmetic = _arithmetic(grads, target)
    if arithmetic is not None:
        arithmetic.bound_into(list(results.values()), list(grads.values()), limit)
        return results
    with np.errstate(over="ignore"):  # a threshold beyond float32 is infinite there
        for name, g in grads.items():
            np.clip(g, g.dtype.type(-limit), g.dtype.type(limit), out=results[name])
    return results


def _squares(grads: Arrays, power: int, target: str) -> float:
    """The sum of (g 2^power)^2, entries that vanish on the way being 0."""
    arithmetic = _arithmetic(grads, target)
    if arithmetic is None:
        with np.errstate(all="ignore"):
            squares = [np.sum(np.square(np.ldexp(g.astype(np.float64), power))) for g in grads.values()]
        return float(np.sum(squares))
    half = power // 2  # 2^power may be no double
    return arithmetic.sum_of_squares(list(grads.values()), _whole(1.0, half), _whole(1.0, power - half))


def _arithmetic(grads: Arrays, target: str) -> Any:
    """Who has ``sum_of_squares``, ``multiply_into`` and ``bound_into`` for these arrays; None: numpy as below."""
    if not grads:
        return None
    dtype = next(iter(grads.values())).dtype
    return device_for(target, dtype) or (norms if on_vectors(name_of(dtype), target) else None)


def _norm(grads: Arrays, target: str) -> tuple[float, int]:
    """(r, e) with norm = r 2^e, r at least 1/2 and at most the square root of the number of entries; r = 0 if all are
    0, and r is NaN or inf if an entry is."""
    total = _squares(grads, 0, target)
    if SAFE[0] <= total <= SAFE[1]:
        root, exponent = np.frexp(np.sqrt(total))
        return float(root), int(exponent)
    largest = _largest(grads)
    if largest == 0 or not np.isfinite(largest):
        return largest, 0
    exponent = int(np.frexp(largest)[1])
    return float(np.sqrt(_squares(grads, -exponent, target))), exponent


def _largest(grads: Arrays) -> float:
    """The largest absolute value; NaN if there is one."""
    return float(np.max([np.max(np.abs(read(g)), initial=0.0) for g in grads.values()], initial=0.0))


def _zeros(results: Arrays) -> Arrays:
    for array in results.values():
        array[...] = 0
    return results


def _arrays(grads: Any) -> Arrays:
    """Gradients of one dtype, float32 or float64, copied where they are not native and contiguous."""
    if not isinstance(grads, Mapping):
        raise TypeError(f"grads: expected a dict of arrays, got {type(grads).__name__}")
    copies: Arrays = {}
    for name, given in grads.items():
        what = f"grads[{name!r}]"
        g = arguments.readable(what, given, getattr(given, "shape", ()), None)
        if str(g.dtype) not in ("float32", "float64"):
            raise TypeError(f"{what}: expected dtype float32 or float64, got {g.dtype}")
        if copies and g.dtype != (first := next(iter(copies.values()))).dtype:
            raise TypeError(f"{what}: expected dtype {first.dtype} like the other gradients, got {g.dtype}")
        copies[name] = g
    return copies


def require_finite(grads: Mapping[str, np.ndarray]) -> None:
    """Raise ValueError naming the first gradient that has an entry which is NaN or infinite, and the entry."""
    for name, given in grads.items():
        g = read(given)
        bad = np.argwhere(~np.isfinite(g))
        if len(bad):
            where = tuple(int(i) for i in bad[0])
            raise ValueError(f"grads[{name!r}]: expected finite numbers, got {g[where]} at {where}, {len(bad)} in all")


def _checked(
    grads: Any, threshold: Any, nonfinite: str, out: Mapping[str, np.ndarray] | None, target: str
) -> tuple[Arrays, Arrays, float, float, int]:
    """The gradients, room for the results, the threshold, and ``_norm``."""
    limit = arguments.number("threshold", threshold)
    if limit <= 0:
        raise ValueError(f"threshold: expected a positive number, got {threshold}")
    given = _arrays(grads)
    arguments.choice("nonfinite", nonfinite, NONFINITE)
    if out is not None:
        arguments.names("out", out, given)
        results = {name: arguments.writable(f"out[{name!r}]", out[name], g.shape, g.dtype) for name, g in given.items()}
    else:
        results = {name: result_like(g.shape, g) for name, g in given.items()}
    root, exponent = _norm(given, target)
    if nonfinite == "raise" and not np.isfinite(root):
        require_finite(given)
    return given, results, limit, root, exponent
