"""A ReLU layer over small integers: every sum is exact, whatever its order, so the engine must give the very numbers of
the reference. What is tested is which numbers it adds: rows, lengths, slices, chunks, tiles, packed panels."""

from typing import Any

import numpy as np
import pytest

import refseq
from refseq.engine import setup
from refseq.engine.products import BAND
from refseq.engine.target import forget
from tests.engine.problems import different, everything, interpreted, shared_between

UNITS = [1, 2, 7, 8, 9, 15, 16, 17, 33, 2 * BAND + 1]
"""Around the vector's length of either precision and register width, and around bands of rows."""


class Whole:
    """A problem of integers; matrices have few entries that are not 0, so that states stay small."""

    def __init__(self, layer: refseq.Layer, steps: int, rows: int, lengths=None, dtype="float64") -> None:
        rng = np.random.default_rng([steps, rows])

        def sparse(shape):
            return (rng.integers(-2, 3, shape) * (rng.random(shape) < 1.5 / shape[-1])).astype(dtype)

        def signals(shape):
            return rng.integers(-3, 4, shape).astype(dtype)

        self.layer, self.lengths, self.masks = layer, lengths, {}
        self.params = {name: sparse(shape) for name, shape in layer.shapes.items()}
        self.x, self.dy = signals((steps, rows, layer.inputs)), signals((steps, rows, layer.outputs))
        self.state, self.dstate = ({"h": signals(layer.state_shape(rows))} for _ in range(2))


def relu(inputs: int, units: int, **options) -> refseq.Layer:
    return refseq.layer("elman", inputs, units, activation="relu", **options)


def agree(problem: Any, **options) -> None:
    theirs = interpreted(problem, np.float64)
    assert max(float(np.abs(value).max(initial=0)) for value in theirs.values()) < 2**50
    ours = everything(problem, "cpu", **options)
    for name, value in theirs.items():
        assert np.array_equal(ours[name].astype(float), value), name


@pytest.mark.parametrize("units", UNITS)
def test_sizes(units):
    for inputs, rows in ((1, 1), (3, 2), (17, 5), (40, 7)):
        agree(Whole(relu(inputs, units), 4, rows))


@pytest.mark.parametrize("rows", [1, 2, 3, 4, 5, 13, 27, 33, 70])
def test_rows(rows):
    agree(Whole(relu(5, 9), 3, rows))


LENGTHS = [
    [6, 6, 6, 6, 6],
    [0, 0, 0, 0, 0],
    [1, 2, 3, 4, 5],
    [5, 4, 3, 2, 0],
    [0, 6, 0, 1, 6],
    [3, 3, 3, 3, 3],
    [0, 0, 1, 0, 0],
]


@pytest.mark.parametrize("lengths", LENGTHS, ids=str)
def test_lengths(lengths):
    layer = relu(3, 5, layers=2, bidirectional=True)
    agree(Whole(layer, 6, 5, np.array(lengths)))
    agree(Whole(layer, 6, 5, np.array(lengths)), checkpoint=2)


@pytest.mark.parametrize("ahead", [1, 2, 3, 8, 1000])
def test_chunks(ahead, monkeypatch):
    """Chunks of one step, of a part of the rows' lengths, of all time."""
    monkeypatch.setattr(setup, "ROWS_AHEAD", ahead)
    monkeypatch.setattr(setup, "ROWS_BACK", ahead)
    forget()
    agree(Whole(relu(3, 5, bidirectional=True), 7, 4, np.array([7, 2, 0, 5])))
    agree(Whole(relu(3, 5, bidirectional=True), 7, 4, np.array([7, 2, 0, 5])), checkpoint=3)
    forget()


@pytest.mark.parametrize("threads", [2, 3, 7, 12])
def test_slices(threads, monkeypatch):
    """More slices than rows, slices without a row, slices that end early."""
    with shared_between(threads, monkeypatch):
        for lengths in ([6, 6, 6, 6, 6], [0, 6, 0, 1, 6], [0, 0, 1, 0, 0], [1, 1, 1, 1, 6]):
            agree(Whole(relu(3, 2 * BAND + 1), 6, 5, np.array(lengths)))
        agree(Whole(relu(3, 4), 6, 1))


@pytest.mark.parametrize(("steps", "rows"), [(0, 3), (3, 0), (0, 0)])
def test_nothing_to_do(steps, rows):
    agree(Whole(relu(3, 5, bidirectional=True), steps, rows))


def test_without_biases_and_wide_and_long():
    agree(Whole(relu(3, 5, bias=False, bidirectional=True), 5, 3, np.array([5, 0, 2])))
    agree(Whole(relu(2, 257), 3, 2))


def test_inference_keeps_two_states():
    problem = Whole(relu(3, 5), 7, 4, np.array([7, 2, 0, 5]))
    arguments = (problem.params, problem.x, problem.state, problem.lengths)
    kept, not_kept = (problem.layer.forward(*arguments, gradient=value) for value in (True, False))
    assert different({"y": kept.y, **kept.state}, {"y": not_kept.y, **not_kept.state}) == []


def test_float32():
    agree(Whole(relu(5, 33, layers=2, bidirectional=True), 3, 6, np.array([3, 1, 0, 2, 3, 3]), dtype="float32"))
