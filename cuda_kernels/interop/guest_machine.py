"""Where a guest's launches go: the caller's device and stream, with arrays of the caller's own allocator.

Tables and numbers that the host has to tell the device are copied there once and kept.
"""

import threading
from collections import OrderedDict
from typing import Any

import numpy as np

from cuda_kernels import gpu, places
from cuda_kernels.interop import library_products
from cuda_kernels.interop.kinds import Kind, by_library
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

    def send(self, array: Any) -> Resident:
        """See ``Machine``: not kept, so that nobody has to wait for it."""
        if isinstance(array, Resident):
            return array.contiguous()
        made = self.empty(array.shape, array.dtype)
        if made.size:
            made.argument().copy_to_device(np.ascontiguousarray(array), stream=places.copying(self.handle))
        return made

    def over(self, result: Any, sent: Any) -> Any:
        """See ``Machine``: the result itself."""
        return result.reshape(sent.shape) if isinstance(result, Resident) else self.empty(sent.shape, sent.dtype)

    def deliver(self, result: Any, made: Any) -> None:
        """See ``Machine``: it is there already; whole numbers go to the host, which waits for them."""
        if not isinstance(result, Resident):
            result[...] = self.read(made).reshape(result.shape)
        elif made.address != result.address:
            result[...] = made.reshape(result.shape)

    def read(self, array: Resident) -> np.ndarray:
        """See ``Machine``."""
        source = array.contiguous()
        if not source.size:
            return np.zeros(array.shape, array.dtype)
        made = np.empty(array.shape, array.dtype)
        source.argument().copy_to_host(made, stream=self.stream)
        places.finish(self.stream)
        return made

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

    def counters(self, count: int) -> Resident:
        """See ``Machine``: not a table that is kept, as a launch changes them."""
        made = gpu.cuda.to_device(np.zeros(count, np.uint32), stream=self.stream)
        return Resident(self, places.address_of(made), (count,), strides_of((count,)), np.dtype(np.uint32), made)

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

    def run(self, kernel: Any, grid: tuple[int, ...], threads: int, arguments: tuple, together: bool = False) -> None:
        """Launch the kernel on the caller's stream; ``together``: its blocks wait for one another."""
        gpu.launch(kernel, grid, threads, _lowered(arguments), self.stream, together=together)

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
