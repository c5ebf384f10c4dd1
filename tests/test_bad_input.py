"""The table of bad input: what is wrong, the exception, and words that its message must contain."""

import numpy as np
import pytest

import refseq
from tests.examples import example

LAYER = refseq.layer("lstm", 3, 4)
BOTH = refseq.layer("gru", 3, 4, layers=2, bidirectional=True)
PROBLEM = example(LAYER)
B, H = 5, 4


def params(**changes):
    return {name: value for name, value in (dict(PROBLEM.params) | changes).items() if value is not None}


def call(*, dy=None, dstate=None, layer=LAYER, **changes):
    """Forward and backward of the example with some arguments changed."""
    given = {"params": params(), "x": PROBLEM.x, "state": PROBLEM.state, "lengths": PROBLEM.lengths} | changes
    run = layer.forward(**given)
    return layer.backward(run, dy, dstate)


def nan(array):
    result = array.copy()
    result[1, 2] = np.nan
    return result


def wrong_run():
    run = LAYER.forward(params(), PROBLEM.x)
    return BOTH.backward(run)


x, h, c, dy = PROBLEM.x, PROBLEM.state["h"], PROBLEM.state["c"], PROBLEM.dy
f32 = np.float32
ones = np.ones
initialise = LAYER.initialise

TABLE = [
    # making a layer
    (lambda: refseq.layer("lsmt", 3, 4), ValueError, ["name", "'lsmt'", "elman, output, jordan, lstm"]),
    (lambda: refseq.layer(["lstm"], 3, 4), ValueError, ["name", "['lstm']"]),
    (lambda: refseq.layer("lstm", 0, 4), ValueError, ["inputs", "at least 1", "0"]),
    (lambda: refseq.layer("lstm", -1, 4), ValueError, ["inputs", "at least 1", "-1"]),
    (lambda: refseq.layer("lstm", 3, 2.5), TypeError, ["units", "integer", "float 2.5"]),
    (lambda: refseq.layer("lstm", 3, "4"), TypeError, ["units", "integer", "str '4'"]),
    (lambda: refseq.layer("lstm", 3, True), TypeError, ["units", "integer", "bool True"]),
    (lambda: refseq.layer("lstm", None, 4), TypeError, ["inputs", "integer", "None"]),
    (lambda: refseq.layer("lstm", 3, 4, layers=0), ValueError, ["layers", "at least 1", "0"]),
    (lambda: refseq.layer("lstm", 3, 4, layers=1.0), TypeError, ["layers", "integer", "float"]),
    (lambda: refseq.layer("lstm", 3, 4, bidirectional=1), TypeError, ["bidirectional", "True or False", "int 1"]),
    (lambda: refseq.layer("lstm", 3, 4, bias="no"), TypeError, ["bias", "True or False", "str 'no'"]),
    (
        lambda: refseq.layer("lstm", 3, 4, activation="relu"),
        ValueError,
        ["'activation'", "'lstm'", "gate_activation, cell_activation"],
    ),
    (lambda: refseq.layer("gru", 3, 4, peephole="full"), ValueError, ["'peephole'", "'gru'", "reset"]),
    (lambda: refseq.layer("gru", 3, 4, reset="never"), ValueError, ["reset", "before, after", "'never'"]),
    (lambda: refseq.layer("elman", 3, 4, activation=np.tanh), ValueError, ["activation", "tanh, sigmoid", "ufunc"]),
    (lambda: refseq.layer("gru", 3, 4, merge="sum"), ValueError, ["merge", "'sum'", "bidirectional=True"]),
    (lambda: refseq.layer("gru", 3, 4, merge="add"), ValueError, ["merge", "concat, sum, mean", "'add'"]),
    (lambda: refseq.layer("lstm", 3, 4, projection=0), ValueError, ["projection", "at least 1", "0"]),
    (lambda: refseq.layer("lstm", 3, 4, clip=-1), ValueError, ["clip", "between 0 and inf", "-1"]),
    (lambda: refseq.layer("leaky", 3, 4, mu=1.5), ValueError, ["mu", "between 0 and 1", "1.5"]),
    (lambda: refseq.layer("leaky", 3, 4, mu=1, learn="unit"), ValueError, ["mu", "strictly between 0 and 1", "1.0"]),
    (lambda: refseq.layer("additive", 3, 4, dropout=True), ValueError, ["dropout", "additive", "no recurrent matrix"]),
    (lambda: refseq.layer("skip", 3, 4, zoneout=True), ValueError, ["zoneout", "skip", "h_2_back"]),
    (
        lambda: refseq.Layer(refseq.catalogue()["lstm"].cell(projection=2), 3, 4),
        ValueError,
        ["own_sizes", "projection"],
    ),
    # drawing parameters
    (lambda: initialise(scheme="xavier"), ValueError, ["scheme", "gaussian, glorot, he", "'xavier'"]),
    (lambda: initialise(scheme=["he"]), ValueError, ["scheme", "['he']"]),
    (lambda: initialise(dtype="float16"), ValueError, ["dtype", "float32 or float64", "'float16'"]),
    (lambda: initialise(dtype=None), ValueError, ["dtype", "float32 or float64", "None"]),
    (lambda: initialise(seed=-1), ValueError, ["seed", "at least 0", "-1"]),
    (lambda: initialise(seed=None), TypeError, ["seed", "integer", "None"]),
    (lambda: initialise(gain=0.0), ValueError, ["gain", "positive", "0.0"]),
    (lambda: initialise(gain=np.inf), ValueError, ["gain", "finite", "inf"]),
    (lambda: initialise(gain=np.nan), ValueError, ["gain", "finite", "nan"]),
    (lambda: initialise(gain=10**400), ValueError, ["gain", "finite", "1000"]),
    (lambda: initialise(gain="1"), TypeError, ["gain", "number", "'1'"]),
    (lambda: initialise(gain=None), TypeError, ["gain", "number", "None"]),
    (lambda: initialise(gain=ones(2)), TypeError, ["gain", "number", "ndarray"]),
    (lambda: initialise(forget_bias="1"), TypeError, ["forget_bias", "number", "'1'"]),
    (lambda: initialise(forget_bias=np.nan), ValueError, ["forget_bias", "finite", "nan"]),
    (lambda: BOTH.initialise(forget_bias=1.0), ValueError, ["forget_bias", "gru", "no forget gate"]),
    (lambda: refseq.layer("lstm", 3, 4, bias=False).initialise(forget_bias=1.0), ValueError, ["forget_bias", "bias"]),
    # parameters
    (lambda: call(params=None), TypeError, ["params", "dict", "NoneType"]),
    (lambda: call(params=list(params().values())), TypeError, ["params", "dict", "list"]),
    (lambda: call(params={}), ValueError, ["params", "missing", "W_hx", "b_h"]),
    (lambda: call(params=params(b_h=None)), ValueError, ["params", "missing ['b_h']"]),
    (lambda: call(params=params(b_hn=ones(H))), ValueError, ["params", "unexpected ['b_hn']"]),
    (lambda: call(params=params(b_h=[[0.0] * H] * 4)), TypeError, ["params['b_h']", "numpy array", "list"]),
    (lambda: call(params=params(b_h=ones((H, 4, 1)))), ValueError, ["params['b_h']", "(4, 4)", "(4, 4, 1)"]),
    (lambda: call(params=params(W_hx=ones((16, 3)))), ValueError, ["params['W_hx']", "(4, 4, 3)", "(16, 3)"]),
    (lambda: call(params=params(W_hh=f32(PROBLEM.params["W_hh"]))), TypeError, ["params", "one dtype", "float32"]),
    (lambda: call(params={k: v.astype(int) for k, v in params().items()}), TypeError, ["params", "float64", "int64"]),
    (lambda: call(params={k: np.float16(v) for k, v in params().items()}), TypeError, ["params", "cpu", "float16"]),
    (lambda: call(params={k: v + 0j for k, v in params().items()}), TypeError, ["params", "cpu", "complex128"]),
    (lambda: call(params={k: v > 0 for k, v in params().items()}), TypeError, ["params", "float64", "bool"]),
    (lambda: call(params=params(b_h=nan(PROBLEM.params["b_h"]))), ValueError, ["params['b_h']", "NaN", "(1, 2)"]),
    (lambda: call(params=params(b_h=np.ma.masked_less(ones((4, H)), 0))), TypeError, ["params['b_h']", "Masked"]),
    # x
    (lambda: call(x=None), TypeError, ["x", "numpy array", "NoneType"]),
    (lambda: call(x=x.tolist()), TypeError, ["x", "numpy array", "list"]),
    (lambda: call(x=x[0]), ValueError, ["x", "(T, B, 3)", "(5, 3)"]),
    (lambda: call(x=x[..., :2]), ValueError, ["x", "(T, B, 3)", "(6, 5, 2)"]),
    (lambda: call(x=x.swapaxes(1, 2)), ValueError, ["x", "(T, B, 3)", "(6, 3, 5)"]),
    (lambda: call(x=x.astype("float32")), TypeError, ["x", "float64", "float32"]),
    (lambda: call(x=ones((6, B, 3), int)), TypeError, ["x", "float64", "int64"]),
    (lambda: call(x=np.ma.masked_less(x, 0)), TypeError, ["x", "numpy array", "MaskedArray"]),
    # states
    (lambda: call(state=h), TypeError, ["state", "dict", "['h', 'c']", "ndarray"]),
    (lambda: call(state=(h, c)), TypeError, ["state", "dict", "tuple"]),
    (lambda: call(state={"h": h}), ValueError, ["state", "missing ['c']"]),
    (lambda: call(state={"h": h, "c": c, "n": c}), ValueError, ["state", "unexpected ['n']"]),
    (lambda: call(state={"h": h, "c": c[0]}), ValueError, ["state['c']", "(1, 5, 4)", "(5, 4)"]),
    (lambda: call(state={"h": h[:, :3], "c": c}), ValueError, ["state['h']", "(1, 5, 4)", "(1, 3, 4)"]),
    (lambda: call(state={"h": h, "c": f32(c)}), TypeError, ["state['c']", "float64", "float32"]),
    (lambda: call(state={"h": h.tolist(), "c": c}), TypeError, ["state['h']", "numpy array", "list"]),
    # lengths
    (lambda: call(lengths=[6, 6, 6, 6, -1]), ValueError, ["lengths[4]", "T = 6", "-1"]),
    (lambda: call(lengths=[7, 6, 6, 6, 6]), ValueError, ["lengths[0]", "T = 6", "7"]),
    (lambda: call(lengths=np.full(B, 2**63, np.uint64)), ValueError, ["lengths[0]", "T = 6", str(2**63)]),
    (lambda: call(lengths=np.full(B, 3.0)), TypeError, ["lengths", "integers", "float64"]),
    (lambda: call(lengths=[3.5] * B), TypeError, ["lengths", "integers", "float64"]),
    (lambda: call(lengths=np.full(B, True)), TypeError, ["lengths", "integers", "bool"]),
    (lambda: call(lengths=["6"] * B), TypeError, ["lengths", "integers", "<U1"]),
    (lambda: call(lengths=6), ValueError, ["lengths", "(5,)", "()"]),
    (lambda: call(lengths=[6, 6]), ValueError, ["lengths", "(5,)", "(2,)"]),
    (lambda: call(lengths=[[6] * B]), ValueError, ["lengths", "(5,)", "(1, 5)"]),
    (lambda: call(lengths=[]), ValueError, ["lengths", "(5,)", "(0,)"]),
    (lambda: call(lengths=[[6], [6, 6]]), TypeError, ["lengths", "integers"]),
    (lambda: call(lengths=np.ma.array([6] * B)), TypeError, ["lengths", "integers", "MaskedArray"]),
    (lambda: call(lengths=[6, None, 6, 6, 6]), TypeError, ["lengths", "integers", "object"]),
    # targets
    (lambda: call(target="gpu"), ValueError, ["target", "reference, cpu, cuda", "'gpu'"]),
    # cotangents
    (lambda: call(dy=dy.tolist()), TypeError, ["dy", "numpy array", "list"]),
    (lambda: call(dy=dy[:-1]), ValueError, ["dy", "(6, 5, 4)", "(5, 5, 4)"]),
    (lambda: call(dy=dy[..., 0]), ValueError, ["dy", "(6, 5, 4)", "(6, 5)"]),
    (lambda: call(dy=f32(dy)), TypeError, ["dy", "float64", "float32"]),
    (lambda: call(dy=1.0), TypeError, ["dy", "numpy array", "float"]),
    (lambda: call(dstate=h), TypeError, ["dstate", "dict", "ndarray"]),
    (lambda: call(dstate={"c": c}), ValueError, ["dstate", "missing ['h']"]),
    (lambda: call(dstate={"h": h, "c": c[:, :2]}), ValueError, ["dstate['c']", "(1, 5, 4)", "(1, 2, 4)"]),
    (lambda: call(dstate={"h": f32(h), "c": c}), TypeError, ["dstate['h']", "float64", "float32"]),
    (lambda: LAYER.backward(None), TypeError, ["run", "lstm", "NoneType"]),
    (lambda: LAYER.backward(PROBLEM), TypeError, ["run", "lstm", "Problem"]),
    (wrong_run, ValueError, ["run", "gru", "lstm"]),
]


def test_the_example_is_good():
    assert call(dy=dy, dstate={"h": h, "c": c}).x.shape == x.shape


@pytest.mark.parametrize(("bad", "error", "words"), TABLE, ids=[" ".join([e.__name__, *w]) for _, e, w in TABLE])
def test_bad_input_raises_an_error_that_names_it(bad, error, words):
    with pytest.raises(error) as caught:
        bad()
    assert type(caught.value) is error
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message
    assert "\n" not in message
