"""A call with arrays that are on the device already: what comes in is checked, what goes out is made the caller's.

Within a ``Guest`` everything runs as ever; its arrays are ``Resident``, and launches go to the caller's device and
stream.
A second call of the same shape and lengths copies nothing from the host and waits for nothing.
"""

import copy
from typing import Any

import numpy as np

from cuda_kernels import gpu, places
from cuda_kernels.interop.guest_machine import GuestMachine
from cuda_kernels.interop.kinds import Kind, kind_of, stream_for
from cuda_kernels.interop.resident import Resident
from cuda_kernels.memory import strides_of
from refseq.targets import visited


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
        self._token = visited.set(self.target)
        return self

    def __exit__(self, *error: object) -> None:
        visited.reset(self._token)
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
        """An array as ``Resident``; what is none, and whole numbers of the host, as they are. Raises TypeError or
        ValueError naming the argument for an array that is elsewhere, of another kind, or whose layout is not read."""
        if given is None or isinstance(given, Resident | str | int | float):
            return given
        whole = isinstance(given, np.ndarray) and given.dtype.kind in "biu"
        return given if whole else self._array(name, given)

    def stay(self, name: str, given: Any) -> Any:
        """An argument of the host. Raises TypeError naming it if it is on a device."""
        if not on_host(given):
            raise TypeError(
                f"{name}: expected numbers on the host, which looks at them; got {_words(given)} on a device"
            )
        return given

    def _array(self, name: str, array: Any) -> Resident:
        if kind_of(array) is not self.kind:
            raise TypeError(f"{name}: expected {self.kind.words} like {self.name}, got {_words(array)}")
        seen, machine = self.kind.seen(name, array, self.machine.handle), self.machine
        if seen.device != machine.device:
            raise ValueError(f"{name}: expected device {machine.device} like {self.name}, got device {seen.device}")
        if not seen.dtype.isnative:
            raise TypeError(f"{name}: expected numbers in native byte order, got dtype {seen.dtype}")
        if str(seen.dtype) not in self.target.dtypes:
            taken = ", ".join(self.target.dtypes)
            raise TypeError(f"{name}: target 'cuda' takes {taken}; got {seen.dtype} on a device")
        if seen.strides is None:
            strides = strides_of(seen.shape)
        elif all(step >= 0 and step % seen.dtype.itemsize == 0 for step in seen.strides):
            strides = tuple(step // seen.dtype.itemsize for step in seen.strides)
        else:
            words = f"multiples of {seen.dtype.itemsize} bytes that are not negative"
            raise ValueError(f"{name}: expected strides that are {words}, got {seen.strides}")
        if seen.stream is not None and seen.stream != machine.handle:
            places.wait(machine.stream, places.stream_at(seen.stream))
        made = Resident(machine, seen.address, seen.shape, strides, seen.dtype, seen.owner)
        made.given = array
        return made

    def leave(self, given: Resident) -> Any:
        """The caller's own array of what is ``Resident``."""
        if given.back is not None:
            return given.back
        all_of_it = given.whole is not None and given.packed and 0 < given.size == given.whole[1]
        mine = given if all_of_it else given.copy()
        assert mine.whole is not None  # it was made here
        array = mine.whole[0]
        array = array if tuple(array.shape) == mine.shape else array.reshape(mine.shape)
        return self.kind.finished(array, self.machine.stream)


def guest(target: Any, name: str, array: Any) -> Guest | None:
    """A guest for an array that is on the device, or should be; None for numpy's, and for what is no array."""
    kind = kind_of(array)
    return None if kind is None else Guest(target, kind, name, array)


def on_host(given: Any) -> bool:
    """Whether this is no array on a device."""
    if kind_of(given) is None:
        return True
    return not places.is_array(given) and "cpu" in str(getattr(given, "device", "")).lower()


def _words(array: Any) -> str:
    return "a numpy array, on the host" if isinstance(array, np.ndarray) else type(array).__name__
