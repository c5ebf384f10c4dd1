"""Certificates of runs, and the bounds and norms below them."""

from fractions import Fraction

import numpy as np
import pytest
from flint import arb
from hypothesis import given
from hypothesis import strategies as st

import refseq
from proofs import Proved, Refuted
from proofs.intervals import runs
from proofs.intervals.certificate import certify
from proofs.intervals.computed import Computed
from proofs.intervals.norm import is_positive_definite, norm_at_least, norm_at_most, verified_gamma, verified_norm
from refseq.dynamics import gamma_bound
from refseq.fields.ball import precision
from refseq.primitives import sigmoid, tanh
from tests.conftest import framework

CASES = [
    ("elman", {}),
    ("elman", {"activation": "relu"}),
    ("lstm", {"layers": 2}),
    ("lstm", {"normalise": True}),
    ("lstm_peephole", {"clip": 0.5}),
    ("gru", {"reset": "after"}),
    ("gru", {"zoneout": True}),
    ("skip", {"delay": 2}),
]
STEPS, ROWS = 20, 2


def orbit(layer, dtype, seed=0):
    """Parameters, inputs, masks and the states of a run, by the plain interpreter rounding to this precision."""
    rng = np.random.default_rng(seed)
    params = {name: (0.5 * rng.normal(size=shape)).astype(dtype) for name, shape in layer.shapes.items()}
    x = rng.normal(size=(STEPS, ROWS, layer.inputs)).astype(dtype)
    masks = {n: rng.choice([0.0, 0.5, 1.0], s).astype(dtype) for n, s in layer.mask_shapes(STEPS, ROWS).items()}
    objects = {name: value.astype(object) if dtype == "float64" else boxed(value) for name, value in params.items()}
    states = {name: [rng.normal(size=layer.state_shape(ROWS, name)).astype(dtype)] for name in layer.states}
    for t in range(STEPS):
        before = {name: boxed(values[-1]) for name, values in states.items()}
        inside = {name: boxed(mask[:, t : t + 1]) for name, mask in masks.items()}
        after = layer.forward(objects, boxed(x[t : t + 1]), before, target="reference", masks=inside).state
        for name, values in states.items():
            values.append(after[name].astype(dtype))
    return params, x, masks, {name: np.array(values) for name, values in states.items()}


