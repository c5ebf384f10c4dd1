"""The public tree layer: names, shapes, purity, bad input."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

import refseq
from refseq.trees import balanced, catalogue, chain, from_children

LAYER = refseq.tree_layer("tree_lstm", 3, 4)
FOREST = balanced(3)
RNG = np.random.default_rng(0)
PARAMS = {name: RNG.normal(size=shape) for name, shape in LAYER.shapes.items()}
X, DY = RNG.normal(size=(5, 3)), RNG.normal(size=(5, 4))
STATE = {name: RNG.normal(size=(3, 4)) for name in "hc"}


def test_names_and_shapes():
    assert list(catalogue()) == ["recursive", "tree_lstm", "child_sum_tree_lstm"]
    assert LAYER.shapes == {
        "W_hx": (4, 4, 3),
        "W_hh_left": (5, 4, 4),
        "W_hh_right": (5, 4, 4),
        "b_h": (4, 4),
    }
    assert refseq.tree_layer("recursive", 0, 4, arity=3, bias=False).shapes == {
        "W_hh_child1": (1, 4, 4),
        "W_hh_child2": (1, 4, 4),
        "W_hh_child3": (1, 4, 4),
    }
    assert list(refseq.tree_layer("child_sum_tree_lstm", 3, 4).shapes) == ["W_hx", "W_hh", "b_h", "W_fx", "W_fh", "b_f"]
    assert str(LAYER) == "tree_lstm(arity=2) 3->4"
    assert (LAYER.arity, refseq.tree_layer("child_sum_tree_lstm", 3, 4).arity) == (2, None)


def test_parameters_are_drawn_as_for_a_recurrent_layer():
    params = LAYER.initialise(seed=1, scheme="identity", dtype="float32")
    assert {value.dtype for value in params.values()} == {np.dtype("float32")}
    assert np.array_equal(params["W_hh_left"][2], np.eye(4))
    assert not params["b_h"].any()
    unary = refseq.tree_layer("tree_lstm", 3, 4, arity=1).initialise(seed=3)
    assert all(np.array_equal(unary[k], v) for k, v in refseq.layer("lstm", 3, 4).initialise(seed=3).items())


def test_layers_are_values():
    for layer in (
        LAYER,
        refseq.tree_layer("recursive", 0, 4, activation="relu"),
        refseq.tree_layer("child_sum_tree_lstm", 2, 3),
    ):
        assert pickle.loads(pickle.dumps(layer)) == copy.deepcopy(layer) == layer
    assert refseq.tree_layer("tree_lstm", 3, 5) != LAYER


def test_inputs_are_not_changed_and_results_are_the_callers():
    given = {"x": X.copy(), **PARAMS, **STATE}
    before = {name: value.copy() for name, value in given.items()}
    run = LAYER.forward(PARAMS, given["x"], FOREST, STATE)
    expected = LAYER.backward(run, DY)
    run.y[:], run.state["h"][:] = 0, 0
    given["x"][:] = 7
    again = LAYER.backward(run, DY)
    assert np.array_equal(expected.x, again.x)
    assert np.array_equal(expected.state["c"], again.state["c"])
    assert all(np.array_equal(before[name], value) for name, value in given.items() if name != "x")
    assert run.info["target"] == "cpu"


def test_none_is_zero():
    run = LAYER.forward(PARAMS, X, FOREST, STATE)
    zero = np.zeros((5, 4))
    ours, theirs = LAYER.backward(run, None, {"h": DY, "c": None}), LAYER.backward(run, DY, {"h": zero, "c": zero})
    assert np.array_equal(ours.x, theirs.x)
    assert not LAYER.backward(run).x.any()
    assert LAYER.backward(LAYER.forward(PARAMS, X, FOREST), DY).state is None


def test_other_memory_layouts_are_the_same_numbers():
    run = LAYER.forward(PARAMS, X, FOREST)
    fortran = {name: np.asfortranarray(value) for name, value in PARAMS.items()}
    big = {name: value.astype(">f8") for name, value in PARAMS.items()}
    for params, x in ((fortran, np.repeat(X, 2, axis=0)[::2]), (big, X.astype(">f8"))):
        assert np.array_equal(LAYER.forward(params, x, FOREST).y, run.y)


def call(dy=None, dstate=None, layer=LAYER, **changes):
    given = {"params": PARAMS, "x": X, "forest": FOREST, "state": STATE} | changes
    return layer.backward(layer.forward(**given), dy, dstate)


NO_INPUT = refseq.tree_layer("recursive", 0, 4)
THREE = from_children([[], [], [], [0, 1, 2], []])
BAD = [
    (lambda: refseq.tree_layer("lstm", 3, 4), ValueError, ["name", "recursive, tree_lstm", "'lstm'"]),
    (lambda: refseq.tree_layer("recursive", -1, 4), ValueError, ["inputs", "at least 0"]),
    (lambda: refseq.tree_layer("recursive", 3, 0), ValueError, ["units", "at least 1"]),
    (lambda: refseq.tree_layer("recursive", 3, 4, arity=0), ValueError, ["arity", "at least 1", "0"]),
    (lambda: refseq.tree_layer("recursive", 3, 4, arity="2"), TypeError, ["arity", "integer", "str"]),
    (lambda: refseq.tree_layer("recursive", 3, 4, x=True), ValueError, ["'x'", "inputs = 3"]),
    (lambda: refseq.tree_layer("child_sum_tree_lstm", 3, 4, arity=2), ValueError, ["'arity'", "not an option"]),
    (lambda: refseq.tree_layer("tree_lstm", 3, 4, activation="relu"), ValueError, ["'activation'", "not an option"]),
    (lambda: refseq.tree_layer("tree_lstm", 3, 4, zoneout=True), ValueError, ["'zoneout'", "not an option"]),
    (lambda: refseq.tree_layer("tree_lstm", 3, 4, bias=1), TypeError, ["bias", "True or False"]),
    (lambda: refseq.tree_layer("recursive", 3, 4, arity=33), ValueError, ["arity", "at most 32", "33"]),
    (lambda: replace(LAYER, inputs=0), ValueError, ["inputs", "at least 1", "0"]),
    (lambda: replace(NO_INPUT, inputs=3), ValueError, ["inputs", "no input", "3"]),
    (lambda: replace(LAYER, units=0), ValueError, ["units", "at least 1"]),
    (lambda: LAYER.initialise(scheme="xavier"), ValueError, ["scheme", "'xavier'"]),
    (lambda: LAYER.initialise(dtype="int8"), ValueError, ["dtype", "'int8'"]),
    (lambda: LAYER.initialise(gain=0), ValueError, ["gain", "positive"]),
    (lambda: LAYER.initialise(seed=-1), ValueError, ["seed", "at least 0"]),
    (lambda: call(params={}), ValueError, ["params", "missing", "W_hh_left"]),
    (lambda: call(params=PARAMS | {"b_h": np.ones((5, 4))}), ValueError, ["params['b_h']", "(4, 4)", "(5, 4)"]),
    (lambda: call(params=PARAMS | {"b_h": np.full((4, 4), np.nan)}), ValueError, ["params['b_h']", "NaN"]),
    (lambda: call(params=PARAMS | {"b_h": np.ones((4, 4), "f4")}), TypeError, ["params", "one dtype"]),
    (lambda: call(x=None), TypeError, ["x", "numpy array", "NoneType"]),
    (lambda: call(x=X[:4]), ValueError, ["x", "(5, 3)", "(4, 3)"]),
    (lambda: call(x=X.astype("f4")), TypeError, ["x", "float64", "float32"]),
    (lambda: call(layer=NO_INPUT, params=NO_INPUT.initialise()), ValueError, ["x", "None", "no inputs"]),
    (lambda: call(forest=[[], [0]]), TypeError, ["forest", "Forest", "list"]),
    (lambda: call(forest=chain(4)), ValueError, ["x", "(4, 3)", "(5, 3)"]),
    (lambda: call(forest=THREE), ValueError, ["forest", "below 2", "node 3", "position 2"]),
    (lambda: call(state=STATE["h"]), TypeError, ["state", "dict", "ndarray"]),
    (lambda: call(state={"h": STATE["h"]}), ValueError, ["state", "missing ['c']"]),
    (lambda: call(state=STATE | {"c": np.ones((5, 4))}), ValueError, ["state['c']", "(3, 4)", "(5, 4)"]),
    (lambda: call(state=STATE | {"c": np.ones((3, 4), "f4")}), TypeError, ["state['c']", "float32"]),
    (lambda: call(target="gpu"), ValueError, ["target", "reference, cpu, cuda", "'gpu'"]),
    (lambda: call(dy=DY[:3]), ValueError, ["dy", "(5, 4)", "(3, 4)"]),
    (lambda: call(dy=DY.astype("f4")), TypeError, ["dy", "float64", "float32"]),
    (lambda: call(dstate={"h": DY}), ValueError, ["dstate", "missing ['c']"]),
    (lambda: call(dstate={"h": DY, "c": DY[:3]}), ValueError, ["dstate['c']", "(5, 4)", "(3, 4)"]),
    (lambda: LAYER.backward(None), TypeError, ["run", "tree_lstm", "NoneType"]),
    (lambda: NO_INPUT.backward(LAYER.forward(PARAMS, X, FOREST)), ValueError, ["run", "recursive", "tree_lstm"]),
]


def test_the_example_is_good():
    assert call(dy=DY, dstate={"h": DY, "c": None}).x.shape == X.shape


@pytest.mark.parametrize(("bad", "error", "words"), BAD, ids=[" ".join([e.__name__, *w]) for _, e, w in BAD])
def test_bad_input_raises_an_error_that_names_it(bad, error, words):
    with pytest.raises(error) as caught:
        bad()
    assert type(caught.value) is error
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message
    assert "\n" not in message
