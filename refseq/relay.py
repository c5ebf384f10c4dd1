"""Launches of rows (``refseq.rowwise``) one after another, on arrays that have names.

What depends on sizes alone is made once: a relay runs any number of times. On the CPU all its launches are one call of
compiled code, and arrays that only launches see are pieces of memory that is used again.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from refseq.arrays import zeros
from refseq.kernels import on_vectors
from refseq.launches import GIVEN, KEPT, KINDS, PASSING, RESULT, WHOLE, Array, Launch, Made, Part, Program
from refseq.rowwise import run_rows


class Relay:
    """The parts one after another, in a precision ("object" for numbers of any field), on a target."""

    def __init__(self, parts: Sequence[Part], dtype: str, target: str) -> None:
        self.launches: list[Launch] = []
        self.arrays: dict[str, Array] = {}
        for part in parts:
            self.launches += part.launches
        after = [launch for part in parts for launch in part.after]
        order = list(dict.fromkeys(launch.family for launch in after))
        self.launches += sorted(after, key=lambda launch: order.index(launch.family))
        for part in parts:
            self.arrays |= {name: array for name, array in part.arrays.items() if not self._has(name, array)}
        self.target = target
        read = {self.arrays[name].of or name for launch in self.launches for name in launch.arrays}
        self.given = [name for name, array in self.arrays.items() if array.role in (GIVEN, WHOLE) and name in read]
        on_cpu = on_vectors(dtype, target)
        self._program = Program(self.launches, self.arrays, self.given, dtype) if on_cpu else None

    def _has(self, name: str, array: Array) -> bool:
        """Whether an earlier part makes what is given to this one."""
        return name in self.arrays and array.role in (GIVEN, WHOLE)

    def run(self, given: Mapping[str, Any], like: np.ndarray) -> Made:
        """On contiguous arrays; ``like`` has the number field and the place of what is made."""
        if self._program is not None:
            return self._program.run(given)
        arrays = {name: given[name] for name in self.given}
        for name, array in self.arrays.items():
            if array.role in (RESULT, KEPT, PASSING) and not array.of:
                arrays[name] = zeros(array.shape, like)
        for launch in self.launches:
            both = launch.inputs, launch.outputs
            inputs, outputs = ([self._shaped(arrays, name) for name in names] for names in both)
            scratch = [zeros((launch.rows, *self.arrays[name].shape), like) for name in launch.scratch]
            how = {"target": self.target, "units": launch.units, "work": launch.work}
            run_rows(launch.build, launch.options, launch.rows, inputs, outputs, scratch, **how)
        return Made(*({n: arrays[n] for n, a in self.arrays.items() if a.role == role and not a.of} for role in KINDS))

    def _shaped(self, arrays: Mapping[str, Any], name: str) -> Any:
        array = self.arrays[name]
        return arrays[array.of].reshape(array.shape) if array.of else arrays[name]
