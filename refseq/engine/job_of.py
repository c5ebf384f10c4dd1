"""A job with all that does not change from run to run, and the region of memory that its runs need."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from refseq.engine.job import FIELD, FILL, GRADIENT, INSTRUCTION, PACK, SUM, Job
from refseq.engine.products import products
from refseq.engine.programs import Packed, table
from refseq.engine.workspace import address

if TYPE_CHECKING:
    from refseq.engine.setup import Setup

ALIGNMENT = 64


class Region:
    """Several arrays in one piece of memory: where each is, and how many bytes it has."""

    def __init__(self, entries: Mapping[str, int], size: int) -> None:
        self.offsets: dict[str, int] = {}
        total = 0
        for name, count in entries.items():
            self.offsets[name] = total
            total += -(-count * size // ALIGNMENT) * ALIGNMENT
        self.bytes = total
        fields = [name for name in entries if name in Job._fields]
        self._fields = [getattr(FIELD, name) for name in fields]
        self._places = np.array([self.offsets[name] for name in fields], np.int64)

    def place(self, words: np.ndarray, base: int) -> None:
        """Point a job's fields of these names to the arrays of a region at this address."""
        words[self._fields] = self._places + base


class JobOf:
    """The job of one direction with all that does not change from run to run, and the region that it needs."""

    def __init__(
        self,
        setup: "Setup",
        chunk: int,
        programs: Mapping[str, np.ndarray],
        packed: Packed,
        more: Mapping[str, int],
        words: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        layout, rows, self.chunk = setup.cell.layout, chunk * setup.rows, chunk
        self._programs = {**programs, "packs": table(packed.program(setup.strides))}
        made = products(setup.dtype)
        fields = dict.fromkeys(Job._fields, 0) | {
            "size": setup.size,
            "rows": setup.rows,
            "width": setup.width,
            "wide": setup.wide,
            "inputs": setup.inputs,
            "padded_inputs": setup.sizes.padded(setup.inputs),
            "outputs": setup.outputs,
            "mask_size": setup.mask_size,
            "slots": len(layout.slots),
            "states": len(setup.cell.state),
            "stored": layout.stored,
            "vectors": len(layout.vectors),
            "masks": setup.masks,
            "own": setup.own,
            "numbers": setup.numbers,
            "steps": setup.steps,
            "reverse": int(setup.reverse),
            "slices": setup.slices,
            "parts": setup.parts,
            "chunk": chunk,
            "order": address(setup.full.order),
            "lengths": address(setup.full.lengths),
            "bounds": address(setup.full.bounds),
            "product": made.add_product.address,
            "turned": made.add_turned.address,
            **words,
        }
        lines = {"fills": FILL, "packs": PACK, "gradients": GRADIENT, "sums": SUM}
        for name, program in self._programs.items():
            fields[name] = address(program)
            if f"{name}_count" in fields:
                fields[f"{name}_count"] = len(program) // len(lines.get(name, INSTRUCTION))
        if "spans" in self._programs:
            fields["phases"] = len(self._programs["spans"]) // (2 * setup.parts) - 1  # the first is no phase of a step
        self._words = table(Job(**fields))
        region = {
            "packed": packed.bytes // setup.size,
            "bias": len(layout.slots) * setup.width,
            "p_rows": setup.numbers * setup.width,
            "a": rows * len(layout.slots) * setup.width,
            "x_rows": rows * setup.inputs,
            "m_rows": rows * setup.masks * setup.width,
            **more,
        }
        self.region = Region(region, setup.size)

    def words(self, more: int) -> np.ndarray:
        """The job's words, with room for ``more`` behind them."""
        words = np.empty(len(FIELD) + more, np.int64)
        words[: len(FIELD)] = self._words
        return words
