"""Negative control: before a comparison may say pass, planted errors of known size must turn it red.

Every gate's block of every tensor is scaled by 1 + 2^-k, from 2^-50 upwards, until the comparison notices; the weakest
size over all blocks is what the report calls its sensitivity. Beyond that, each tensor is spoiled with a NaN, and each
gradient with a lost block (zeros) and with two units exchanged. What the comparison does not notice makes the verdict
undecided: the problem is blind there.
"""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from refseq.checks.check import Undecided
from refseq.checks.compare import against_exact
from refseq.checks.function import Posed
from refseq.checks.tensors import block_place, blocks
from refseq.checks.verdict import Sensitivity

LARGEST = 2.0**-6
"""A block whose scaling by 1 + 2^-6 goes unnoticed is not being judged."""


def sensitivity(
    check: str, problem: Posed, tensors: Mapping[str, np.ndarray], absolute: bool = False
) -> Sensitivity | None:
    """The weakest detected scaling; None if every tensor is zero. Raises Undecided where a plant goes unnoticed."""

    def seen(name: str, planted: np.ndarray) -> bool:
        return bool(against_exact(check, problem, {name: planted}, absolute)[0])

    weakest = None
    for name, values in tensors.items():
        if not values.size:
            continue
        for what, planted in _spoiled(values):
            if not seen(name, planted):
                raise Undecided(f"negative control: {name} with {what} was not noticed on {problem.label}")
        for block in blocks(problem.layer, name, values):
            if not np.any(values[block]):
                continue
            found = _smallest(seen, problem, name, values, block)
            if weakest is None or found > weakest.size:
                weakest = Sensitivity(block_place(problem.layer, name, block, values.ndim), found)
    return weakest


def _smallest(
    seen: Callable[[str, np.ndarray], bool], problem: Posed, name: str, values: np.ndarray, block: tuple
) -> float:
    size = 2.0**-50
    while size <= LARGEST:
        planted = values.copy()
        planted[block] = planted[block] * (1 + size)
        if not np.array_equal(planted, values) and seen(name, planted):
            return size
        size *= 2
    where = block_place(problem.layer, name, block, values.ndim)
    raise Undecided(f"negative control: {where} scaled by 1 + {LARGEST:g} was not noticed on {problem.label}")


def _spoiled(values: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    planted = values.copy()
    planted[(-1,) * values.ndim] = np.nan
    yield "a NaN", planted
    if np.any(values):
        yield "all zeros", np.zeros_like(values)
    if values.shape[-1] > 1:
        exchanged = values.copy()
        exchanged[..., [0, 1]] = exchanged[..., [1, 0]]
        if not np.array_equal(exchanged, values):
            yield "two columns exchanged", exchanged
