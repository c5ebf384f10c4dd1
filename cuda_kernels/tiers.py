"""Which kernels run a layer's time loop, and with which launch: a rule on sizes alone, with its reason.

    generic     every cell and size: a block for each row, weights read in every step        cuda_kernels.scan
    resident    small layers: a block for a few rows, the recurrent weights in registers      cuda_kernels.resident
    persistent  larger ones: the units shared by blocks that wait for one another             cuda_kernels.resident

The limits are those of a block and of a multiprocessor, from compute capability 7.5 on. None of the rule has been
measured on a device: persistent, whose blocks wait for one another, runs only where it is asked for. In the simulator,
where every thread is one of Python's, so does resident. ``using`` asks for a tier, there and on a device; and for a
precision of the recurrent products, by tensor cores, which is never chosen unasked.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache

from cuda_kernels import columns, tensor_cores
from cuda_kernels.columns import Launch
from cuda_kernels.room import lacking, widest
from cuda_kernels.simulated_waits import WARP
from refseq.cell import Cell
from refseq.targets import asked_precision

TIERS = ("generic", "resident", "persistent")
PRECISIONS = ("float32", *tensor_cores.PRECISIONS)
"""Of recurrent products of float32 layers: exact as ever, or with operands that are rounded first."""

MOST_ROWS = 4
BLOCKS = (2, 4, 8, 16, 32, 64, 128)
"""That share the units of a persistent layer."""

SLICES = (1, 2, 4, 8, 16, 32)
"""Of a sum: threads that share it, or with tensor cores warps."""

NO_DIVISION = "no division of the units among the blocks of a device has room"

MULTIPROCESSORS = 132
"""Of a device, where it is not asked: those of an H100."""

_asked: ContextVar[str | None] = ContextVar("tier", default=None)


@dataclass(frozen=True)
class Plan:
    """A tier, why, and the launch of its kernels; the generic tier's is chosen by the machine."""

    tier: str
    reason: str
    launch: Launch | None = None

    @property
    def precision(self) -> str | None:
        """Of the operands of recurrent products; None if it is that of the arrays."""
        return self.launch.precision if self.launch is not None else None


@contextmanager
def using(tier: str | None = None, precision: str | None = None) -> Iterator[None]:
    """Inside, layers run on this tier, and take their recurrent products in this precision: operands rounded to "tf32"
    or "bf16", sums in float32, by tensor cores; None leaves it as it is outside, "float32" is as ever. Where they
    cannot, ValueError says why. Raises ValueError for an unknown name."""
    for what, given, known in (("tier", tier, TIERS), ("precision", precision, PRECISIONS)):
        if given is not None and given not in known:
            raise ValueError(f"{what}: expected one of {', '.join(known)}; got {given!r}")
    outer = asked()
    tokens = _asked.set(tier or outer[0]), asked_precision.set(precision or outer[1])
    try:
        yield
    finally:
        _asked.reset(tokens[0])
        asked_precision.reset(tokens[1])


def asked() -> tuple[str | None, str | None]:
    """The tier and the precision of the innermost ``using``, None outside."""
    return _asked.get(), asked_precision.get()


@dataclass(frozen=True)
class Device:
    """What the rule knows of a device. ``simulated``: it is numba-cuda's simulator."""

    multiprocessors: int = MULTIPROCESSORS
    simulated: bool = False
    capability: tuple[int, int] = (9, 0)


@cache
def choose(
    cell: Cell,
    dtype: str,
    units: int,
    rows: int,
    directions: int,
    device: Device,
    tier: str | None = None,
    precision: str | None = None,
) -> Plan:
    """The plan for a layer of so many units and directions on so many rows; ``tier`` and ``precision``: those that are
    asked for.

    resident, if the cell fits and a block has room; else generic. Raises ValueError if what is asked for cannot run it.
    """
    what = " and ".join(f"{n} {name!r}" for n, name in (("tier", tier), ("precision", precision)) if name)
    problem = _unfit_precision(dtype, device, tier, precision)
    if problem:
        raise ValueError(f"{what} cannot run {cell.label} of {units} units in {dtype}: {problem}")
    operands = precision if precision in tensor_cores.PRECISIONS else None
    if tier == "generic":
        return Plan("generic", "asked for")
    if tier is None and operands is None and device.simulated:
        return Plan("generic", "the simulator: every thread of a block is one of Python's")
    why = unfit(cell)
    if not why:
        find = persistent if tier == "persistent" else resident
        found = find(cell, dtype, units, rows, directions, device, operands)
        if isinstance(found, Launch):
            return Plan(tier or "resident", _praise(found), found)
        why = found
    if tier or operands:
        raise ValueError(f"{what} cannot run {cell.label} of {units} units in {dtype}: {why}")
    return Plan("generic", why)


