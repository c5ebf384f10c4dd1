"""Launches one after another: who waits for whom, views, what is kept, scratch, every target."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest
from numba.extending import register_jitable

import refseq
from refseq.arrays import lift
from refseq.engine import threads
from refseq.fields.residue import Residue
from refseq.launches import KEPT, RESULT, SCRATCH, Array, Launch, Part
from refseq.networks.attention.memory import MemoryGradients
from refseq.networks.attention.scene import Tokens, scene_of
from refseq.relay import Relay
from refseq.team import Team
from tests.engine.problems import shared_between

ROWS, SIZE = 12, 5
BOTH = pytest.mark.parametrize("target", ["cpu", "reference"])


def build_double(team: Team):
    """y[b] = x[b] + x[b], by way of scratch."""

    @register_jitable
    def row(b, x, y, room):
        for k in range(x.shape[1]):
            room[b, k] = x[b, k]
        for k in range(x.shape[1]):
            y[b, k] = room[b, k] + x[b, k]

    return row


def build_total(team: Team):
    """s[b, 0]: the sum of all of y (N, 1)."""

    @register_jitable
    def row(b, y, s):
        total = y[0, 0]
        for n in range(1, y.shape[0]):
            total = total + y[n, 0]
        s[b, 0] = total

    return row


DOUBLE = Launch(build_double, (), ROWS, ("x",), ("y",), ("room",), work=10**6, family="own")
TOTAL = Launch(build_total, (), ROWS, ("seen",), ("s",), work=10**6, family="all")
ARRAYS = {
    "x": Array((ROWS, SIZE)),
    "y": Array((ROWS, SIZE), KEPT),
    "seen": Array((ROWS * SIZE, 1), of="y"),
    "s": Array((ROWS, 1), RESULT),
    "room": Array((SIZE,), SCRATCH),
}


def relay(target, dtype="float64", total=TOTAL):
    return Relay([Part([DOUBLE, total], ARRAYS)], dtype, target)


@BOTH
def test_a_launch_waits_for_the_one_before(target):
    x = np.random.default_rng(0).integers(-9, 9, (ROWS, SIZE)).astype(float)
    for _ in range(20):
        made = relay(target).run({"x": x}, x)
        assert (made.results["s"] == 2 * x.sum()).all()


@pytest.mark.parametrize("family", ["own", "all", ""])
def test_families_are_groups(family):
    program = relay("cpu", total=replace(TOTAL, family=family))._program
    assert program is not None
    assert program.groups == (1 if family == "own" else 2)


def test_a_launch_that_does_not_wait_is_seen(monkeypatch):
    """Planted: the family of the first one. While others have the threads, parts follow one another."""
    with shared_between(3, monkeypatch):
        wrong, x = relay("cpu", total=replace(TOTAL, family="own")), np.ones((ROWS, SIZE))
        with threads.borrowed(3):
            sums = [wrong.run({"x": sign * x}, x).results["s"] * sign for sign in (1, -1)]  # memory is used again
    assert any((s != 2 * x.sum()).any() for s in sums)


@BOTH
def test_what_is_kept_is_given_to_another(target):
    x = np.arange(float(ROWS * SIZE)).reshape(ROWS, SIZE)
    first = Relay([Part([DOUBLE], ARRAYS)], "float64", target)
    later = {name: array for name, array in ARRAYS.items() if name in ("seen", "s")} | {"y": Array((ROWS, SIZE))}
    second = Relay([Part([TOTAL], later)], "float64", target)
    assert (first.given, second.given) == (["x"], ["y"])
    kept = first.run({"x": x}, x).kept
    assert (second.run(kept, x).results["s"] == 2 * x.sum()).all()


def test_numbers_of_any_field():
    x = lift(np.arange(ROWS * SIZE).reshape(ROWS, SIZE), Residue)
    made = relay("reference", "object").run({"x": x}, x)
    assert made.results["s"][3, 0] == Residue(ROWS * SIZE * (ROWS * SIZE - 1))


def test_later_launches_come_family_after_family():
    part = Part([DOUBLE], ARRAYS, [TOTAL, replace(TOTAL, family="last")])
    found = Relay([part, Part([DOUBLE], {}, [TOTAL])], "float64", "reference").launches
    assert [launch.family for launch in found] == ["own", "own", "all", "all", "last"]


def test_a_copy_of_what_is_kept_has_memory_of_its_own():
    x = np.arange(float(ROWS * SIZE)).reshape(ROWS, SIZE)
    kept = Relay([Part([DOUBLE], ARRAYS)], "float64", "cpu").run({"x": x}, x).kept
    later = {name: array for name, array in ARRAYS.items() if name in ("seen", "s")} | {"y": Array((ROWS, SIZE))}
    second = Relay([Part([TOTAL], later)], "float64", "cpu")
    copies = copy.deepcopy(kept), pickle.loads(pickle.dumps(kept))
    assert len({own["y"] for own in (kept, *copies)}) == 3
    assert all((second.run(own, x).results["s"] == 2 * x.sum()).all() for own in copies)


def test_a_copy_of_a_scene_points_to_its_own_numbers():
    scene = scene_of(Tokens(4, np.array([4, 2])), Tokens(3, np.array([0, 3])), False)
    where, again = scene.addresses(0), copy.deepcopy(scene)
    assert again.addresses(0).keys() == where.keys()
    assert not set(again.addresses(0).values()) & set(where.values())


@BOTH
def test_a_memory_is_given_views(target):
    """Of queries and cotangents, whose entries do not follow one another."""
    attention, rng = refseq.attention("general", 3, 4), np.random.default_rng(0)
    keys, wide = rng.normal(size=(5, 2, 4)), rng.normal(size=(3, 2, 9))
    memory = attention.memory(attention.initialise(), keys, keys, target=target)
    one, two = (memory.look(queries, None) for queries in (wide[..., 1:4], wide[..., 1:4].copy()))
    assert np.array_equal(one.y, two.y)
    back = [MemoryGradients(memory).add(one, dy, None) for dy in (wide[..., 4:8], wide[..., 4:8].copy())]
    assert np.array_equal(*back)
