"""Checks of what users pass in. Every error names the argument, what was expected and what came.

All validation is here, at the public surface; compiled code validates nothing. The functions also bring arrays into
the form that the scan wants: native byte order, contiguous, and owned by refseq, so that a caller who changes an array
later changes no gradient.
"""

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import numpy as np

from refseq.arrays import Elsewhere, broadcast, field_name, zeros
from refseq.engine.results import copied


def integer(name: str, value: Any, minimum: int) -> int:
    """An integer >= minimum."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise TypeError(f"{name}: expected an integer, got {type(value).__name__} {value!r}")
    if value < minimum:
        raise ValueError(f"{name}: expected at least {minimum}, got {value}")
    return int(value)


def integers(name: str, value: Any) -> np.ndarray:
    """Integers of any size and shape; no entries at all, as in [], are integers too."""
    if isinstance(value, np.ma.MaskedArray):  # a mask would be lost
        raise TypeError(f"{name}: expected integers, got a MaskedArray")
    if hasattr(value, "__cuda_array_interface__"):  # to be read only where the caller says so
        words = f"got {type(value).__name__} on a device"
        raise TypeError(f"{name}: expected numbers on the host, which looks at them; {words}")
    try:
        given = np.asarray(value)
    except ValueError as error:  # lists of unequal lengths
        raise TypeError(f"{name}: expected integers, got {value!r}") from error
    if given.size == 0 and given.ndim == 1:
        given = given.astype(np.int64)
    if given.dtype.kind not in "iu":
        raise TypeError(f"{name}: expected integers, got dtype {given.dtype}")
    return given


def flag(name: str, value: Any) -> bool:
    """True or False."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name}: expected True or False, got {type(value).__name__} {value!r}")
    return bool(value)


def number(name: str, value: Any) -> float:
    """A finite real number."""
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(f"{name}: expected a number, got {type(value).__name__} {value!r}")
    try:
        found = float(value)
    except OverflowError:  # an integer beyond every float
        found = math.inf
    if not math.isfinite(found):
        raise ValueError(f"{name}: expected a finite number, got {value}")
    return found


def castable(name: str, value: float, dtype: np.dtype) -> float:
    """The number, if it is finite in this dtype as well."""
    single = dtype in (np.dtype(np.float32), np.dtype(np.complex64))
    if single and not abs(value) <= float(np.finfo(np.float32).max):
        raise ValueError(f"{name}: expected a number that is finite in {dtype}, got {value:g}")
    return value


def choice(name: str, value: Any, choices: Collection[str]) -> str:
    """One of the choices."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{name}: expected one of {', '.join(choices)}; got {value!r}")
    return value


def dtype_name(name: str, value: Any) -> str:
    """float32 or float64, which may be given as numpy's name, type or dtype; ValueError for another one."""
    try:
        found = None if value is None else np.dtype(value).name  # to numpy, None is float64
    except TypeError:
        found = None
    if found not in ("float32", "float64"):
        raise ValueError(f"{name}: expected float32 or float64; got {value!r}")
    return found


def array(name: str, value: Any, shape: Sequence[int | str], dtype: np.dtype | None) -> np.ndarray:
    """A private, native, contiguous copy of an array of this shape (words stand for any size) and dtype."""
    if type(value) is np.ndarray and value.dtype == dtype and value.shape == shape:
        return copied(value, value.dtype)  # the most frequent case, at once
    _expected(name, value, shape, dtype)
    if isinstance(value, Elsewhere):
        return value.contiguous()  # read where it is
    return copied(value, value.dtype.newbyteorder("="))


def readable(name: str, value: Any, shape: Sequence[int | str], dtype: np.dtype | None) -> np.ndarray:
    """As ``array``, but the caller's own where that is native and contiguous: for what is read before the call ends."""
    if type(value) is np.ndarray and value.dtype == dtype and value.shape == shape and value.flags.carray:
        return value  # the most frequent case, at once
    _expected(name, value, shape, dtype)
    if isinstance(value, Elsewhere):
        return value.contiguous()
    native = np.asarray(value, dtype=value.dtype.newbyteorder("="), order="C")
    return native if native.flags.aligned else native.copy()


def writable(name: str, value: Any, shape: Sequence[int | str], dtype: np.dtype) -> np.ndarray:
    """The caller's own array, which results are written to: native, contiguous and writable."""
    _expected(name, value, shape, dtype)
    if isinstance(value, Elsewhere):
        return value.writable(name)
    flags = value.flags
    if not (flags.c_contiguous and flags.writeable and flags.aligned and value.dtype.isnative):
        raise ValueError(f"{name}: expected a native, contiguous and writable array")
    return value


def _expected(name: str, value: Any, shape: Sequence[int | str], dtype: np.dtype | None) -> None:
    """A numpy array of this shape and dtype."""
    masked = isinstance(value, np.ma.MaskedArray)  # a mask would be lost
    if masked or not isinstance(value, np.ndarray | Elsewhere):
        raise TypeError(f"{name}: expected a numpy array, got {type(value).__name__}")
    found = value.shape
    if len(found) != len(shape) or any(map(_unlike, found, shape)):
        expected = ", ".join(map(str, shape))
        raise ValueError(f"{name}: expected shape ({expected}), got {found}")
    if dtype is not None and value.dtype.newbyteorder("=") != dtype:
        raise TypeError(f"{name}: expected dtype {dtype} like the other arrays, got {field_name(value)}")


