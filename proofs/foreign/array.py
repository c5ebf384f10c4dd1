"""Arrays of ``Number`` that behave like arrays of floats under numpy: the kind of an array, not its dtype, says so."""

from typing import Any, SupportsIndex

import numpy as np

from proofs.foreign.number import CannotRead, Number, number
from refseq.arrays import lift

LINEAR = {np.add, np.subtract, np.multiply, np.matmul, np.negative, np.positive}
"""What integers and floats may enter as they are; elsewhere they become numbers first: 1/3 has to be exact."""


def numbers(array: np.ndarray) -> "Numbers":
    """Floats and integers become numbers; in an array of objects where they are, so that a view stays one."""
    if array.dtype != object or not array.flags.writeable:
        return lift(array, number).view(Numbers)
    for i, entry in enumerate(array.flat):
        if type(entry) is not Number and entry is not None:
            array.flat[i] = number(entry)
    return array.view(Numbers)


class Numbers(np.ndarray):
    """An object array of ``Number``."""

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, out: tuple = (), **options: Any) -> Any:
        plain = [_plain(value) for value in inputs]
        if ufunc not in LINEAR:
            first_only = ufunc in (np.power, np.float_power)
            plain = [_lifted(value) if not (first_only and i) else value for i, value in enumerate(plain)]
        if options.get("dtype") is not None:
            options["dtype"] = _precision(options["dtype"])
        if out:
            options["out"] = tuple(map(_plain, out))
        result = getattr(ufunc, method)(*plain, **options)
        return out[0] if out else _wrapped(result)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        return _wrapped(function(*_plain(args), **_plain(options)))

    def __setitem__(self, where: Any, value: Any) -> None:
        self.view(np.ndarray)[where] = _lifted(_plain(value))

    def astype(self, dtype: Any, *_: Any, **options: Any) -> "Numbers":  # pyright: ignore[reportIncompatibleMethodOverride]
        """A copy: every precision is exact. Raises CannotRead for what is not a float."""
        _precision(dtype)
        return self.copy() if options.get("copy", True) else self

    def item(self, *index: SupportsIndex) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        """One entry."""
        return self.view(np.ndarray).item(*index)


def _precision(dtype: Any) -> type:
    """The dtype in place of one of floats."""
    if np.dtype(dtype).kind not in "fO":
        raise CannotRead(f"numbers as {np.dtype(dtype)}")
    return object


def _plain(value: Any) -> Any:
    """Without the class, in tuples, lists and dicts as well."""
    if isinstance(value, Numbers):
        return value.view(np.ndarray)
    if isinstance(value, (tuple, list)):
        return type(value)([_plain(part) for part in value])
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value


def _lifted(value: Any) -> Any:
    """Floats, integers and objects as numbers; truth values as they are."""
    if isinstance(value, (bool, np.bool_)):
        return value
    if isinstance(value, (int, float, np.number)):
        return number(value)
    if isinstance(value, np.ndarray) and value.dtype != bool:
        return numbers(value).view(np.ndarray)
    return value


def _wrapped(result: Any) -> Any:
    if isinstance(result, np.ndarray) and result.dtype == object:
        return numbers(result)
    if isinstance(result, (tuple, list)):
        return type(result)([_wrapped(part) for part in result])
    return result
