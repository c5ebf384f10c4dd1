"""``refseq.checks.gradient``: differences at every entry, in batches whose rows differ in one number."""

import numpy as np
import pytest

import refseq
from refseq.checks import OwnImplementation
from refseq.checks.entries import STEP, extrapolate, quotients, rounding_of, screen
from refseq.checks.gradient import _problem
from refseq.checks.problem import inputs

LENGTHS = [6, 0, 3]


class Wrong:
    """refseq's own gradient with one entry of one tensor off."""

    name = "wrong"

    def __init__(self, layer, tensor, entry, factor):
        self.own, self.tensor, self.entry, self.factor = OwnImplementation(layer), tensor, entry, factor

    def forward(self, *given, **masks):
        return self.own.forward(*given, **masks)

    def vjp(self, *given, **masks):
        params, x, state = self.own.vjp(*given, **masks)
        arrays = {**params, "x": x, **{f"state[{name}]": value for name, value in state.items()}}
        arrays[self.tensor].flat[self.entry] *= self.factor
        return params, x, state


def example(name, **options):
    layer = refseq.layer(name, 3, 5, **options)
    rng = np.random.default_rng(0)
    params = {key: value + 0.1 * rng.normal(size=value.shape) for key, value in layer.initialise(0).items()}
    x = rng.normal(size=(6, 3, 3))
    state = {key: rng.normal(size=layer.state_shape(3, key)) for key in layer.states}
    masks = {key: rng.choice([0.0, 0.5, 1.0], shape) for key, shape in layer.mask_shapes(6, 3).items()}
    return layer, {"params": params, "x": x, "state": state, "lengths": LENGTHS, "masks": masks}


CASES = [
    ("lstm", {"layers": 2, "bidirectional": True}),
    ("gru", {"reset": "before"}),
    ("gru", {"reset": "after"}),
    ("leaky", {"learn": "layer"}),
    ("jordan", {"outputs": 2, "output": "softmax"}),
    ("lstm", {"projection": 2, "zoneout": False}),
    ("lstm_peephole", {"peephole": "full", "output_sees": "new"}),
    ("elman", {"dropout": True}),
]


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_a_right_gradient_passes_and_every_tensor_is_looked_at(name, options):
    layer, given = example(name, **options)
    report = refseq.checks.gradient(OwnImplementation(layer), layer, **given)
    assert (report.verdict, report.findings) == ("pass", [])
    problem = _problem(layer, **given, dy=None, dstate=None)
    run = layer.forward(problem.params, problem.x, problem.state, LENGTHS, masks=problem.masks)
    grads = layer.backward(run, problem.dy, problem.dstate)
    expected = {**{f"d{key}": value for key, value in grads.params.items()}, "dx": grads.x}
    expected |= {f"dstate[{key}]": value for key, value in grads.state.items()}
    assert set(expected) == set(inputs(problem))
    for tensor, value in expected.items():
        found = screen(problem, tensor, rounding_of(problem))
        assert np.all(np.abs(found.values - value) <= 6 * found.errors)
        assert found.errors.max() < 1e-6


@pytest.mark.parametrize("tensor", ["W_hx", "W_hh", "b_h", "x", "state[h]", "state[c]"])
def test_one_wrong_entry_is_found_and_named(tensor):
    layer, given = example("lstm")
    report = refseq.checks.gradient(Wrong(layer, tensor, 2, 1 + 1e-4), layer, **given)
    (finding,) = report.findings
    assert report.verdict == "fail"
    assert finding.tensor == "d" + tensor
    assert abs(finding.actual / finding.expected - 1 - 1e-4) < 1e-6
    assert "1 of" in finding.message


def test_a_nan_is_wrong():
    layer, given = example("gru")
    report = refseq.checks.gradient(Wrong(layer, "W_hh", 7, np.nan), layer, **given)
    assert report.verdict == "fail"
    assert report.findings[0].tensor == "dW_hh"


def test_a_kink_within_the_step_is_no_error_of_the_gradient():
    layer = refseq.layer("elman", 1, 1, activation="relu")
    params = {"W_hx": np.ones((1, 1, 1)), "W_hh": np.ones((1, 1, 1)), "b_h": np.zeros((1, 1))}
    near = np.full((1, 1, 1), STEP / 4)  # one side of the difference is on the other branch
    report = refseq.checks.gradient(OwnImplementation(layer), layer, params=params, x=near, dy=np.ones((1, 1, 1)))
    assert report.verdict == "undecided"
    assert not report.findings


def test_extrapolation_knows_its_error():
    layer, given = example("lstm")
    problem = _problem(layer, **given, dy=None, dstate=None)
    entries = np.array([0, 7, 31])
    run = layer.forward(problem.params, problem.x, problem.state, LENGTHS)
    exact = layer.backward(run, problem.dy, problem.dstate).params["W_hx"].flat[entries]
    found = extrapolate(problem, "dW_hx", entries, rounding_of(problem))
    coarse = quotients(problem, "dW_hx", entries, 2.0**-6)
    assert np.all(np.abs(found.values - exact) <= found.errors)
    assert np.all(found.errors < 1e-9)
    assert np.all(np.abs(coarse - exact) > 1e-6)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"x": np.zeros((6, 3, 3), np.float32)}, TypeError, "x: expected dtype float64"),
        ({"lengths": [7, 0, 3]}, ValueError, "lengths"),
        ({"dy": np.zeros((6, 3, 4))}, ValueError, "dy: expected shape"),
        ({"params": {}}, ValueError, "params"),
    ],
)
def test_bad_input(change, error, words):
    layer, given = example("lstm")
    with pytest.raises(error, match=words):
        refseq.checks.gradient(OwnImplementation(layer), layer, **{**given, **change})


def test_the_layer_is_one_of_refseq():
    layer, given = example("lstm")
    with pytest.raises(TypeError, match="layer: expected a refseq Layer"):
        refseq.checks.gradient(OwnImplementation(layer), "lstm", **given)
