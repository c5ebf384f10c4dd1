"""Intervals and boxes: that they enclose, that they decide, and that what is false is refuted."""

import math
from dataclasses import replace

import numpy as np
import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

import proofs
from proofs import PROVED, Proved, Refuted, Undecided
from proofs.intervals import ranges
from proofs.intervals.bounding import by_sign, cell_of, every
from proofs.intervals.box import REAL, Bound, Seed, decide, slope
from proofs.intervals.interval import INFINITE, Interval, interval
from refseq.fields.differential import Dual
from refseq.primitives import clip, exp, log, relu, sigmoid, sqrt, tanh

QUICK = [theorem for theorem in proofs.theorems("intervals") if not theorem.name.startswith("run/")]


@pytest.mark.parametrize("theorem", QUICK, ids=lambda theorem: theorem.name)
def test_every_theorem(theorem):
    result = proofs.prove(theorem)
    assert result.verdict == PROVED, result.detail
    assert result.planted


numbers = st.floats(-50, 50, allow_subnormal=False)
boxes = st.tuples(numbers, numbers, st.floats(0, 1))


def contains(found: Interval, value: float) -> bool:
    """Whether the value, known to 1e-13 of it, may be in the interval."""
    slack = 1e-13 * (1 + abs(value))
    return bool(found.low <= value + slack) and bool(found.high >= value - slack)


OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "1 - x": lambda a, b: 1 - a + 0 * b,
    "2 x": lambda a, b: 2 * a - b * 1,
    "tanh": lambda a, b: tanh(a) * sigmoid(b),
    "relu": lambda a, b: relu(a) - exp(b / 20),
}


@pytest.mark.parametrize("name", OPERATIONS)
@given(first=boxes, second=boxes)
def test_the_values_of_points_are_inside(name, first, second):
    operation, points, sides = OPERATIONS[name], [], []
    for one, other, at in (first, second):
        low, high = min(one, other), max(one, other)
        sides.append(Interval(arb(low), arb(high)))
        points.append(min(max(low + at * (high - low), low), high))
    if name == "/" and abs(points[1]) < 1e-3:
        return
    assert contains(operation(*sides), operation(*points))


@given(low=st.floats(0, 50), high=st.floats(0, 50))
def test_roots_and_logarithms(low, high):
    low, high = min(low, high), max(low, high)
    box = Interval(arb(low), arb(high))
    assert contains(sqrt(box), math.sqrt(high))
    assert contains(log(box), math.log(high) if high else -math.inf) or not high
    bound = Interval(arb(1), arb(2))
    assert contains(clip(box - 25, bound), clip(low - 25.0, 1.0))
    assert contains(clip(box - 25, bound), clip(high - 25.0, 2.0))


def test_ends_that_are_approached():
    real = Interval(*REAL)
    assert str(sigmoid(real)) == "[0, 1]"
    assert str(tanh(real)) == "[-1, 1]"
    assert str(real - real) == "[-inf, inf]"
    assert str(Interval(0, 1) * Interval(1, INFINITE)) == "[-inf, inf]"  # the limit of 0 x may be anything
    assert str(Interval(1, 2) * Interval(1, INFINITE)) == "[1, inf]"
    assert real * 0 == 0  # an exact 0 is no limit
    assert str(1 / Interval(-1, 1)) == "[-inf, inf]"
    with pytest.raises(TypeError, match="cannot be combined with str"):
        interval("x")