def _unfit_precision(dtype: str, device: Device, tier: str | None, precision: str | None) -> str | None:
    """Why a layer of this dtype cannot have the precision on the device, whatever its cell; None if it can."""
    if precision is None:
        return None
    if dtype != "float32":
        return f"precision is a choice for float32, this layer has {dtype}"
    if precision == "float32":
        return None
    if tier == "generic":
        return "the generic tier has no products on tensor cores; resident and persistent have"
    if device.capability < tensor_cores.CAPABILITY:
        least, own = (".".join(map(str, version)) for version in (tensor_cores.CAPABILITY, device.capability))
        return f"it needs compute capability {least}, this device has {own}"
    return None


def _praise(launch: Launch) -> str:
    weights = f"blocks of {launch.threads} threads for {launch.rows} rows, weights in registers"
    if launch.precision:
        weights += f" as {launch.precision}, recurrent products on tensor cores with sums in float32, asked for"
    if launch.precision and launch.slices > 1:
        weights += f", every sum shared by {launch.slices} warps"
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


def resident(
    cell: Cell, dtype: str, units: int, rows: int, directions: int, device: Device, precision: str | None = None
) -> Launch | str:
    """One block has all units: its launch, or why there is none."""
    if precision:
        return _with_fragments(cell, dtype, units, 1, precision, SLICES)
    most = 1
    while most < MOST_ROWS and -(-rows // most) * directions > device.multiprocessors:
        most *= 2
    problem = ""
    while most:
        launch = Launch(units, most, units * max(widest(cell), most))
        problem = lacking(cell, dtype, launch)
        if not problem:
            return launch
        most //= 2
    return problem


def persistent(
    cell: Cell, dtype: str, units: int, rows: int, directions: int, device: Device, precision: str | None = None
) -> Launch | str:
    """Several blocks share the units of a group of rows, all of them on the device at the same time."""
    if device.simulated:  # the smallest that shares units and sums
        if units % 2:
            return "units: an odd number"
        if precision:
            return _with_fragments(cell, dtype, units, 2, precision, SLICES)
        return Launch(units, 2, units // 2 * 2 * widest(cell), 2, 2)
    divisions = [n for n in BLOCKS if n * directions <= device.multiprocessors and units % n == 0]
    if precision:
        passes = (SLICES[:1], SLICES[1:])  # whoever has room without slices has none
        found = (_with_fragments(cell, dtype, units, n, precision, some) for some in passes for n in divisions)
        return next((launch for launch in found if isinstance(launch, Launch)), NO_DIVISION)
    for blocks in divisions:
        for slices in SLICES:
            if units % slices == 0:
                own = units // blocks
                launch = Launch(units, MOST_ROWS, own * max(widest(cell) * slices, MOST_ROWS), blocks, slices)
                if not lacking(cell, dtype, launch):
                    return launch
    return NO_DIVISION


def _with_fragments(
    cell: Cell, dtype: str, units: int, blocks: int, precision: str, some: tuple[int, ...]
) -> Launch | str:
    """A launch with products by tensor cores: the fewest slices of every sum, of ``some`` numbers, then as many warps
    as there is room for; or why there is none with the fewest."""
    own, reason = units // blocks, ""
    for slices in some:
        problem = ""
        for tiles in range(1, -(-own // tensor_cores.ROWS) + 1):  # of a warp
            warps = widest(cell) * slices * -(-own // (tensor_cores.ROWS * tiles))
            threads = WARP * max(warps, -(-own // WARP))
            launch = Launch(units, tensor_cores.COLUMNS, threads, blocks, slices, precision, tiles)
            problem = lacking(cell, dtype, launch)
            if not problem:
                return launch
        reason = reason or problem
    return reason
