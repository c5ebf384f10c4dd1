"""What the device can do at best: latency of a launch and of barriers, rates of a copy and of matrix products.

Latency of a barrier: one launch that meets it many times, divided by how often. ``grid``: cooperative groups, as many
blocks as the device has multiprocessors. The simulator, which has one block and no time, only runs the code.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from cuda_kernels import gpu, products
from cuda_kernels.bench.clock import timed
from cuda_kernels.gpu import barrier, device, thread, threads
from cuda_kernels.machine import MOST_THREADS, Machine
from cuda_kernels.tiled_products import NOTHING

TURNS, MOVED, SIDE = 1000, 2**28, 4096
"""Barriers of a launch, bytes of a copy, rows and columns of a matrix."""

TINY = (3, 256, 5)


def nothing(x: Any) -> None:
    """An empty kernel."""


def blocks_meet(x: Any, turns: Any) -> None:
    """Barriers of the whole grid."""
    grid = device.cg.this_grid()
    for _ in range(turns):
        grid.sync()


def threads_meet(x: Any, turns: Any) -> None:
    """Barriers of a block."""
    for _ in range(turns):
        barrier()


def copy(to: Any, source: Any) -> None:
    """to (N,) = source."""
    j = device.blockIdx.x * threads() + thread()
    while j < to.shape[0]:
        to[j] = source[j]
        j += device.gridDim.x * threads()


def measured(seconds: float, tiny: bool) -> dict[str, dict[str, Any]]:
    """By name: ``value`` with its ``unit``, and the ``times`` of a call, each measured for about so many seconds."""
    turns, moved, side = TINY if tiny else (TURNS, MOVED, SIDE)
    found: dict[str, dict[str, Any]] = {}
    for name, call, work in [*_latencies(turns), *_rates(moved, side)]:
        times = timed(call, seconds)
        if work is None:
            value, unit = times["median"] * 1e6, "us"
        else:
            count, unit, factor = work
            value = times["median"] / count * 1e6 if unit == "us" else count / times["median"] / factor
        found[name] = {"value": value, "unit": unit, "times": times}
    return found


Work = tuple[int, str, float]
"""How many, the unit of the rate, and how many make one."""


def _latencies(turns: int) -> Iterator[tuple[str, Callable[[], Any], Work | None]]:
    machine, x = Machine(), gpu.cuda.to_device(np.zeros(1, "float32"))
    block = machine.block(MOST_THREADS)
    many = 1 if gpu.SIMULATOR else gpu.cuda.get_current_device().MULTIPROCESSOR_COUNT
    empty, whole, inside = (gpu.jit()(kernel) for kernel in (nothing, blocks_meet, threads_meet))
    yield "launch", lambda: gpu.launch(empty, 1, block, (x,)), None
    yield f"barrier of {many} blocks", lambda: gpu.launch(whole, many, block, (x, turns)), (turns, "us", 1)
    yield f"barrier of {block} threads", lambda: gpu.launch(inside, 1, block, (x, turns)), (turns, "us", 1)


def _rates(moved: int, side: int) -> Iterator[tuple[str, Callable[[], Any], Work | None]]:
    machine = Machine()
    source, to = (machine.empty((moved // 4,), np.dtype("float32")) for _ in range(2))
    (grid,), block = machine.grid((moved // 4 // MOST_THREADS,)), machine.block(MOST_THREADS)
    copies = gpu.jit()(copy)
    yield "copy, kernel", lambda: gpu.launch(copies, grid, block, (to, source)), (2 * moved, "GB/s", 1e9)
    yield "copy, driver", lambda: to.copy_to_device(source), (2 * moved, "GB/s", 1e9)
    for dtype in ("float32", "float64"):
        yield f"product, {dtype}, tiles", _own_product(machine, dtype, side), (2 * side**3, "TFLOP/s", 1e12)
    for name, call in _torch_products(side):
        yield f"product, {name}, torch", call, (2 * side**3, "TFLOP/s", 1e12)


def _own_product(machine: Machine, dtype: str, side: int) -> Callable[[], Any]:
    """The product ahead of the time loop: x M for one gate."""
    number = np.dtype(dtype)
    x, M, a = machine.zeros((side, 1, side), number), machine.zeros((1, side, 1, side), number), None
    a, bias = machine.zeros((1, side, 1, side), number), machine.zeros((1, 1, side), number)
    blocks, rows = machine.place(np.array([[0, 0, 0, NOTHING]])), machine.place(np.arange(side))
    times, kernel = machine.place(np.arange(side)[None]), products.kernels(dtype, machine.tiles).project
    return lambda: machine.launch_tiles(kernel, side, side, 1, blocks, M, bias, x, times, rows, a)


def _torch_products(side: int) -> Iterator[tuple[str, Callable[[], Any]]]:
    """cuBLAS through torch, in its precisions."""
    from cuda_kernels.bench.peers import settings, torch_device

    torch, place = torch_device()
    if torch is None:
        return
    for name, dtype, tf32 in settings(torch):
        a = torch.ones(side, side, dtype=dtype, device=place)

        def call(a: Any = a, tf32: bool = tf32) -> Any:
            torch.backends.cuda.matmul.allow_tf32 = tf32
            return torch.mm(a, a)

        yield name, call
