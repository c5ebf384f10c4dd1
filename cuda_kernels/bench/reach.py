"""Which kernels were launched at all, of those that there are."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any

from cuda_kernels import gpu, inventory
from cuda_kernels.bench.checks import FEW


@contextmanager
def launched() -> Iterator[set[int]]:
    """Inside, the identities of all kernels that are launched."""
    found: set[int] = set()
    before = gpu.launch

    def launch(kernel: Any, *rest: Any, **options: Any) -> None:
        found.add(id(kernel))
        before(kernel, *rest, **options)

    gpu.launch = launch
    try:
        yield found
    finally:
        gpu.launch = before


def kernels(tiny: bool) -> dict[str, Any]:
    """The kernels that should be launched, by name."""
    variants = FEW if tiny else inventory.catalogue()
    dtypes = inventory.DTYPES[:1] if tiny else inventory.DTYPES
    entries = inventory.entries(variants, dtypes)
    if tiny:  # sizes are literals on chip, and others are tried
        entries = [entry for entry in entries if not entry.kernel.py_func.__module__.endswith("resident")]
    return {f"{entry.name} {entry.dtype}": entry.kernel for entry in entries}


def reached(launched: Collection[str], tiny: bool) -> dict[str, Any]:
    """How many kernels were launched, of how many, and which were not."""
    names = list(kernels(tiny))
    missed = [name for name in names if name not in launched]
    return {"kernels": len(names), "launched": len(names) - len(missed), "missed": missed}