def boxed(array):
    """Objects that are numpy's numbers of this precision, so that every operation rounds to it."""
    result = np.empty(array.shape, object)
    for index in np.ndindex(array.shape):
        result[index] = array[index]
    return result


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("name", "options"), CASES)
def test_a_correct_run_is_certified_and_a_small_error_is_seen(name, options, dtype):
    layer = refseq.layer(name, 2, 3, **options)
    params, x, masks, states = orbit(layer, dtype)
    certificate = certify(layer, params, x, states, masks=masks)
    assert certificate.holds, certificate.ratio
    assert certificate.ratio < 0.5
    eps = np.finfo(dtype).eps
    state = layer.states[-1]
    wrong = {key: value.copy() for key, value in states.items()}
    wrong[state][STEPS // 2, 0, 1, 2] += 200 * eps * (1 + abs(wrong[state][STEPS // 2, 0, 1, 2]))
    spoiled = certify(layer, params, x, wrong, masks=masks)
    assert not spoiled.holds
    assert spoiled.worst[1] in (STEPS // 2 - 1, STEPS // 2)


def test_a_nan_is_not_certified():
    layer = refseq.layer("elman", 2, 3)
    params, x, masks, states = orbit(layer, "float64")
    states["h"][5, 0, 0, 0] = np.nan
    certificate = certify(layer, params, x, states)
    assert not certificate.holds
    assert certificate.worst[1] in (4, 5)


def test_the_run_of_another_library():
    """Every step of torch's GRU, from what it gives out."""
    torch = framework("torch")
    from refseq.adapters.torch import TorchImplementation

    torch.manual_seed(0)
    judged = TorchImplementation(torch.nn.GRU(2, 3))
    layer, params = judged.layer, judged.parameters()
    rng = np.random.default_rng(0)
    x = rng.normal(size=(STEPS, ROWS, 2)).astype("float32")
    h = rng.normal(size=(1, ROWS, 3)).astype("float32")
    y, _ = judged.forward(params, x, {"h": h}, np.full(ROWS, STEPS))
    certificate = certify(layer, params, x, {"h": np.concatenate([h[None], y[:, None]])})
    assert certificate.holds, certificate.ratio


def test_what_cannot_be_certified():
    layer = refseq.layer("elman", 2, 3)
    params, x, _, states = orbit(layer, "float64")
    with pytest.raises(ValueError, match=r"states\['h'\]: expected shape \(21, 1, 2, 3\), got \(20, 1, 2, 3\)"):
        certify(layer, params, x, {"h": states["h"][1:]})
    with pytest.raises(ValueError, match="states"):
        certify(layer, params, x, {"c": states["h"]})
    with pytest.raises(TypeError, match="float32"):
        certify(layer, params, x.astype("float32"), states)
    both = refseq.layer("elman", 2, 3, bidirectional=True)
    with pytest.raises(ValueError, match="a certificate runs forward in time only"):
        certify(both, both.initialise(0), x, states)
    with pytest.raises(ValueError, match=r"gamma: expected a number in \[0, 1\), got 1"):
        certify(layer, params, x, states).drift(1)


def test_no_steps_and_no_rows():
    layer = refseq.layer("gru", 2, 3)
    params, x, _, states = orbit(layer, "float64")
    assert certify(layer, params, x[:0], {"h": states["h"][:1]}).holds
    empty = certify(layer, params, x[:, :0], {"h": states["h"][:, :, :0]})
    assert empty.residual["h"].shape == (STEPS, 1, 0, 3)
    assert empty.holds


def test_drift_adds_up():
    """d_t = gamma d_{t-1} + |residual_t|, for each row, over all states and layers."""
    layer = refseq.layer("lstm", 2, 3, layers=2)
    params, x, _, states = orbit(layer, "float32")
    certificate = certify(layer, params, x, states)
    d = np.zeros(ROWS)
    for t, found in enumerate(certificate.drift(0.5)):
        d = 0.5 * d + np.sqrt(sum(np.sum(r[t] ** 2, axis=(0, 2)) for r in certificate.residual.values()))
        assert np.all(found >= d)
        assert np.allclose(found, d, rtol=1e-6, atol=0)


def test_planted_errors_of_the_runs_are_refuted():
    assert isinstance(runs.local("gru", 30), Proved)
    assert isinstance(runs.local("gru", 30, True), Refuted)
    assert isinstance(runs.contracting(30), Proved)
    assert isinstance(runs.contracting(30, True), Refuted)


exact = st.fractions(-4, 4, max_denominator=64)


@given(st.lists(exact, min_size=3, max_size=6), st.lists(exact, min_size=6, max_size=6), st.permutations(range(3)))
def test_the_bound_holds_for_every_order(a, b, order):
    """A sum of products in float32, in any order, against its exact value and the bound."""
    u = 2.0**-24
    pairs = [(np.float32(float(p)), np.float32(float(q) / 3)) for p, q in zip(a, b, strict=False)]
    total = Computed.exact(0.0, u)
    for p, q in pairs:
        total = total + Computed.exact(float(p), u) * Computed.exact(float(q), u)
    true = sum(Fraction(float(p)) * Fraction(float(q)) for p, q in pairs)
    assert abs(total.value - arb(true.numerator) / true.denominator) < arb(2) ** -40
    found = np.float32(0)
    for k in [*order, *range(3, len(pairs))]:
        found = found + pairs[k][0] * pairs[k][1]
    assert abs(Fraction(float(found)) - true) <= Fraction(total.bound)


@given(st.floats(-8, 8))
def test_the_bound_of_activations_and_quotients(x):
    u = 2.0**-24
    given = np.float32(x)
    number = Computed.exact(float(given), u)
    computed = tanh(given) / (np.float32(2) + sigmoid(given))
    with precision(128):
        bounded = tanh(number) / (2 + sigmoid(number))
        error = abs(arb(float(computed)) - bounded.value)
        assert error <= bounded.bound
        assert bounded.bound <= 64 * u
        assert not (number / (number - number)).bound < float("inf")


def test_computed_numbers_mix_with_integers_only():
    with pytest.raises(TypeError, match="cannot be combined with float"):
        Computed.exact(1.0, 2.0**-53) + 0.5


@pytest.mark.parametrize("size", [1, 2, 5, 9])
def test_norms_are_enclosed(size):
    matrix = np.random.default_rng(size).normal(size=(size, size))
    with precision(128):
        found = verified_norm(matrix)
        balls = np.array([[arb(v) for v in row] for row in matrix], object)
        norm = float(np.linalg.norm(matrix, 2))
        assert found.low * (1 - 1e-12) <= norm <= found.high
        assert found.high - found.low <= 1e-11 * norm
        assert not norm_at_most(balls, found.low * (1 - 1e-9))
        assert norm_at_least(balls) <= found.high
        gamma = verified_gamma(matrix[None], "sigmoid")
    assert abs(gamma - gamma_bound(matrix, "sigmoid").value) <= 1e-11 * gamma


def test_a_rotation_and_a_nilpotent_matrix():
    """Norms that the largest entry, or the spectral radius, does not tell."""
    with precision(128):
        assert verified_norm(np.array([[0.6, -0.8], [0.8, 0.6]])).high == pytest.approx(1, abs=1e-11)
        assert verified_norm(np.array([[0.0, 10.0], [0.0, 0.0]])).low == pytest.approx(10)
        assert not is_positive_definite(np.array([[arb(1), arb(2)], [arb(2), arb(1)]], object))
    with pytest.raises(ValueError, match="activation"):
        verified_gamma(np.eye(2), "softmax")
    with pytest.raises(ValueError, match="W_hh: expected one matrix"):
        verified_gamma(np.ones((2, 3, 3)), "tanh")