def test_halving_decides_where_monotonicity_does_not():
    """x (1 - x) <= 0.26 on [0, 1] has its largest value inside."""

    def excess(at):
        return lambda n: n["x"] * (1 - n["x"]) - Dual(Interval(arb(at)), 0)

    box = {"x": Interval(0, 1)}
    answer = decide(Bound("parabola", excess("0.26"), box))
    assert isinstance(answer, Proved)
    assert int(answer.shown.split()[0]) > 1
    answer = decide(Bound("parabola", excess("0.24"), box))
    assert isinstance(answer, Refuted)
    assert "x = 0.5" in answer.counterexample
    assert isinstance(decide(Bound("parabola", excess("0.25"), box)), Proved)  # halved where it is largest

    def cubic(n):
        return n["x"] * (1 - n["x"]) * (1 - n["x"]) * 27 - 4

    answer = decide(Bound("cubic", cubic, box))  # largest at 1/3, where no halving gets
    assert isinstance(answer, Undecided)
    assert "not decided on x = " in answer.reason


def test_the_sign_of_a_derivative():
    """By the activation's value where that is right, and by the number itself where it is not."""
    box = {"a": Interval(-3, 3), "h": Interval(arb("0.5")), "n": Interval(arb("0.25"))}

    def mixed(n):
        z = sigmoid(n["a"])
        return z * n["h"] + (1 - z) * n["n"]

    assert str(slope(mixed, box, "a")) == "[0.25, 0.25]"

    def twice(n):
        return sigmoid(n["a"]) - tanh(n["a"])

    found = slope(twice, box, "a")  # d sigmoid - d tanh: at 0 it is 1/4 - 1, far out it is positive
    assert found.low < 0 < found.high
    assert str(slope(lambda n: 2 * n["a"], box, "a")) == "[2, 2]"
    assert str(slope(lambda n: n["a"], box, "a")) == "[1, 1]"
    assert str(slope(lambda n: 1 - n["a"], box, "a")) == "[-1, -1]"


def test_a_seed_that_is_taken_twice_says_so():
    seed = Seed()
    assert seed + 0 is seed
    assert (seed * 3, -seed, seed.taken) == (3, -1, 2)


@pytest.mark.parametrize("name", ["outputs", "growth", "contained", "gates", "slopes", "activations", "edges"])
def test_a_false_bound_is_refuted(name):
    answer = getattr(ranges, name)(True)
    assert isinstance(answer, Refuted)
    assert "exceeded by" in answer.counterexample


def test_a_wrong_cell_leaves_its_bounds():
    """A GRU that forgets the complement of its update gate, and an LSTM that adds its gate to the candidate."""
    gru, lstm = cell_of("gru"), cell_of("lstm")
    assert isinstance(every(ranges._invariant(gru, "h", {})), Proved)

    def sums(a, s, p):
        (z, n), (h,) = (sigmoid(a[0]), tanh(a[1])), s
        return (z * h + n,), (z, n)

    wrong = replace(gru, stages=(gru.stages[0], replace(gru.stages[1], forward=sums)))
    assert isinstance(every(ranges._invariant(wrong, "h", {})), Refuted)

    def added(a, s, p):
        (_, h1), kept = lstm.stages[0].forward(a, s, p)
        return (kept[1] * s[1] + kept[0] + kept[2], h1), kept

    wrong = replace(lstm, stages=(replace(lstm.stages[0], forward=added),))
    for cell, expected in ((lstm, Proved), (wrong, Refuted)):
        assert isinstance(every(by_sign(cell, "c", lambda made, _: made["c1"], lambda size: size + 1)), expected)


def test_a_counterexample_of_a_bound_is_one():
    """The coupled cell with the gate's complement forgotten grows: by its own numbers."""
    bound = Bound("f c + g", lambda n: sigmoid(n["f"]) * n["c"] + tanh(n["g"]) - 1, {
        "f": Interval(*REAL), "g": Interval(*REAL), "c": Interval(-1, 1)
    })  # fmt: skip
    answer = every([bound])
    assert isinstance(answer, Refuted)
    at = dict(
        part.split(" = ") for part in answer.counterexample.removeprefix("at ").partition(" it is")[0].split(", ")
    )
    f, g, c = (float(at[name]) for name in ("f", "g", "c"))
    assert 1 / (1 + math.exp(-f)) * c + math.tanh(g) > 1
    assert np.isfinite([f, g, c]).all()
