"""Forward mode is the transpose of BPTT, exactly over the finite field; both methods are right in floats."""

import numpy as np
import pytest
from flint import arb

import refseq
from refseq.arrays import lift
from refseq.checks.budget import THRESHOLD, sigma, with_stored
from refseq.checks.problem import draw
from refseq.fields.ball import precision
from refseq.fields.differential import Dual
from refseq.gradients import jvp
from refseq.gradients.tangents import METHODS
from tests.gradients.problems import (
    BOTH_WAYS,
    FLOATING,
    ONE_WAY,
    ROWS,
    STEPS,
    Case,
    dot,
    drawn,
    exact,
    exact_bptt,
    noise,
    parts,
    same,
)


@pytest.mark.parametrize("layer", [*ONE_WAY, *BOTH_WAYS], ids=str)
def test_it_is_the_transpose_of_bptt_exactly(layer):
    """<cotangents, J v> = <J^T cotangents, v> along each input by itself: parameters, x, initial state."""
    case, grads = exact(layer), exact_bptt(layer)
    for i, pulled in enumerate(parts(grads)):
        direction = [None, None, None]
        direction[i] = case.along[i]
        assert dot(case.asked, jvp(*case.given, *direction, **case.extra, method="dual numbers")) == dot(
            pulled, case.along[i]
        )


@pytest.mark.parametrize(
    "layer", [*FLOATING, refseq.layer("gru", 2, 3, reset="after", layers=2, bidirectional=True)], ids=str
)
def test_both_methods_are_true_within_the_rounding_noise_of_forward_mode(layer):
    """Every entry, against dual numbers over balls of 200 bits."""
    problem, case = draw(layer, "float64", STEPS, ROWS), drawn(layer)

    def tangents(given, along):
        """Of y and the final states, by dual numbers over any field."""

        def duals(value, tangent):
            pairs = zip(value.reshape(-1), tangent.reshape(-1), strict=True)
            result = np.empty(value.shape, object)
            result.reshape(-1)[:] = [Dual(*pair) for pair in pairs]
            return result

        params, x, state = (
            {n: duals(v, w[n]) for n, v in value.items()} if isinstance(value, dict) else duals(value, w)
            for value, w in zip((given.params, given.x, given.state), along, strict=True)
        )
        run = layer.forward(params, x, state, given.lengths, "reference")
        found = {"y": run.y, **run.state}
        return {name: np.vectorize(lambda n: n.tangent, otypes=[object])(value) for name, value in found.items()}

    def field(number):
        return tuple(
            {n: lift(v, number) for n, v in value.items()} if isinstance(value, dict) else lift(value, number)
            for value in case.along
        )

    def noisy(given):
        return tangents(given, field(next(iter(given.params.values())).flat[0].rounding.number))

    with precision(200):
        true = tangents(Case(problem, lambda array: lift(array, arb)), field(arb))
        true = {name: value.astype(float) for name, value in true.items()}
    spread = noise(noisy, problem)
    for method in METHODS:
        dy, final = jvp(*case.given, *case.along, method=method)
        for name, value in {"y": dy, **final}.items():
            error = np.abs(value - true[name])
            assert np.all(error <= THRESHOLD * with_stored(spread[name], true[name], "float64")), (method, name)


@pytest.mark.parametrize("method", METHODS)
def test_it_agrees_with_bptt_in_floats(method):
    """Within the gradient's budget, and as much again for the other side."""
    for layer in FLOATING:
        problem, case = draw(layer, "float64", STEPS, ROWS), drawn(layer)
        grads, budget = parts(case.bptt()), sigma(problem)
        params, x, state = case.along
        terms = [budget["d" + n] * v for n, v in params.items()] + [budget["dx"] * x]
        terms += [budget[f"dstate[{n}]"] * v for n, v in state.items()]
        spread = np.sqrt(sum(np.sum(term**2) for term in terms))
        sizes = dot(
            tuple({n: np.abs(v) for n, v in g.items()} if isinstance(g, dict) else np.abs(g) for g in grads),
            tuple({n: np.abs(v) for n, v in g.items()} if isinstance(g, dict) else np.abs(g) for g in case.along),
        )
        error = abs(dot(case.asked, jvp(*case.given, *case.along, method=method)) - dot(grads, case.along))
        assert error <= THRESHOLD * (2 * spread + np.finfo(float).eps * sizes)


