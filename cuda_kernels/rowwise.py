"""Functions of one row (``refseq.rowwise``) as kernels: a block takes a row, its threads are the row's team.

Grid-stride: any number of blocks and threads is legal, one of each included, and changes no bit of the result, as long
as a row keeps to ``refseq.linear``: every number is computed by one thread, in an order that depends on neither.
"""

import sys
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from cuda_kernels import gpu
from cuda_kernels.digest import digest
from cuda_kernels.gpu import barrier, device
from cuda_kernels.machine import Machine
from cuda_kernels.scan import BLOCK
from refseq.kernels import source_key
from refseq.rowwise import described, name
from refseq.targets.digest import name_for_cache


@cache
def kernel(build: Callable, options: tuple, dtype: str, count: int) -> Any:
    """rows(rows, *arrays) of ``count`` arrays, compiled on its first launch."""
    key = digest(gpu, sys.modules[__name__], source_key(*described(build, options)), repr(_plain(options)))
    names = "".join(f", a{k}" for k in range(count))
    row = build(*options, BLOCK)
    namespace: dict[str, Any] = {"row": row, "device": device, "barrier": barrier, "key": key, "__name__": __name__}
    # `key` is named so that it is part of numba's cache key
    source = (
        f"def rows(rows{names}):\n"
        "    _ = key\n"
        "    b = device.blockIdx.x\n"
        "    while b < rows:\n"
        f"        row(b{names})\n"
        "        barrier()\n"
        "        b += device.gridDim.x\n"
    )
    exec(compile(source, __file__, "exec"), namespace)  # numba keeps code on disk for functions that have a file
    function = namespace["rows"]
    function.__name__ = name(build, options)
    return gpu.jit(cache=True)(name_for_cache(function, dtype, key))


def _plain(options: tuple) -> list[Any]:
    return [option for option in options if not callable(option)]


def run_rows(
    machine: Machine,
    build: Callable,
    options: tuple,
    rows: int,
    inputs: Sequence[np.ndarray],
    outputs: Sequence[np.ndarray],
    scratch: Sequence[np.ndarray],
    units: int,
) -> None:
    """As ``refseq.rowwise.run_rows``."""
    if not rows:
        return
    given, made, room = ([machine.send(array) for array in arrays] for arrays in (inputs, outputs, scratch))
    function = kernel(build, options, str(outputs[0].dtype), len(given) + len(made) + len(room))
    machine.launch(function, (rows,), units, rows, *given, *made, *room)
    for target, source in zip(outputs, made, strict=True):
        machine.deliver(target, source)
