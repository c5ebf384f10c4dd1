"""Whether a layer's run fits into the memory of the device. Indices are of 64 bits, so there is no other limit."""

import numpy as np

from cuda_kernels.machine import Machine
from refseq.cell import Cell


def check_size(machine: Machine, cell: Cell, shape: tuple[int, ...], piece: int, itemsize: int) -> None:
    """Raises ValueError for (directions, T, B, W) if states, tape and pre-activations of a piece of time, and the
    states before all pieces, are more than the device's memory."""
    directions, steps, rows, width = shape
    n = min(piece, steps)
    vectors = (n + 1) * len(cell.state) + n * (cell.layout.stored + len(cell.layout.slots))
    vectors += -(-steps // max(piece, 1)) * len(cell.state)
    needed, room = int(np.prod([directions, rows, width, vectors, itemsize], dtype=object)), machine.room()
    if needed > room:
        raise ValueError(
            f"x: expected a run that fits into {room:.0f} bytes of the device's memory, got T = {steps}, B = {rows}, "
            f"whose states and tape take {needed} bytes; checkpoint= keeps less"
        )
