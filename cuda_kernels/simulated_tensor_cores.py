"""The twins of ``cuda_kernels.tensor_cores`` in Python: the 32 threads of a warp hand in their fragments, and each gets
its own of the result.

Which entry of a matrix a thread holds is written as the PTX ISA has it ("Matrix Fragments for mma.m16n8k8", "for
mma.m16n8k16"), element by element, and knows nothing of how the kernels index theirs. Products of operands are exact
in float32; each is added to the accumulator in the order of k, rounded to nearest. On a device the order and the
rounding of these sums are not specified, only that they have at least single precision.
"""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from cuda_kernels import rounding
from cuda_kernels.simulated_waits import WARP, in_warp

ROWS, COLUMNS = 16, 8

Matrix = np.ndarray
Fragments = Sequence[Sequence[float]]


def _tf32_a(group: int, place: int, i: int) -> tuple[int, int]:
    return group if i in (0, 2) else group + 8, place if i in (0, 1) else place + 4


def _tf32_b(group: int, place: int, i: int) -> tuple[int, int]:
    return place if i == 0 else place + 4, group


def _bf16_a(group: int, place: int, i: int) -> tuple[int, int]:
    row = group if 0 <= i < 2 or 4 <= i < 6 else group + 8
    return row, place * 2 + (i & 1) if i < 4 else place * 2 + (i & 1) + 8


def _bf16_b(group: int, place: int, i: int) -> tuple[int, int]:
    return place * 2 + (i & 1) if i < 2 else place * 2 + (i & 1) + 8, group


def _accumulator(group: int, place: int, i: int) -> tuple[int, int]:
    return group if i < 2 else group + 8, place * 2 + (i & 1)


def entries(place_of: Callable[[int, int, int], tuple[int, int]], count: int) -> Iterator[tuple[int, int, int, int]]:
    """(lane, element, row, column) of all elements of all lanes."""
    for lane in range(WARP):
        for i in range(count):
            yield lane, i, *place_of(lane >> 2, lane % 4, i)


def _spread(layout: list[tuple[int, int, int, int]], shape: tuple[int, int]) -> tuple[np.ndarray, ...]:
    """For every entry of a matrix the lane that holds it and the number of its element."""
    lanes, elements = np.full(shape, -1), np.full(shape, -1)
    for lane, i, row, column in layout:
        lanes[row, column], elements[row, column] = lane, i
    return lanes, elements


LAYOUTS = {
    "tf32": (8, list(entries(_tf32_a, 4)), list(entries(_tf32_b, 2))),
    "bf16": (16, list(entries(_bf16_a, 8)), list(entries(_bf16_b, 4))),
}
"""For each precision the depth of a product, and who holds which entry of A and of B."""

ACCUMULATOR = list(entries(_accumulator, 4))
_C = _spread(ACCUMULATOR, (ROWS, COLUMNS))
_OPERANDS = {
    name: (depth, _spread(a, (ROWS, depth)), _spread(b, (depth, COLUMNS))) for name, (depth, a, b) in LAYOUTS.items()
}


def _elements(registers: np.ndarray, precision: str) -> np.ndarray:
    """The numbers (32, elements) in the registers (32, R) of the lanes; of two in a register the lower half first."""
    if precision == "tf32":
        return rounding.of_tf32(registers)
    halves = np.stack([registers & np.uint32(0xFFFF), registers >> np.uint32(16)], axis=-1)
    return rounding.of_bf16(halves.reshape(WARP, -1))


def multiplied(given: list[tuple], precision: str) -> list[tuple]:
    """D = A B + C of a warp: the four elements of D of every lane, from A, B and C of every lane."""
    depth, a_place, b_place = _OPERANDS[precision]
    a_registers, b_registers, c_elements = (np.array(part) for part in zip(*given, strict=True))
    a = _elements(a_registers.astype(np.uint32), precision)[a_place]
    b = _elements(b_registers.astype(np.uint32), precision)[b_place]
    sums = c_elements.astype(np.float32)[_C]
    with np.errstate(all="ignore"):  # infinities and NaN are numbers of a device as well
        for k in range(depth):
            sums = sums + a[:, k, None] * b[None, k]
    made = np.empty((WARP, 4), np.float32)
    made[_C] = sums
    return [tuple(lane) for lane in made]


def multiply_tf32(a: tuple, b: tuple, c: tuple) -> tuple:
    """See ``tensor_cores.multiply``."""
    return in_warp((a, b, c), lambda given: multiplied(given, "tf32"))


def multiply_bf16(a: tuple, b: tuple, c: tuple) -> tuple:
    """See ``tensor_cores.multiply``."""
    return in_warp((a, b, c), lambda given: multiplied(given, "bf16"))


def pack_tf32(x: float) -> np.uint32:
    """See ``tensor_cores.pack``."""
    return np.uint32(rounding.tf32(x))


def pack_bf16(low: float, high: float) -> np.uint32:
    """See ``tensor_cores.pack``."""
    return np.uint32(rounding.bf16(low) | rounding.bf16(high) << np.uint32(16))
