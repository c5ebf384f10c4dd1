"""Jobs that are ready to run again: words, memory, and copies from and to the caller's arrays, all in place.

A job that nobody uses waits for the next run (``refseq.engine.workspace``).
"""

import ctypes
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from refseq.engine import moves, threads, workspace
from refseq.engine.compiling import CFunction
from refseq.engine.job import FIELD
from refseq.engine.job_of import JobOf, Region
from refseq.engine.moves import Move
from refseq.engine.workspace import address

Place = tuple[str, int]
"""An array by name, and an entry of it. A name that is no array of the engine's is one of the caller's, whose address
comes with the run."""

WORTH_A_THREAD = 1 << 16
"""Entries below which waking a thread costs more than it saves."""

Line = tuple[Place, Place, Move]
"""What is read, what is written, and the copy."""


class Direction:
    """What all jobs of one direction of a plan have in common.

    job      with more ``words``
    arrays   entries of the engine's arrays that outlast a call, by name; a job's fields of these names point to them
    tables   by field, the names of the arrays of a table of addresses
    copies   programs of copies between these and the caller's arrays
    parts    threads that share long copies
    zeros    names of arrays that begin with zeros
    fixed    entries of arrays that never change: by name, from which entry on, and what
    """

    def __init__(
        self,
        job: JobOf,
        words: Mapping[str, int],
        size: int,
        arrays: Mapping[str, int],
        tables: Mapping[str, Sequence[str]],
        copies: Sequence[Sequence[Line]],
        parts: int,
        zeros: Sequence[str],
        fixed: Mapping[str, tuple[int, np.ndarray]] | None = None,
    ) -> None:
        self.job, self.words, self.size = job, words, size
        self.region, self.tables, self.copies, self.parts = Region(arrays, size), tables, copies, parts
        self.zeros = [(self.region.offsets[name], arrays[name] * size) for name in zeros]
        self.fixed = [(self.region.offsets[name] + at * size, what) for name, (at, what) in (fixed or {}).items()]
        self.bytes = job.region.bytes + self.region.bytes

    def __del__(self) -> None:
        workspace.drop(id(self))


class Copies:
    """A table of ``refseq.engine.moves`` within the words of a job, for so many ``parts`` at most."""

    __slots__ = ("address", "many", "parts", "sources", "table", "targets")

    def __init__(
        self, table: np.ndarray, lines: Sequence[Line], places: Mapping[str, int], size: int, parts: int
    ) -> None:
        reads, writes, what = moves.places(len(lines))
        self.table, self.many, self.address = table, len(lines), address(table)
        table[moves.FOUND] = 0
        self.sources, self.targets = table[reads], table[writes]
        for column, which in ((self.sources, 0), (self.targets, 1)):
            column[:] = [places.get(line[which][0], 0) + size * line[which][1] for line in lines]
        table[what] = [number for _, _, move in lines for number in move]
        entries = sum(move.rows * move.count for _, _, move in lines)
        self.parts = parts if entries >= WORTH_A_THREAD else 1

    def written(self, lines: Sequence[Line], dtype: np.dtype) -> list[np.ndarray]:
        """What the last run wrote, line by line: a copy of each, (rows, count)."""
        found = []
        for at, (_, _, move) in zip(self.targets.tolist(), lines, strict=True):
            entries = (move.rows - 1) * move.to_stride + move.count
            memory: Any = (ctypes.c_char * (entries * dtype.itemsize)).from_address(at)
            strides = move.to_stride * dtype.itemsize, dtype.itemsize
            found.append(np.ndarray((move.rows, move.count), dtype, memory, strides=strides).copy())
        return found

    def run(self, move: CFunction) -> None:
        """Run the table. ``move``: ``moves`` of the precision."""
        threads.share(move, self.parts, self.address, self.many, self.parts)


class Ready:
    """A job, its memory, and its copies. ``where``: the address of the job."""

    __slots__ = ("copies", "memory", "where", "words")

    def __init__(self, home: Direction) -> None:
        job = home.job
        self.memory, first = workspace.memory(home.bytes)
        base = first + job.region.bytes
        places = {name: base + offset for name, offset in home.region.offsets.items()}
        lengths = [moves.words(len(lines)) for lines in home.copies]
        self.words = job.words(sum(map(len, home.tables.values())) + sum(lengths))
        self.where, begin = address(self.words), len(FIELD)
        job.region.place(self.words, first)
        home.region.place(self.words, base)
        for field, value in home.words.items():
            self.words[getattr(FIELD, field)] = value
        for field, names in home.tables.items():
            self.words[getattr(FIELD, field)] = self.where + 8 * begin
            self.words[begin : begin + len(names)] = [places[name] for name in names]
            begin += len(names)
        self.copies: list[Copies] = []
        for lines, length in zip(home.copies, lengths, strict=True):
            self.copies.append(Copies(self.words[begin : begin + length], lines, places, home.size, home.parts))
            begin += length
        for offset, count in home.zeros:
            ctypes.memset(base + offset, 0, count)
        for offset, what in home.fixed:
            ctypes.memmove(base + offset, address(what), what.nbytes)


class Lease:
    """A job that is in use, until nobody refers to this any more."""

    __slots__ = ("home", "ready")

    def __init__(self, home: Direction) -> None:
        self.home = home
        self.ready: Ready = workspace.take(id(home)) or Ready(home)

    def __del__(self) -> None:
        ready = getattr(self, "ready", None)
        if ready is not None:
            workspace.give(id(self.home), ready, self.home.bytes)