def _unlike(got: int, want: int | str) -> bool:
    return got != want and not isinstance(want, str)


def common_dtype(params: Mapping[str, np.ndarray], accepted: Sequence[str], target: str) -> np.dtype:
    """The one dtype of all parameters, which the target must accept."""
    found: dict[np.dtype, str] = {}
    for name, value in params.items():
        if not isinstance(value, np.ndarray | Elsewhere):
            raise TypeError(f"params[{name!r}]: expected a numpy array, got {type(value).__name__}")
        found.setdefault(value.dtype.newbyteorder("="), name)
    if len(found) > 1:
        listed = ", ".join(f"{name!r} is {dtype}" for dtype, name in found.items())
        raise TypeError(f"params: expected one dtype, got several: {listed}")
    (dtype,) = found
    if dtype not in map(np.dtype, accepted):
        raise TypeError(f"params: target {target!r} takes {', '.join(accepted)}; got {dtype}")
    return dtype


def parameters(
    params: Any, shapes: Mapping[str, tuple[int, ...]], accepted: Sequence[str], target: str
) -> dict[str, np.ndarray]:
    """Exactly the parameters of ``shapes``, of one accepted dtype; without NaN, if numpy can see it."""
    if not isinstance(params, Mapping):
        raise TypeError(f"params: expected a dict of arrays, got {type(params).__name__}")
    names("params", params, shapes)
    dtype = common_dtype(params, accepted, target)
    checked = {name: array(f"params[{name!r}]", params[name], shape, dtype) for name, shape in shapes.items()}
    for name, value in checked.items():
        if dtype != object and isinstance(value, np.ndarray) and _has_nan(value):
            where = tuple(int(i) for i in np.argwhere(np.isnan(value))[0])
            raise ValueError(f"params[{name!r}]: expected numbers, got NaN at {where}")
    return checked


def _has_nan(value: np.ndarray) -> bool:
    """Whether one of the numbers is NaN, which the smallest one then is as well."""
    return bool(np.isnan(value.min()))


def names(what: str, given: Mapping[str, Any], expected: Mapping[str, Any] | Sequence[str]) -> None:
    """Exactly the expected keys."""
    if given.keys() == (expected.keys() if isinstance(expected, Mapping) else set(expected)):
        return
    missing, extra = [n for n in expected if n not in given], [n for n in given if n not in expected]
    if missing or extra:
        problems = [f"missing {missing}"] * bool(missing) + [f"unexpected {extra}"] * bool(extra)
        raise ValueError(f"{what}: expected the keys {list(expected)}: {', '.join(problems)}")


def lengths(value: Any, steps: int, rows: int, name: str = "lengths") -> np.ndarray:
    """Lengths (B,) with 0 <= length <= T; None means T for every row."""
    if value is None:
        return np.full(rows, steps, np.int64)
    given = integers(name, value)
    if given.shape != (rows,):
        raise ValueError(f"{name}: expected shape ({rows},), one length for each batch row, got {given.shape}")
    for row, length in enumerate(given):
        if not 0 <= length <= steps:
            raise ValueError(f"{name}[{row}]: expected 0 <= length <= T = {steps}, got {length}")
    return given.astype(np.int64)


def states(
    what: str, given: Any, shapes: Mapping[str, tuple[int, ...]], sample: np.ndarray, take: Callable = array
) -> dict[str, np.ndarray]:
    """Arrays of these shapes and of the sample's dtype; None for all or for one of them means zeros. ``take``: array
    or readable."""
    if given is None:
        given = dict.fromkeys(shapes)
    if not isinstance(given, Mapping):
        raise TypeError(f"{what}: expected a dict of {list(shapes)}, got {type(given).__name__}")
    names(what, given, shapes)
    return {
        name: zeros(shape, sample)
        if given[name] is None
        else take(f"{what}[{name!r}]", given[name], shape, sample.dtype)
        for name, shape in shapes.items()
    }


def masks(given: Any, shapes: Mapping[str, tuple[int, ...]], dtype: np.dtype) -> dict[str, np.ndarray]:
    """Masks of these shapes (L*D, T, B, H); (L*D, 1, B, H) is the same mask at all times. None where none is needed."""
    given = {} if given is None else given
    if not isinstance(given, Mapping):
        raise TypeError(f"masks: expected a dict of {list(shapes)}, got {type(given).__name__}")
    names("masks", given, shapes)
    found = {}
    for name, mask in given.items():
        shape = shapes[name]
        once = isinstance(mask, np.ndarray | Elsewhere) and mask.ndim == 4 and mask.shape[1] == 1
        expected = (shape[0], 1, *shape[2:]) if once else shape
        found[name] = broadcast(array(f"masks[{name!r}]", mask, expected, dtype), shape)
    return found
