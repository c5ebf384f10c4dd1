"""The oracle: exactly the known values of a linear network, narrow balls elsewhere, a refusal where it cannot tell."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from flint import arb

import refseq
from refseq.arrays import lift
from refseq.checks import exact
from refseq.checks.exact import Enclosure, Unenclosed, enclose
from refseq.checks.function import Point
from refseq.checks.problem import draw
from refseq.fields.differential import Dual, Node
from tests.examples import LAYERS, example

LINEAR = refseq.layer("elman", 3, 4, activation="identity")
STEPS, ROWS = 4, 3


def fractions(array):
    """An exact copy: rational numbers, which know no rounding."""
    return np.vectorize(Fraction, otypes=[object])(array)


def by_hand(problem):
    """h = W x + U h + b and its gradient by the textbook, in rational numbers."""
    W, U, b = (fractions(problem.params[name][0]) for name in ("W_hx", "W_hh", "b_h"))
    x, h0, dy, dh = map(fractions, (problem.x, problem.state["h"][0], problem.dy, problem.dstate["h"][0]))
    y, total = np.full(dy.shape, Fraction(0)), {"dW_hx": W * 0, "dW_hh": U * 0, "db_h": b * 0}
    dx, dh0, final = np.full(x.shape, Fraction(0)), dh.copy(), h0.copy()
    for row, length in enumerate(problem.counts):
        h = [h0[row]]
        for t in range(length):
            h.append(W @ x[t, row] + U @ h[-1] + b)
            y[t, row] = h[-1]
        final[row], cotangent = h[-1], dh[row]
        for t in reversed(range(length)):
            cotangent = cotangent + dy[t, row]
            total["dW_hx"] += np.outer(cotangent, x[t, row])
            total["dW_hh"] += np.outer(cotangent, h[t])
            total["db_h"] += cotangent
            dx[t, row], cotangent = W.T @ cotangent, U.T @ cotangent
        dh0[row] = cotangent
    return {"y": y, "state[h]": final[None], "dx": dx, "dstate[h]": dh0[None]} | {n: v[None] for n, v in total.items()}


@pytest.mark.parametrize("padded", [False, True])
def test_a_linear_network_with_dyadic_weights_is_exact(padded):
    problem = draw(LINEAR, "float64", STEPS, ROWS, "coarse", padded=padded)
    dyadic = {name: np.round(value * 8) / 8 for name, value in problem.params.items()}
    problem = replace(problem, params=dyadic)
    found, expected = enclose(problem), by_hand(problem)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        assert np.array_equal(fractions(found[name].high), values), name
        assert not found[name].low.any()
        assert not found[name].radius.any()


def test_high_plus_low_is_nearer_than_any_float():
    """Not exact in float64 any more: the enclosure still holds the rational value, in two floats and a radius."""
    problem = draw(LINEAR, "float64", STEPS, ROWS, "generic")
    for name, values in by_hand(problem).items():
        found = enclose(problem)[name]
        distance = np.abs(values - fractions(found.high) - fractions(found.low))
        assert np.all(distance <= fractions(found.radius)), name
        assert np.all(found.radius <= 2.0**-58 * np.abs(found.high))
    assert any(found.low.any() for found in enclose(problem).values())


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_more_bits_change_nothing(layer, monkeypatch):
    """Starting with too few bits ends, by doubling, within the enclosures."""
    problem = example(layer, steps=3, rows=2)
    monkeypatch.setattr(exact, "FIRST_BITS", 24)
    coarse, fine = enclose.__wrapped__(problem), enclose(problem)
    for name, found in fine.items():
        difference = np.abs((coarse[name].high - found.high) + (coarse[name].low - found.low))
        assert np.all(difference <= coarse[name].radius + found.radius + 2.0**-104 * np.abs(found.high)), name


def test_what_needs_more_bits_than_allowed_is_refused(monkeypatch):
    monkeypatch.setattr(exact, "LAST_BITS", 128)
    problem = draw(refseq.layer("lstm", 3, 6), "float64", 60, 1, "saturated", padded=False)
    problem = replace(problem, params=problem.params | {"W_hh": 1.5 * problem.params["W_hh"]})
    with pytest.raises(Unenclosed, match="128 bits"):
        enclose.__wrapped__(problem)
    monkeypatch.undo()
    assert enclose(problem)["y"].high.shape == (60, 1, 6)


def test_what_no_float_can_hold_is_refused():
    problem = draw(LINEAR, "float64", 3, 2, padded=False)
    huge = {name: value * 1e160 for name, value in problem.params.items()}
    with pytest.raises(Unenclosed, match="beyond the range of float64"):
        enclose(replace(problem, params=huge))


def test_a_kink_that_no_precision_resolves_is_refused():
    """relu at an inexact zero. (The parameters of a layer are exact, so this one is planted.)"""
    problem = draw(refseq.layer("elman", 3, 4, activation="relu"), "float64", 2, 1, padded=False)
    blurred = {name: lift(array, lambda _: arb(0, 1e-3)) for name, array in problem.values.items()}
    with pytest.raises(Unenclosed, match="kink of relu"):
        enclose(Point(problem.layer, "float64", "blurred", problem.function, blurred, problem.cotangents))


@pytest.mark.parametrize(
    ("kind", "operation"), [(Node, "__mul__"), (Node, "__add__"), (Dual, "__mul__"), (Dual, "__neg__")]
)
def test_an_error_in_one_mode_is_a_contradiction(kind, operation, monkeypatch):
    """The oracle does not answer when its two derivatives disagree."""
    right = getattr(kind, operation)

    def wrong(self, *other):
        result = right(self, *other)
        if kind is Dual:
            return Dual(result.value, result.tangent * 2)
        result.parents = [(parent, slope * 2) for parent, slope in result.parents]
        return result

    monkeypatch.setattr(kind, operation, wrong)
    with pytest.raises(AssertionError, match="contradicts itself"):
        enclose.__wrapped__(draw(refseq.layer("gru", 2, 3), "float64", 2, 1, seed=9))


def test_the_error_of_a_candidate():
    one = Enclosure(np.array([1.0, 1.0, 0.0, 1.0, 1.0]), np.full(5, 2.0**-70), np.full(5, 2.0**-90))
    candidate = np.array([1.0, 1.0 + 2.0**-52, np.nan, np.inf, -np.inf])
    expected = [2.0**-70 + 2.0**-90, 2.0**-52 - 2.0**-70 + 2.0**-90, np.inf, np.inf, np.inf]
    np.testing.assert_allclose(one.error(candidate), expected, rtol=2.0**-50)


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_constants_are_those_that_the_precision_can_hold(dtype, stacked):
    """A memory clipped to 0.001 in single precision is clipped to the single nearest to it, without an error."""
    layer, name = refseq.layer("lstm", 3, 4, clip=1e-3), "state[c]"
    if stacked:
        layer, name = refseq.stack(layer), "state[0.c]"
    memory = enclose(draw(layer, dtype, 3, 2, padded=False))[name]
    assert np.max(np.abs(memory.high)) == float(np.dtype(dtype).type(1e-3))
    assert not memory.low.any()
