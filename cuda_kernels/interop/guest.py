"""A call with arrays that are on the device already: what comes in is checked, what goes out is made the caller's.

Within a ``Guest`` a layer runs as ever; its arrays are ``Resident``, and launches go to the caller's device and stream.
A second call of the same shape and lengths copies nothing from the host and waits for nothing.
"""

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np

from cuda_kernels import gpu, places
from cuda_kernels.interop.guest_machine import GuestMachine
from cuda_kernels.interop.kinds import Kind, kind_of, stream_for
from cuda_kernels.interop.resident import Resident
from cuda_kernels.memory import strides_of


class Guest:
    """A caller with arrays of one kind on one device; a context in which its calls run. ``target``: a target "cuda"
    that runs there."""

    def __init__(self, target: Any, kind: Kind, name: str, array: Any) -> None:
        self.kind, self.name = kind, name
        seen = kind.seen(name, array, 1)
        self.machine = GuestMachine(kind, seen.device, stream_for(kind, array, seen.device), target.machine)
        self.target = copy.copy(target)
        self.target.machine = self.machine
        self._before: Any = None

    def __enter__(self) -> "Guest":
        self._context = gpu.cuda.gpus[self.machine.device]
        self._context.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        if self._before is not None:  # whose allocator may use again what this call has used
            places.wait(self._before, self.machine.stream)
            self._before = None
        self._context.__exit__(*error)

    def resume(self) -> None:
        """Go on with the caller's stream as it is now, which may be another than before: it waits for that one, and
        that one for the end of the call."""
        handle = stream_for(self.kind, None, self.machine.device, self.machine.handle)
        if handle != self.machine.handle:
            self._before, self.machine.handle = self.machine.stream, handle
            places.wait(self.machine.stream, self._before)

    def enter(self, name: str, given: Any) -> Any:
        """An argument with its arrays as ``Resident``: an array, a dict of them, or None. Raises TypeError or
        ValueError naming the argument for an array that is elsewhere, of another kind, or whose layout is not read."""
        if isinstance(given, Mapping):
            return {key: self.enter(f"{name}[{key!r}]", value) for key, value in given.items()}
        return given if given is None or isinstance(given, Resident) else self._array(name, given)

    def _array(self, name: str, array: Any) -> Resident:
        if kind_of(array) is not self.kind:
            words = "a numpy array, on the host" if isinstance(array, np.ndarray) else type(array).__name__
            raise TypeError(f"{name}: expected {self.kind.words} like {self.name}, got {words}")
        seen, machine = self.kind.seen(name, array, self.machine.handle), self.machine
        if seen.device != machine.device:
            raise ValueError(f"{name}: expected device {machine.device} like {self.name}, got device {seen.device}")
        if not seen.dtype.isnative:
            raise TypeError(f"{name}: expected numbers in native byte order, got dtype {seen.dtype}")
        if seen.strides is None:
            strides = strides_of(seen.shape)
        elif all(step >= 0 and step % seen.dtype.itemsize == 0 for step in seen.strides):
            strides = tuple(step // seen.dtype.itemsize for step in seen.strides)
        else:
            words = f"multiples of {seen.dtype.itemsize} bytes that are not negative"
            raise ValueError(f"{name}: expected strides that are {words}, got {seen.strides}")
        if seen.stream is not None and seen.stream != machine.handle:
            places.wait(machine.stream, places.stream_at(seen.stream))
        return Resident(machine, seen.address, seen.shape, strides, seen.dtype, seen.owner)

    def leave(self, given: Any) -> Any:
        """The caller's own arrays of what is ``Resident``."""
        if isinstance(given, Mapping):
            return {key: self.leave(value) for key, value in given.items()}
        if isinstance(given, tuple):
            return tuple(map(self.leave, given))
        all_of_it = given.whole is not None and given.packed and 0 < given.size == given.whole[1]
        mine = given if all_of_it else given.copy()
        array = mine.whole[0]
        array = array if tuple(array.shape) == mine.shape else array.reshape(mine.shape)
        return self.kind.finished(array, self.machine.stream)


def guest(target: Any, **arguments: Any) -> Guest | None:
    """A guest if ``x`` is an array on the device, or something that should be one; None for numpy's arrays."""
    kind = kind_of(arguments["x"])
    if kind is None:
        return None
    lengths = arguments.get("lengths")
    if places.is_array(lengths) or "cpu" not in str(getattr(lengths, "device", "cpu")).lower():
        words = "as they decide how many products are launched"
        raise TypeError(f"lengths: expected integers on the host, {words}; got {type(lengths).__name__} on a device")
    return Guest(target, kind, "x", arguments["x"])
