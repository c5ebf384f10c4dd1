"""Where kernels are launched: arrays on the device, and the size of a launch."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from cuda_kernels import arithmetic, gpu, memory, places, products
from cuda_kernels.simulated_waits import WARP
from cuda_kernels.tiers import Device
from cuda_kernels.tiles import DEVICE, SIMULATED, Tiles

MOST_THREADS = 256
"""A block shares one row's units; beyond this, more blocks of a device are worth more than more threads of a block."""

MOST_BLOCKS = (2**20, 2**15, 2**15)
"""Along each axis of a grid, a little below what CUDA allows; further pieces are taken in turn."""

FEW = 2
FEW_BLOCKS = (2, 1, 1)
"""Threads, and blocks along every axis, in the simulator: each costs a thread of Python, and two of each meet every
barrier and stride."""


class Machine:
    """The current device, or the simulator. ``blocks`` (along every axis) and ``threads`` limit a launch; None
    chooses. ``threads`` is not asked where the tile of a product says how many there are."""

    def __init__(self, blocks: int | None = None, threads: int | None = None) -> None:
        self._blocks, self._threads = blocks, threads

    @property
    def hardware(self) -> Device:
        """What the rule of ``cuda_kernels.tiers`` asks."""
        return Device(gpu.multiprocessors(), gpu.SIMULATOR, gpu.capability())

    @property
    def tiles(self) -> Tiles:
        """The tile of a product."""
        return SIMULATED if gpu.SIMULATOR else DEVICE

    def room(self) -> float:
        """Bytes of memory that the device has."""
        return places.memory_size()

    def place(self, array: np.ndarray) -> Any:
        """A copy of a host's array on the device."""
        return gpu.cuda.to_device(np.ascontiguousarray(array))

    def send(self, array: np.ndarray) -> Any:
        """An array as kernels take it, until the end of the call: a copy of a host's, which may be written to; of one
        on the device that one."""
        return self.place(array)

    def over(self, result: np.ndarray, sent: Any) -> Any:
        """What a kernel writes that reads each entry of a sent array before it writes the same entry of a result."""
        return sent

    def deliver(self, result: np.ndarray, made: Any) -> None:
        """What kernels have made of a result that was sent, or ``over`` another, into that result."""
        result[...] = self.fetch(made).reshape(result.shape)

    def empty(self, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """An array on the device, whatever is in it."""
        return gpu.cuda.device_array(shape, dtype)

    def zeros(self, shape: tuple[int, ...], dtype: np.dtype) -> Any:
        """An array of zeros on the device."""
        made = self.empty(shape, dtype)
        if made.size:
            self.launch(memory.kernels(str(dtype)).clear, (-(-made.size // MOST_THREADS),), None, made.reshape(-1))
        return made

    def counters(self, count: int) -> Any:
        """Zeros (uint32) that blocks count in."""
        return self.place(np.zeros(count, np.uint32))

    def join(self, arrays: Sequence[Any]) -> Any:
        """Copies of arrays of one shape on the device, as one array with a new first axis."""
        return self.place(np.stack(arrays))

    def join_to_read(self, arrays: Sequence[Any]) -> Any:
        """As ``join``, of what is only read, and no longer than the call lasts."""
        return self.join(arrays)

    def across(self, M: Any) -> Any:
        """A copy of matrices (D, K, G, H) on the device, with K and H exchanged."""
        directions, K, G, H = M.shape
        turned = self.empty((directions, H, G, K), M.dtype)
        along = (K * G * H, 1, H, G * H)
        memory.move(self, turned.shape, turned.reshape(-1), memory.strides_of(turned.shape), M.reshape(-1), along)
        return turned

    def total(self, x: Any) -> Any:
        """The sum of x (D, B, P, W) on the device over b, from the first to the last: (D, P, W)."""
        directions, rows, P, W = x.shape
        if not x.size:
            return self.zeros((directions, P, W), x.dtype)
        sums = self.empty((directions, P, W), x.dtype)
        kernel, pieces = arithmetic.kernels(str(np.dtype(x.dtype))).total, (-(-P * W // MOST_THREADS), directions)
        self.launch(kernel, pieces, None, x.reshape(directions, rows, P * W), sums.reshape(directions, P * W))
        return sums

    def fetch(self, array: Any) -> np.ndarray:
        """A copy of a device's array on the host."""
        return array.copy_to_host()

    def read(self, array: Any) -> np.ndarray:
        """As ``fetch``, also where results stay on the device: the host waits."""
        return self.fetch(array)

    def copy(self, target: Any, source: Any) -> None:
        """Copy between contiguous arrays of one shape on the device."""
        target.copy_to_device(source)

    def launch(self, kernel: Any, pieces: tuple[int, ...], units: int | None, *arguments: Any) -> None:
        """Launch with a block for each of the pieces along every axis, as far as that helps, whose threads share so
        many units; None for the most threads."""
        self.run(kernel, self.grid(pieces), self.block(MOST_THREADS if units is None else units), arguments)

    def launch_tiles(self, kernel: Any, rows: int, columns: int, depth: int, *arguments: Any) -> None:
        """Launch with a block for each tile of a result, so many times."""
        edge = self.tiles.edge
        grid = self.grid((-(-columns // edge), -(-rows // edge), depth))
        self.run(kernel, grid, self.tiles.threads, arguments)

    def project(self, blocks: np.ndarray, *arrays: Any) -> None:
        """``Products.project``; here and below, tables of blocks, gates and slots are the host's."""
        M, *_, rows, a = arrays
        kernel = products.kernels(str(np.dtype(a.dtype)), self.tiles).project
        self.launch_tiles(kernel, rows.shape[0], M.shape[3], len(blocks), self.place(blocks), *arrays)

    def pull(self, gates: np.ndarray, slots: np.ndarray, *arrays: Any) -> None:
        """``Products.pull``."""
        M, da, _, rows, _ = arrays
        kernel = products.kernels(str(np.dtype(da.dtype)), self.tiles).pull
        self.launch_tiles(kernel, rows.shape[0], M.shape[1], M.shape[0], *map(self.place, (gates, slots)), *arrays)

    def outer(self, blocks: np.ndarray, *arrays: Any) -> None:
        """``Products.outer``."""
        *_, da, _, dM = arrays
        kernel = products.kernels(str(np.dtype(da.dtype)), self.tiles).outer
        self.launch_tiles(kernel, dM.shape[1], dM.shape[3], len(blocks), self.place(blocks), *arrays)

    def run(self, kernel: Any, grid: tuple[int, ...], threads: int, arguments: tuple, together: bool = False) -> None:
        """Launch the kernel; ``together``: its blocks wait for one another."""
        gpu.launch(kernel, grid, threads, arguments, together=together)

    def block(self, units: int) -> int:
        """Threads of a block: whole warps that cover the units."""
        if self._threads is not None:
            return self._threads
        return min(units, FEW) if gpu.SIMULATOR else min(-(-units // WARP) * WARP, MOST_THREADS)

    def grid(self, pieces: tuple[int, ...]) -> tuple[int, ...]:
        """Blocks along every axis."""
        most = FEW_BLOCKS if gpu.SIMULATOR else MOST_BLOCKS
        limits = most if self._blocks is None else [min(self._blocks, largest) for largest in MOST_BLOCKS]
        return tuple(max(1, min(count, limit)) for count, limit in zip(pieces, limits, strict=False))
