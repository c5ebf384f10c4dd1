"""A stack of different layers is their composition, forward and backward, and is judged like a layer."""

import pickle

import numpy as np
import pytest

import refseq
from refseq.checks import OwnImplementation, verify
from refseq.checks.problem import draw

STACK = refseq.stack(
    refseq.layer("lstm", 3, 4, bidirectional=True, merge="sum"),
    refseq.layer("gru", 4, 5, zoneout=True),
    refseq.layer("output", 5, 2, activation="softmax"),
)

X, MASKS = np.ones((3, 2, 3)), {"1.zoneout_h": np.ones((1, 1, 2, 5))}
STATE = dict.fromkeys(STACK.states)


def test_names_and_sizes():
    assert (STACK.inputs, STACK.outputs) == (3, 2)
    assert STACK.states == ("0.h", "0.c", "1.h", "2.y")
    assert STACK.shapes["0.W_hh_reverse"] == (4, 4, 4)
    assert STACK.shapes["2.W_yh"] == (1, 2, 5)
    assert STACK.state_shape(7, "0.c") == (2, 7, 4)
    assert STACK.mask_shapes(6, 7) == {"1.zoneout_h": (1, 6, 7, 5)}
    assert str(STACK).startswith("lstm 3->4 bidirectional sum + gru(reset=before, zoneout=True) 4->5 + output(")


def test_it_is_the_composition_of_its_layers():
    problem = draw(STACK, "float64", 6, 5)
    arguments = (problem.params, problem.x, problem.state, problem.lengths)
    run = STACK.forward(*arguments, masks=problem.masks)
    grads = STACK.backward(run, problem.dy, problem.dstate)

    def own(number, arrays):
        return {n.partition(".")[2]: v for n, v in arrays.items() if n.startswith(f"{number}.")}

    x, runs = problem.x, []
    for number, layer in enumerate(STACK.layers):
        masks = own(number, problem.masks)
        one = layer.forward(own(number, problem.params), x, own(number, problem.state), problem.lengths, masks=masks)
        runs.append(one)
        x = one.y
    assert np.array_equal(run.y, x)
    dy = problem.dy
    for number in (2, 1, 0):
        assert all(np.array_equal(run.state[f"{number}.{n}"], v) for n, v in runs[number].state.items())
        back = STACK.layers[number].backward(runs[number], dy, own(number, problem.dstate))
        assert all(np.array_equal(grads.params[f"{number}.{n}"], v) for n, v in back.params.items())
        assert all(np.array_equal(grads.state[f"{number}.{n}"], v) for n, v in back.state.items())
        dy = back.x
    assert np.array_equal(grads.x, dy)


def test_it_passes_and_a_wrong_gradient_in_the_middle_is_named():
    assert verify(OwnImplementation(STACK, "reference"), STACK, quick=True).verdict == "pass"

    class Wrong(OwnImplementation):
        def vjp(self, *arguments, **masks):
            params, x, state = super().vjp(*arguments, **masks)
            params["1.W_hh"][2] *= 1 + 1e-6
            return params, x, state

    report = verify(Wrong(STACK, "reference"), STACK, quick=True)
    found = {(finding.tensor, finding.gate, finding.layer) for finding in report.findings if finding.gate}
    assert (report.verdict, found) == ("fail", {("d1.W_hh", "n", 1)})


def test_initial_parameters_come_from_one_seed():
    one, again, other = (STACK.initialise(seed=seed, dtype="float32") for seed in (3, 3, 4))
    assert one.keys() == STACK.shapes.keys()
    assert all(np.array_equal(one[name], again[name]) for name in one)
    assert not np.array_equal(one["0.W_hx"], other["0.W_hx"])
    assert {value.dtype for value in one.values()} == {np.dtype("float32")}


def test_it_is_pickled_and_compared_by_value():
    assert pickle.loads(pickle.dumps(STACK)) == STACK


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (refseq.stack, ValueError, "layers: expected at least one layer, got none"),
        (lambda: refseq.stack(refseq.layer("gru", 2, 3), "lstm"), TypeError, r"layers\[1\]: expected a refseq layer"),
        (
            lambda: refseq.stack(refseq.layer("gru", 2, 3), refseq.layer("gru", 4, 3)),
            ValueError,
            r"layers\[1\]: expected as many inputs as layers\[0\] has outputs; .* has 3 outputs and .* 4 inputs",
        ),
        (lambda: STACK.forward({}, np.zeros((1, 1, 3))), ValueError, "params: expected the keys"),
        (lambda: STACK.forward(3, np.zeros((1, 1, 3))), TypeError, "params: expected a dict"),
        (lambda: STACK.forward(None, np.zeros((1, 1, 3))), TypeError, "params: expected a dict"),
        (lambda: STACK.forward(STACK.initialise(), np.zeros((1, 1, 3))), ValueError, "masks: expected the keys"),
        (lambda: STACK.backward(3), TypeError, "run: expected a run of"),
    ],
)
def test_bad_input(call, error, words):
    with pytest.raises(error, match=words):
        call()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda p: STACK.forward(p | {"1.W_hx": p["1.W_hx"][:, :2]}, X, masks=MASKS), ValueError, r"params\['W_hx'\]"),
        (lambda p: STACK.forward(p, X, {**STATE, "1.h": np.ones((1, 2, 4))}, masks=MASKS), ValueError, r"state\['h'\]"),
        (lambda p: STACK.forward(p, X, masks={"1.zoneout_h": 1}), TypeError, r"masks\['zoneout_h'\]"),
        (lambda p: STACK.backward(STACK.forward(p, X, masks=MASKS), None, {**STATE, "1.h": 1}), TypeError, r"dstate\["),
        (lambda p: STACK.initialise(forget_bias=1.0), ValueError, "forget_bias: gru"),
    ],
)
def test_what_is_wrong_in_a_layer_is_said_with_its_number(call, error, words):
    with pytest.raises(error, match=rf"^layers\[1\]: {words}") as caught:
        call(STACK.initialise())
    assert type(caught.value) is error


def test_parameters_of_two_dtypes_are_called_by_their_names():
    params = STACK.initialise()
    mixed = {name: value.astype("float32") if name.startswith("1.") else value for name, value in params.items()}
    with pytest.raises(TypeError, match=r"params: expected one dtype.*'0.W_hx' is float64, '1.W_hx' is float32"):
        STACK.forward(mixed, np.ones((2, 1, 3)), masks={"1.zoneout_h": np.ones((1, 1, 1, 5))})
    with pytest.raises(TypeError, match="params: expected a dict of arrays, got NoneType"):
        STACK.forward(None, np.ones((2, 1, 3)), masks={"1.zoneout_h": np.ones((1, 1, 1, 5))})


@pytest.mark.parametrize("name", ["h", "7.h", "1.c"])
def test_a_state_that_it_does_not_have(name):
    with pytest.raises(ValueError, match=f"name: expected one of 0.h, 0.c, 1.h, 2.y; got '{name}'"):
        STACK.state_shape(2, name)
    with pytest.raises(ValueError, match="name: expected one of h, c; got 'x'"):
        refseq.layer("lstm", 3, 4).state_shape(2, "x")
