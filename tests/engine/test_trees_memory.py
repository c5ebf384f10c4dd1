"""Trees on the engine write into their arrays and nowhere else: scratch, results and what is kept, between canaries."""

import ctypes
from typing import ClassVar

import numpy as np
import pytest

from refseq.engine import tree_tables, tree_target
from refseq.engine.job import FIELD
from refseq.engine.tree_job import TREE
from refseq.engine.tree_setup import Memory
from refseq.trees import balanced, chain, from_parents, join
from tests.engine.problems import different, shared_between
from tests.engine.test_memory import CANARY, Guards
from tests.engine.test_trees import LAYERS, found

FOREST = join([balanced(40), chain(5), from_parents([-1, 0, 1, 1, 3])])
AROUND = 256
"""Bytes between two arrays of the scratch: more than two vectors."""


class Apart(Memory):
    """Scratch whose arrays are apart, the gaps full of a canary and the arrays of NaN."""

    made: ClassVar[list] = []

    def want(self, words, field, entries):
        self._total += AROUND
        super().want(words, field, entries)

    def place(self):
        self._total += AROUND
        memory = np.full(self._total + 64, 0xA5, np.uint8)
        start = -memory.ctypes.data % 64
        ends = [offset - AROUND for _, _, offset in self._wanted[1:]] + [self._total - AROUND]
        inside = np.zeros(self._total, bool)
        for (words, field, offset), end in zip(self._wanted, ends, strict=True):
            words[field] = memory.ctypes.data + start + offset
            inside[offset:end] = True
        view = memory[start : start + self._total]
        view[inside] = 0xFF  # NaN
        self.made.append((view, inside))
        return memory

    @classmethod
    def intact(cls):
        return all((view[~inside] == 0xA5).all() for view, inside in cls.made)


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_nothing_else_is_written(layer, count, monkeypatch):
    expected, guards = found(layer, FOREST), Guards()

    def result(shape, dtype):
        array = guards.cut(shape, dtype)
        array.fill(np.nan)
        return array

    def cleared(shape, dtype):
        array = guards.cut(shape, dtype)
        array.fill(0)
        return array

    Apart.made.clear()
    with shared_between(count, monkeypatch), monkeypatch.context() as patch:
        patch.setattr(tree_tables, "Memory", Apart)
        patch.setattr(tree_target, "result", result)
        patch.setattr(tree_tables, "result", result)
        patch.setattr(tree_tables, "cleared", cleared)
        patch.setattr(tree_target, "rows_at_a_time", lambda *_: 5)
        patch.setattr(tree_target, "WORTH_A_THREAD", 2 * tree_target.multiplications(_weights(layer)))
        assert different(found(layer, FOREST), expected) == []
    assert len(Apart.made) == 2
    assert len(guards) > 6
    assert guards.intact
    assert Apart.intact()


def _weights(layer):
    return tuple(part.pack(layer.initialise(dtype="float32")) for part in layer.parts)


def test_the_canaries_notice():
    """One byte before an array, and one entry behind a result."""
    memory, words = Apart(4), np.zeros(1, np.int64)
    memory.want(words, 0, 10)
    Apart.made.clear()
    memory.place()
    assert Apart.intact()
    view, inside = Apart.made[0]
    view[np.argmax(inside) - 1] = 0
    assert not Apart.intact()
    Apart.made.clear()
    assert CANARY != 0


def test_every_part_has_scratch_of_its_own(monkeypatch):
    """Whether two threads meet in a row depends on the moment; which rows they write does not: what is left there."""
    layer, runs = LAYERS[4], []

    class Kept(tree_tables.Run):
        def begin(self):
            runs.append((self, super().begin()))
            return runs[-1][1]

    forest = from_parents([6, 6, 7, 7, 8, 8, -1, -1, -1])
    x = np.random.default_rng(0).normal(size=(9, 3)).astype("float32")
    with shared_between(3, monkeypatch), monkeypatch.context() as patch:
        patch.setattr(tree_target, "Run", Kept)
        patch.setattr(tree_target, "WORTH_A_THREAD", 1)
        run = layer.forward(layer.initialise(dtype="float32"), x, forest)
    words, (node, _) = runs[0][0].words, runs[0][0].parts
    assert run._recording.tape.pieces.parts.tolist() == [3, 3]
    assert words[TREE.chunk] == 2
    width, padded = node[FIELD.width], node[FIELD.padded_inputs]
    rows = _floats(node[FIELD.x_rows], 6 * padded).reshape(6, padded)[::2, :3]
    assert np.array_equal(rows, x[6:])  # of the last level: a node for each part
    old = _floats(words[TREE.edge_old], 6 * 2 * width).reshape(6, 2, width)[..., :9]
    assert np.array_equal(old[:, 0], run.state["h"][:6])
    assert np.array_equal(old[:, 1], run.state["c"][:6])


def _floats(address, count):
    return np.ctypeslib.as_array((ctypes.c_float * int(count)).from_address(int(address)))
