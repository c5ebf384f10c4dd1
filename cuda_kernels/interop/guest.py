"""A call with arrays that are on the device already: what comes in is checked, what goes out is made the caller's.

Within a ``Guest`` a layer runs as ever; its arrays are ``Resident``, and launches go to the caller's device and stream.
Tables and numbers that the host has to tell the device are copied there once and kept, so that a second call of the
same shape and lengths copies nothing and waits for nothing.
"""

import copy
import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np

from cuda_kernels import gpu, places
from cuda_kernels.interop import library_products
from cuda_kernels.interop.kinds import Kind, by_library, kind_of, stream_for
from cuda_kernels.interop.resident import Resident
from cuda_kernels.machine import MOST_THREADS, Machine
from cuda_kernels.memory import strides_of

MOST_TABLES, MOST_BYTES = 512, 2**26
"""How many tables are kept on the devices, and how large they may be together."""

_tables: OrderedDict[tuple, Any] = OrderedDict()
_lock = threading.Lock()


class GuestMachine(Machine):
    """The caller's device and stream; arrays are made by the caller's own allocator."""

    def __init__(self, kind: Kind, device: int, handle: int, machine: Machine) -> None:
        super().__init__(machine._blocks, machine._threads)
        self.kind, self.device, self.handle = kind, device, handle

    @property
    def stream(self) -> Any:
        """As a launch takes it."""
        return places.stream_at(self.handle)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> Resident:
        """An array on the device, whatever is in it."""
        shape, dtype = tuple(shape), np.dtype(dtype)
        whole, address = self.kind.empty(shape, dtype, self.device)
        made = Resident(self, address, shape, strides_of(shape), dtype, whole)
        made.whole = (whole, made.size)
        return made

    def place(self, array: Any) -> Resident:
        """What is on the device, where it is; of the host's tables the copy that is kept there."""
        if isinstance(array, Resident):
            return array.contiguous()
        array = np.ascontiguousarray(array)
        kept = self._kept(array)
        return Resident(self, places.address_of(kept), array.shape, strides_of(array.shape), array.dtype, kept)

    def _kept(self, array: np.ndarray) -> Any:
        key = (self.device, array.dtype.str, array.shape, array.tobytes())
        with _lock:
            if key in _tables:
                _tables.move_to_end(key)
                return _tables[key]
        made = gpu.cuda.to_device(array, stream=self.stream)
        places.finish(self.stream)  # once: other streams will read it too
        with _lock:
            _tables[key] = made
            while len(_tables) > 1 and (len(_tables) > MOST_TABLES or sum(len(k[-1]) for k in _tables) > MOST_BYTES):
                _tables.popitem(last=False)
        return made

    def join(self, arrays: Any) -> Resident:
        """See ``Machine``."""
        first, *_ = arrays = list(arrays)
        new = self.empty((len(arrays), *first.shape), first.dtype)
        for number, array in enumerate(arrays):
            new[number] = array
        return new

    def join_to_read(self, arrays: Any) -> Resident:
        """See ``Machine``: one array is taken as it is."""
        (first, *others) = arrays
        return self.join(arrays) if others else first.reshape(1, *first.shape)

    def fetch(self, array: Any) -> Any:
        """The array: whoever reads it is on the device too."""
        return array

    def copy(self, target: Any, source: Any) -> None:
        """Copy between arrays of one shape."""
        target[...] = source

    def run(self, kernel: Any, grid: tuple[int, ...], threads: int, arguments: tuple) -> None:
        """Launch the kernel on the caller's stream."""
        gpu.launch(kernel, grid, threads, _lowered(arguments), self.stream)

    def native(self, array: Any) -> Any:
        """As the caller's library takes it."""
        if not isinstance(array, Resident):
            return array
        return self.kind.native(array.span(), array.shape, array.strides, self.device)  # type: ignore[union-attr]

    def project(self, blocks: np.ndarray, *arrays: Any) -> None:
        """``Products.project``; here and below, by the caller's library if it has a product of its own."""
        if by_library(self.kind):
            library_products.project(blocks, *map(self.native, arrays))
        else:
            super().project(blocks, *arrays)

    def pull(self, gates: np.ndarray, slots: np.ndarray, *arrays: Any) -> None:
        """``Products.pull``."""
        if by_library(self.kind):
            library_products.pull(gates, slots, *map(self.native, arrays))
        else:
            super().pull(gates, slots, *arrays)

    def outer(self, blocks: np.ndarray, *arrays: Any) -> None:
        """``Products.outer``."""
        if by_library(self.kind):
            library_products.outer(blocks, *map(self.native, arrays))
        else:
            super().outer(blocks, *arrays)

    def entries(self, kernel: Any, *arguments: Any) -> None:
        """Launch with a thread for each entry of the first array; arrays are flat for the kernel."""
        flat = [part.reshape(part.size) if isinstance(part, Resident) else part for part in arguments]
        if flat[0].size:
            self.launch(kernel, (-(-flat[0].size // MOST_THREADS),), None, *flat)


def _lowered(argument: Any) -> Any:
    """Arrays as kernels take them, also in tuples of tuples."""
    if isinstance(argument, tuple):
        return tuple(map(_lowered, argument))
    return argument.argument() if isinstance(argument, Resident) else argument


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
