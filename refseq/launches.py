"""Launches of rows by the names of their arrays, and how several are one call of compiled code (``refseq.relay``)."""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from refseq.engine import rowwise, sequence, vector
from refseq.engine.results import result
from refseq.engine.workspace import ALIGNMENT, Buffer, address
from refseq.rowwise import shared

GIVEN, WHOLE, RESULT, KEPT, PASSING, SCRATCH = "given", "whole", "result", "kept", "passing", "scratch"
"""What becomes of an array. Given ones come with the run, and those of whole numbers; results are the caller's, kept
ones are for another sequence, passing ones are forgotten; scratch has the shape of one row, which finds it at its own
number, and nobody reads what is written there."""

KINDS = RESULT, KEPT


@dataclass(frozen=True)
class Launch:
    """Rows of ``build`` with its options; names of its arrays in their order. Units and work as for
    ``refseq.rowwise.run_rows``. ``family``: of launches of one family and as many rows that follow one another, no row
    reads what another row wrote."""

    build: Callable
    options: tuple
    rows: int
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    scratch: tuple[str, ...] = ()
    units: int = 32
    work: int = 0
    family: str = ""

    @property
    def arrays(self) -> tuple[str, ...]:
        """All names."""
        return (*self.inputs, *self.outputs, *self.scratch)


@dataclass(frozen=True)
class Array:
    """Shape of an array, and what becomes of it. ``of``: the name of another one, if it is that in this shape."""

    shape: tuple[int, ...]
    role: str = GIVEN
    of: str = ""


@dataclass(frozen=True)
class Part:
    """Launches and their arrays; what an earlier part of a sequence makes may be given to a later one. ``after``:
    launches after those of all parts, family after family."""

    launches: Sequence[Launch]
    arrays: Mapping[str, Array]
    after: Sequence[Launch] = ()


class Kept(dict):
    """What a program keeps, by name: where each array is in memory that is held as long as this is there."""

    def __init__(self, offsets: Mapping[str, int], count: int) -> None:
        self.offsets, self.count, self.memory = offsets, count, Buffer(count)
        super().__init__({name: self.memory.address + at for name, at in offsets.items()})

    def __reduce__(self) -> tuple:
        """By the bytes: addresses are those of this process alone."""
        content = ctypes.string_at(self.memory.address, self.count)
        return _restored, (dict(self.offsets), content, vector.register_bytes())


def _restored(offsets: Mapping[str, int], content: bytes, register: int) -> Kept:
    """What was pickled or copied. Raises RuntimeError on a CPU with other vectors, for which arrays are laid out."""
    found = vector.register_bytes()
    if register != found:
        raise RuntimeError(f"the run was pickled where vectors have {register} bytes, and here they have {found}")
    kept = Kept(offsets, len(content))
    ctypes.memmove(kept.memory.address, content, len(content))
    return kept


@dataclass(frozen=True, eq=False)
class Made:
    """What a run made, by name: results, and what is kept, to be given to another sequence."""

    results: dict[str, np.ndarray]
    kept: dict[str, Any]


class Program:
    """A sequence on the threads of the CPU: words for ``refseq.engine.sequence`` in which addresses are filled in."""

    def __init__(self, launches: list[Launch], arrays: Mapping[str, Array], given: list[str], dtype: str) -> None:
        self.dtype, self.given = np.dtype(dtype), given
        groups: list[list[Launch]] = []
        for launch in launches:
            if groups and launch.family and (groups[-1][0].family, groups[-1][0].rows) == (launch.family, launch.rows):
                groups[-1].append(launch)
            else:
                groups.append([launch])
        parts = [rowwise.parts_of(group[0].rows, sum(launch.work for launch in group)) for group in groups]
        self.groups, self.most = len(groups), max(parts, default=0)
        self._place(arrays)
        self._write(groups, parts, arrays)

    def _place(self, arrays: Mapping[str, Array]) -> None:
        """Where every array is: in which memory, and how far from its beginning."""
        self.results = [(name, array.shape) for name, array in arrays.items() if array.role == RESULT and not array.of]
        names = [*self.given, *(name for name, _ in self.results)]
        self.home = {name: (number, 0) for number, name in enumerate(names)}
        self.kept, self.words_at = len(names), len(names) + 2
        self.bytes = [0, 0]
        for name, array in arrays.items():
            if array.of or array.role not in (KEPT, PASSING, SCRATCH):
                continue
            which = 0 if array.role == KEPT else 1
            self.home[name] = self.kept + which, self.bytes[which]
            count = self.dtype.itemsize * int(np.prod(array.shape)) * (self.most if array.role == SCRATCH else 1)
            self.bytes[which] += -(-count // ALIGNMENT) * ALIGNMENT
        self.offsets = {name: at for name, (where, at) in self.home.items() if where == self.kept}

    def _write(self, groups: list[list[Launch]], parts: list[int], arrays: Mapping[str, Array]) -> None:
        """The words, and where which addresses go."""
        tables = [1 + sequence.GROUP * len(groups)]
        for group in groups:
            tables.append(tables[-1] + 1 + 2 * len(group))
        words, places = [0] * tables[-1], []
        for number, (group, count, table) in enumerate(zip(groups, parts, tables, strict=False)):
            line = 1 + sequence.GROUP * number
            words[line] = count
            places.append((line + 1, self.words_at, 8 * table))
            words[table] = len(group)
            for n, launch in enumerate(group):
                shaped = [(name, arrays[name]) for name in launch.arrays]
                kinds = tuple(self._kind(launch, name, array) for name, array in shaped)
                function = shared(launch.build, launch.options, kinds, len(launch.scratch))
                words[table + 1 + 2 * n] = function.address or 0
                places.append((table + 2 + 2 * n, self.words_at, 8 * len(words)))
                words += [count, launch.rows]
                for name, array in shaped:
                    places.append((len(words), *self.home[array.of or name]))
                    words += [0, *([count] if name in launch.scratch else []), *array.shape]
        self.words = np.array(words, np.int64)
        self.at, self.which, self.shift = np.array(places, np.int64).reshape(-1, 3).T.copy()

    def _kind(self, launch: Launch, name: str, array: Array) -> tuple[str, int]:
        dtype = "int64" if array.role == WHOLE else str(self.dtype)
        return dtype, len(array.shape) + (name in launch.scratch)

    def run(self, given: Mapping[str, Any]) -> Made:
        """Given arrays are numpy's, or the addresses of what was kept."""
        words = self.words.copy()
        values = [given[name] for name in self.given]
        results = {name: result(shape, self.dtype) for name, shape in self.results}
        where = [value if type(value) is int else address(value) for value in (*values, *results.values())]
        kept, passing, here = Kept(self.offsets, self.bytes[0]), Buffer(self.bytes[1]), address(words)
        where += [kept.memory.address, passing.address, here]
        words[self.at] = np.array(where, np.int64)[self.which] + self.shift
        sequence.run(here, words, self.groups, self.most)
        return Made(results, kept)