def test_powers_of_two_scale_exactly():
    """Huge and tiny directions lose nothing: the complex step is scaled to the direction."""
    case = drawn(FLOATING[1])
    one = jvp(*case.given, *case.along)
    for power in (-900, -300, 300, 900):
        params, x, state = case.along
        scaled = jvp(
            *case.given,
            {n: np.ldexp(v, power) for n, v in params.items()},
            np.ldexp(x, power),
            {n: np.ldexp(v, power) for n, v in state.items()},
        )
        assert same((np.ldexp(scaled[0], -power), {n: np.ldexp(v, -power) for n, v in scaled[1].items()}), one)


def test_single_precision_is_computed_in_double_and_rounded_once():
    case, double = drawn(FLOATING[1], "float32"), drawn(FLOATING[1])
    double.params, double.state = (
        {n: v.astype(float) for n, v in given.items()} for given in (case.params, case.state)
    )
    double.x = case.x.astype(float)
    along = tuple(
        {n: v.astype(float) for n, v in g.items()} if isinstance(g, dict) else g.astype(float) for g in case.along
    )
    wide = jvp(*double.given, *along)
    narrow = jvp(*case.given, *case.along)
    assert same(narrow, (wide[0].astype("float32"), {n: v.astype("float32") for n, v in wide[1].items()}))


@pytest.mark.parametrize("method", METHODS)
def test_no_direction_and_no_steps(method):
    case = drawn(FLOATING[1])
    dy, final = jvp(*case.given, method=method)
    assert not dy.any()
    assert not any(value.any() for value in final.values())
    _, final = jvp(case.layer, case.params, case.x[:0], case.state, None, None, None, case.along[2], method=method)
    assert same(final, case.along[2])


@pytest.mark.parametrize("method", METHODS)
def test_the_padding_is_not_read(method):
    case = drawn(FLOATING[1])
    padding = np.arange(STEPS)[:, None] >= case.lengths
    params, dx, state = case.along
    expected = jvp(*case.given, params, dx, state, method=method)
    case.x[padding] = dx[padding] = np.nan
    assert same(jvp(*case.given, params, dx, state, method=method), expected)
    assert not expected[0][padding].any()


def test_the_closed_form_of_the_linear_network():
    """L1.14: y_T = w^(T-1) for an impulse at step 1, so dy_T/dw = (T-1) w^(T-2). T - 1 products, each rounded."""
    layer, steps = refseq.layer("elman", 1, 1, activation="identity", bias=False), 100
    x = np.zeros((steps, 1, 1))
    x[0] = 1
    for w in (0.99, 1.0, 1.01, -1.01, 0.01):
        params = {"W_hx": np.ones((1, 1, 1)), "W_hh": np.full((1, 1, 1), w)}
        for method in METHODS:
            dy, _ = jvp(layer, params, x, None, None, {"W_hx": None, "W_hh": np.ones((1, 1, 1))}, method=method)
            assert dy[-1, 0, 0] == pytest.approx((steps - 1) * w ** (steps - 2), rel=4 * steps * 2.0**-53)


def test_big_endian_and_read_only_arrays():
    case, other = drawn(FLOATING[1]), drawn(FLOATING[1])
    other.params = {name: value.astype(">f8") for name, value in case.params.items()}
    other.x = case.x.astype(">f8")
    other.x.flags.writeable = False
    assert same(jvp(*other.given, *case.along), jvp(*case.given, *case.along))


def test_what_is_refused():
    case = drawn(FLOATING[1])
    with pytest.raises(ValueError, match="method: expected one of complex step, dual numbers; got 'fast'"):
        jvp(*case.given, method="fast")
    with pytest.raises(TypeError, match="dx: expected dtype float64"):
        jvp(*case.given, None, case.x.astype("float32"))
    with pytest.raises(ValueError, match=r"dparams: expected the keys .*: missing \['W_hx'"):
        jvp(*case.given, {"W_hh": case.params["W_hh"]})
    with pytest.raises(ValueError, match=r"dstate\['h'\]: expected shape"):
        jvp(*case.given, None, None, {"h": case.state["h"][:, 1:], "c": None})
    with pytest.raises(TypeError, match="'complex step' takes float32, float64; got object"):
        jvp(*exact(FLOATING[1]).given)
