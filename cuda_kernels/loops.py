"""The launch of a time loop on the tier of its plan (``cuda_kernels.tiers``)."""

from typing import Any

from cuda_kernels import resident, scan
from cuda_kernels.columns import Launch
from cuda_kernels.machine import Machine
from cuda_kernels.tiers import Plan
from refseq.cell import Cell


def forward(machine: Machine, plan: Plan, cell: Cell, dtype: str, size: tuple[int, int, int], given: tuple) -> None:
    """The steps of a piece of time. ``size``: rows, directions, units; ``given``: the arguments of
    ``cuda_kernels.scan``'s kernel, FORWARD."""
    rows, directions, units = size
    if plan.launch is None:
        machine.launch(scan.kernels(cell, dtype).forward, (rows, directions), units, *given)
        return
    start, stop, M, bias, p, m, _x, *rest = given
    arguments = (start, stop, M, bias, p, m, *rest)
    _run(machine, resident.kernels(cell, dtype, plan.launch).forward, plan.launch, rows, directions, arguments)


def backward(machine: Machine, plan: Plan, cell: Cell, dtype: str, size: tuple[int, int, int], given: tuple) -> None:
    """The adjoint, likewise; ``given``: BACKWARD, with the matrices transposed."""
    rows, directions, units = size
    if plan.launch is None:
        machine.launch(scan.kernels(cell, dtype).backward, (rows, directions), units, *given)
        return
    start, stop, M, p, m, lengths, reverse, s, tape, dy, ds, _d0, _dv, da, _dx, dp = given
    arguments = (start, stop, M, p, m, lengths, reverse, s, tape, dy, ds, da, dp)
    _run(machine, resident.kernels(cell, dtype, plan.launch).backward, plan.launch, rows, directions, arguments)


def _run(machine: Machine, kernel: Any, launch: Launch, rows: int, directions: int, given: tuple) -> None:
    """A group of blocks for every group of rows; if they wait for one another, as many as are there at once."""
    groups = -(-rows // launch.rows)
    if launch.blocks > 1:
        groups = max(1, min(groups, machine.hardware.multiprocessors // (launch.blocks * directions)))
        grid = (groups * launch.blocks, directions)
    else:
        grid = machine.grid((groups, directions))
    counters = machine.counters(grid[0] // launch.blocks * grid[1])
    machine.run(kernel, grid, launch.threads, (*given, counters), together=launch.blocks > 1)
