"""Peak memory of one pass of one library on one case, in a process of its own.

The process imports the library, makes the inputs and prepares (modules, tensors, compiled programs), and has run the
same layer over two steps of one row, so that what is loaded once is loaded. Free memory goes back to the system
(malloc_trim), the high-water mark of the resident set is reset (/proc/self/clear_refs), and one call is made. The
result is the high-water mark after it minus the resident set before it: all that the call needed beyond its inputs,
outputs included. Where Linux's /proc is missing, ru_maxrss of getrusage before and after stands in for both; it cannot
be reset, so that it says 0 for a call that needs less than preparing did. (On Linux it would also begin at the size of
the process that started this one.)
"""

import ctypes
import ctypes.util
import gc
import resource
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from refseq.bench.cases import Case, LayerCase
from refseq.bench.libraries.library import Library

PROCESS = Path("/proc/self")


def peak(library: Library, case: Case, passed: str, threads: int) -> int | None:
    """Bytes, as above; None where the library has no such pass. Raises NotOffered as ``Library.prepare`` does."""
    library.use(threads)
    if isinstance(case, LayerCase):
        tiny = replace(case, shape=replace(case.shape, T=2, B=1))
        for one in library.prepare(tiny, tiny.inputs()).values():
            one.call()
    prepared = library.prepare(case, case.inputs())
    if passed not in prepared:
        return None
    return needed(prepared[passed].call)


def needed(call: Callable[[], Any]) -> int:
    """Bytes that one call needs at most beyond what is resident."""
    gc.collect()
    _trim()
    reset = _reset()
    before = _status("VmRSS") if reset else _maxrss()
    result = call()
    after = _status("VmHWM") if reset else _maxrss()
    del result
    return max(after - before, 0)


def _trim() -> None:
    """Free memory goes back to the system, where the C library can."""
    trim = getattr(ctypes.CDLL(ctypes.util.find_library("c")), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _reset() -> bool:
    """Set the high-water mark to what is resident now. False where that does not exist."""
    try:
        (PROCESS / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def _status(name: str) -> int:
    line = next(line for line in (PROCESS / "status").read_text().splitlines() if line.startswith(f"{name}:"))
    return int(line.split()[1]) * 1024


def _maxrss() -> int:
    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
