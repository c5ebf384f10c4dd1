"""Which kernels run a layer's time loop, and with which launch: a rule on sizes alone, with its reason.

    generic     every cell and size: a block for each row, weights read in every step        cuda_kernels.scan
    resident    small layers: a block for a few rows, the recurrent weights in registers      cuda_kernels.resident
    persistent  larger ones: the units shared by blocks that wait for one another             cuda_kernels.resident

The limits are those of a block and of a multiprocessor, from compute capability 7.5 on. None of the rule has been
measured on a device: persistent, whose blocks wait for one another, runs only where it is asked for. In the simulator,
where every thread is one of Python's, so does resident. ``using`` asks for a tier, there and on a device.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

import numpy as np

from cuda_kernels import columns
from cuda_kernels.columns import Launch
from refseq.cell import Cell

TIERS = ("generic", "resident", "persistent")

REGISTERS = 65536
"""32-bit registers of a multiprocessor."""

MOST_REGISTERS = 255
"""Of a thread."""

BESIDE = (112, 128)
"""Registers of a thread that are neither weights nor sums, in one block and in several, as compiled: with fewer,
kernels at the limit spill."""

FURTHER_STAGE = 12
"""Registers of a thread that a further stage of a cell needs beside these in float64, as compiled."""

MOST_THREADS = 512

PARTS = 128
"""Threads that take their registers from all four parts of a multiprocessor."""

SHARED = 48 * 1024
"""Bytes of shared memory that a block has without asking for more."""

MOST_ROWS = 4
MULTIPROCESSORS = 132
"""Of a device, where it is not asked: those of an H100."""

_asked: ContextVar[str | None] = ContextVar("tier", default=None)


@dataclass(frozen=True)
class Plan:
    """A tier, why, and the launch of its kernels; the generic tier's is chosen by the machine."""

    tier: str
    reason: str
    launch: Launch | None = None


@contextmanager
def using(tier: str) -> Iterator[None]:
    """Inside, layers run on this tier; where it cannot run them, ValueError says why. Raises ValueError for an unknown
    name."""
    if tier not in TIERS:
        raise ValueError(f"tier: expected one of {', '.join(TIERS)}; got {tier!r}")
    token = _asked.set(tier)
    try:
        yield
    finally:
        _asked.reset(token)


def asked() -> str | None:
    """The tier of the innermost ``using``, None outside."""
    return _asked.get()


@dataclass(frozen=True)
class Device:
    """What the rule knows of a device. ``simulated``: it is numba-cuda's simulator."""

    multiprocessors: int = MULTIPROCESSORS
    simulated: bool = False


@cache
def choose(
    cell: Cell, dtype: str, units: int, rows: int, directions: int, device: Device, tier: str | None = None
) -> Plan:
    """The plan for a layer of so many units and directions on so many rows; ``tier``: the one that is asked for.

    resident, if the cell fits and a block has room; else generic. Raises ValueError if the tier that is asked for
    cannot run it.
    """
    if tier == "generic":
        return Plan("generic", "asked for")
    if tier is None and device.simulated:
        return Plan("generic", "the simulator: every thread of a block is one of Python's")
    why = unfit(cell)
    if not why:
        found = (persistent if tier == "persistent" else resident)(cell, dtype, units, rows, directions, device)
        if isinstance(found, Launch):
            return Plan(tier or "resident", _praise(found), found)
        why = found
    if tier:
        raise ValueError(f"tier {tier!r} cannot run {cell.label} of {units} units in {dtype}: {why}")
    return Plan("generic", why)


def _praise(launch: Launch) -> str:
    weights = f"blocks of {launch.threads} threads for {launch.rows} rows, weights in registers"
    return weights if launch.blocks == 1 else f"{weights}, units shared by {launch.blocks} blocks"


def unfit(cell: Cell) -> str | None:
    """Why the weights of a cell cannot stay on chip; None if they can."""
    if cell.sizes:
        return f"{cell.label} has vectors of other sizes: {', '.join(cell.sizes)}"
    if any(stage.operation for stage in cell.stages):
        return f"{cell.label} has operations on whole vectors"
    products = [product for number in range(len(cell.stages)) for product in columns.recurrent(cell, number)]
    if any(product.matrix is None for product in products):
        return f"{cell.label} adds a vector without a matrix"
    if not products:
        return f"{cell.label} has no recurrent matrix"
    return None


def resident(cell: Cell, dtype: str, units: int, rows: int, directions: int, device: Device) -> Launch | str:
    """One block has all units: its launch, or why there is none."""
    most = 1
    while most < MOST_ROWS and -(-rows // most) * directions > device.multiprocessors:
        most *= 2
    problem = ""
    while most:
        launch = Launch(units, most, units * max(_widest(cell), most))
        problem = _room(cell, dtype, launch)
        if not problem:
            return launch
        most //= 2
    return problem


def persistent(cell: Cell, dtype: str, units: int, rows: int, directions: int, device: Device) -> Launch | str:
    """Several blocks share the units of a group of rows, all of them on the device at the same time."""
    if device.simulated:  # the smallest that shares units and sums
        return Launch(units, 2, units // 2 * 2 * _widest(cell), 2, 2) if units % 2 == 0 else "units: an odd number"
    for blocks in (2, 4, 8, 16, 32, 64, 128):
        if blocks * directions > device.multiprocessors or units % blocks:
            break
        for slices in (1, 2, 4, 8, 16, 32):
            if units % slices == 0:
                own = units // blocks
                launch = Launch(units, MOST_ROWS, own * max(_widest(cell) * slices, MOST_ROWS), blocks, slices)
                if not _room(cell, dtype, launch):
                    return launch
    return "no division of the units among the blocks of a device has room"


def _widest(cell: Cell) -> int:
    """The most products of one stage, forward or backward."""
    return max(len(columns.pairs(cell, number)) for number in range(len(cell.stages)))


def _room(cell: Cell, dtype: str, launch: Launch) -> str:
    """What a launch has no room for; empty if it fits."""
    if launch.threads > MOST_THREADS:
        return f"{launch.threads} threads, more than {MOST_THREADS}"
    size, share = np.dtype(dtype).itemsize, launch.share
    stages = sum(bool(columns.pairs(cell, number)) for number in range(len(cell.stages)))
    beside = BESIDE[launch.blocks > 1] + FURTHER_STAGE * max(stages - 1, 0) * (size // 8)
    registers = (share.terms * stages + 2 * share.rows) * (size // 4) + beside
    most = min(MOST_REGISTERS, REGISTERS // (-(-launch.threads // PARTS) * PARTS))
    if registers > most:
        return f"{registers} registers of a thread, more than {most}"
    shared = size * max(_numbers(cell, launch))
    return f"{shared} bytes of shared memory, more than {SHARED}" if shared > SHARED else ""


def _numbers(cell: Cell, launch: Launch) -> tuple[int, int]:
    """Numbers in shared memory, forward and backward."""
    share, layout, states = launch.share, cell.layout, len(cell.state)
    parts = _widest(cell) * share.slices * share.units
    slots, vectors = len(layout.slots), max(len(layout.vectors), 1)
    there = len(columns.operands(cell)) * launch.units + share.units * (2 * states + layout.stored + slots)
    back = slots * launch.units + share.units * (2 * states + vectors + slots + max(len(cell.own), 1))
    return share.rows * (parts + there), share.rows * (parts + back)
