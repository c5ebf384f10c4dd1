"""A function of one row of a batch, written once for a team of threads, run for every row on a target.

    build(*options, team) -> row(b, *inputs, *outputs, *scratch)

``row`` is a plain function that numba can compile. It reads the inputs, writes what belongs to row b into the outputs
and the scratch, and calls ``team.barrier()`` before it reads what another thread of its team wrote (``refseq.team``,
``refseq.linear``). Rows never wait for one another and write nothing in common, so no bit of a result depends on who
runs them: plain Python for numbers of any field, one thread of the CPU, or a block of a GPU.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np
from numba.extending import register_jitable

from refseq.arrays import contiguous, name_of
from refseq.engine import rowwise
from refseq.engine.compiling import CFunction
from refseq.kernels import compiled, on_vectors, source_key
from refseq.targets import device_for
from refseq.team import ALONE


def run_rows(
    build: Callable,
    options: tuple,
    rows: int,
    inputs: Sequence[np.ndarray],
    outputs: Sequence[np.ndarray],
    scratch: Sequence[np.ndarray] = (),
    *,
    target: str = "cpu",
    units: int = 1,
    work: int = 0,
) -> None:
    """Run all rows. Arrays are of one number field, or int64; outputs and scratch (``refseq.arrays.zeros``) are
    contiguous, and what no row writes stays as it is. ``options`` can be hashed: numbers, strings, functions.

    ``units``: how many threads of a block have something to do. ``work``: operations of a row, roughly, by which the
    threads of the CPU are woken or left asleep.
    """
    given, written = [contiguous(array) for array in inputs], [*outputs, *scratch]
    dtype = written[0].dtype
    device = device_for(target, dtype)
    if device is not None:
        device.run_rows(build, options, rows, given, list(outputs), list(scratch), units)
        return
    if on_vectors(name_of(dtype), target):
        arrays = [*given, *written]
        rowwise.run_rows(shared(build, options, rowwise.kinds_of(arrays)), rows, arrays, work)
        return
    run = _loop(build, options, len(given) + len(written))
    compiled(run, name_of(dtype), *described(build, options))(rows, *given, *written)


def described(build: Callable, options: tuple) -> tuple[Callable, ...]:
    """The functions whose packages hold the source of a row."""
    return build, *(option for option in options if callable(option))


def name(build: Callable, options: tuple) -> str:
    """What the rows of these options are called."""
    words = [str(getattr(option, "__name__", option)) for option in options]
    module, function = build.__module__.rpartition(".")[2], build.__name__.removeprefix("build")
    return "_".join(word.strip("_") for word in (module.removesuffix("_rows"), function, *words) if word)


@cache
def shared(build: Callable, options: tuple, kinds: rowwise.Kinds, scratch: int = 0) -> CFunction:
    """On the threads of the CPU; the last ``scratch`` arrays are those of ``refseq.engine.rowwise.function_of``."""
    row, key = build(*options, ALONE), source_key(*described(build, options))
    return rowwise.function_of(row, name(build, options), key, kinds, scratch)


@cache
def _loop(build: Callable, options: tuple, count: int) -> Callable:
    """f(rows, *arrays): one row after another. Written out, as numba compiles a call with ``*arrays`` slowly."""
    names = "".join(f", a{k}" for k in range(count))
    namespace: dict[str, Any] = {"row": build(*options, ALONE), "__name__": __name__}
    source = f"def rows(rows{names}):\n    for b in range(rows):\n        row(b{names})\n"
    exec(compile(source, __file__, "exec"), namespace)  # numba keeps code on disk for functions that have a file
    run = namespace["rows"]
    run.__name__ = run.__qualname__ = name(build, options)
    run.__module__ = build.__module__  # by which its source is found (``refseq.kernels.source_key``)
    return register_jitable(run)
