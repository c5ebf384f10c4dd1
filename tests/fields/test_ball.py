"""Balls enclose: what float64 computes lies within a few ULP of them, at any precision of the balls."""

import flint
import numpy as np
import pytest
from flint import arb

from refseq.arrays import lift
from refseq.checks.problem import draw
from refseq.fields.ball import precision
from refseq.layer import layer
from tests.every_primitive import PAIRS, PRIMITIVES


def test_precision_is_restored_even_after_an_error():
    before = flint.ctx.prec
    with precision(before + 100):
        assert flint.ctx.prec == before + 100
    assert flint.ctx.prec == before
    with pytest.raises(KeyError), precision(before + 100):
        raise KeyError
    assert flint.ctx.prec == before


@pytest.mark.parametrize("name", PRIMITIVES)
@pytest.mark.parametrize("x", [0.125, 0.75, 3.0])
def test_a_narrow_ball_lies_in_a_wide_one(name, x):
    """Inclusion: the image of a point is inside the image of every ball around it."""
    with precision(300):
        point = PRIMITIVES[name](arb(x))
        for radius in (0.0, 2.0**-60, 2.0**-10):
            assert PRIMITIVES[name](arb(x, radius)).contains(point)


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("x", [-2.5, -0.25, 0.25, 2.5])
def test_the_float_lies_at_the_ball(name, x):
    if name == "log":
        x = abs(x)
    with precision(100):
        ball = PAIRS[name][0](arb(x))
        assert ball.rad() < arb(2) ** -90
        assert float(ball) == pytest.approx(PAIRS[name][0](x), rel=4 * 2.0**-52)


def test_relu_at_and_around_its_kink():
    relu, slope = PAIRS["relu"]
    assert relu(arb(0)) == 0
    assert slope(relu(arb(0))) == 0
    assert relu(arb(0, 1)).contains(arb(0))
    assert relu(arb(0, 1)).contains(arb(1))


@pytest.mark.parametrize(("name", "options"), [("elman", {}), ("lstm", {}), ("gru", {}), ("gru", {"reset": "after"})])
def test_more_bits_lie_within_fewer(name, options):
    """A layer at 200 bits lies inside the same layer at 60 bits: both enclose the same number."""
    model = layer(name, 3, 4, **options)
    problem = draw(model, "float64", 4, 3)
    results = []
    for bits in (60, 200):
        with precision(bits):
            params, state = (
                {key: lift(value, arb) for key, value in arrays.items()} for arrays in (problem.params, problem.state)
            )
            run = model.forward(params, lift(problem.x, arb), state, problem.lengths, target="reference")
            grads = model.backward(run, lift(problem.dy, arb))
            results.append([*run.y.flat, *run.state["h"].flat, *grads.x.flat, *grads.params["W_hh"].flat])
    with precision(200):
        assert all(wide.contains(narrow) for wide, narrow in zip(*results, strict=True))
        assert np.mean([float(narrow.rad() - wide.rad()) for wide, narrow in zip(*results, strict=True)]) < 0
