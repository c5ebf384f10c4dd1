"""The public attention: what is refused, and the fields of its results."""

import copy
import pickle

import numpy as np
import pytest

import refseq
from tests.networks.attention.cases import drawn

LAYER = refseq.attention("additive", 4, 5, units=6)


def call(**changed):
    values, _ = drawn(LAYER)
    given = {"params": {name: values[name] for name in LAYER.shapes}}
    given |= {name: values[name] for name in ("queries", "keys", "values")}
    return LAYER.forward(**(given | changed))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: refseq.attention("cosine", 4, 4),
            "score: expected one of dot, scaled_dot, general, additive; got 'cos",
        ),
        (lambda: refseq.attention("dot", 4, 5), "keys: the dot score needs as many features as queries have, 4, got 5"),
        (lambda: refseq.attention("dot", 4, 4, units=3), "units: only the additive score has units, got 3 for 'dot'"),
        (lambda: refseq.attention("additive", 4, 4), "units: expected at least 1, got 0"),
        (lambda: refseq.attention("dot", 0, 4), "queries: expected at least 1, got 0"),
        (lambda: refseq.attention("dot", 4, 4, causal=1), "causal: expected True or False, got int 1"),
        (lambda: LAYER.initialise(dtype="int8"), "dtype: expected float32 or float64; got 'int8'"),
        (lambda: LAYER.initialise(scheme="x"), "scheme: expected one of"),
        (lambda: LAYER.initialise(gain=0), "gain: expected a positive number, got 0"),
        (lambda: call(params={}), r"params: expected the keys \['W_q', 'W_k', 'v'\]: missing"),
        (lambda: call(queries=np.zeros((5, 4, 3))), r"queries: expected shape \(Tq, B, 4\), got \(5, 4, 3\)"),
        (lambda: call(keys=np.zeros((7, 3, 5))), r"keys: expected shape \(Tk, 4, 5\), got \(7, 3, 5\)"),
        (lambda: call(values=np.zeros((6, 4, 2))), r"values: expected shape \(7, 4, V\), got \(6, 4, 2\)"),
        (lambda: call(values=np.zeros((7, 4, 0))), "values: number of features: expected at least 1, got 0"),
        (lambda: call(values=np.zeros((7, 4, 2), "float32")), "values: expected dtype float64 like the other arrays"),
        (lambda: call(lengths=[8, 1, 1, 1]), r"lengths\[0\]: expected 0 <= length <= T = 7, got 8"),
        (lambda: call(query_lengths=[1, 2]), r"query_lengths: expected shape \(4,\), one length for each batch row"),
        (lambda: call(query_lengths=[9, 2, 1, 1]), r"query_lengths\[0\]: expected 0 <= length <= T = 5, got 9"),
        (lambda: call(mask=np.ones((7, 3), bool)), r"mask: expected shape \(7, 4\), got \(7, 3\)"),
        (lambda: call(mask=np.ones((7, 4))), "mask: expected dtype bool"),
        (lambda: call(target="gpu"), "target: expected one of reference, cpu, cuda; got 'gpu'"),
        (lambda: LAYER.backward(None), "run: expected a run of additive attention 4, 5 -> 6, got NoneType"),
        (
            lambda: refseq.attention("general", 4, 5).backward(call()),
            "run: expected a run of general attention 4, 5, got",
        ),
        (lambda: LAYER.backward(call(), np.zeros((5, 4, 2))), r"dy: expected shape \(5, 4, 3\), got \(5, 4, 2\)"),
        (lambda: LAYER.backward(call(), None, np.zeros((5, 4))), r"dweights: expected shape \(5, 4, 7\), got \(5, 4\)"),
    ],
)
def test_what_is_refused(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_the_streaming_form_has_no_weights():
    attention = refseq.attention("dot", 2, 2, streaming=True)
    x = np.ones((3, 1, 2))
    run = attention.forward({}, x, x, x)
    assert run.weights is None
    with pytest.raises(ValueError, match="dweights: the streaming form has no weights"):
        attention.backward(run, None, np.zeros((3, 1, 3)))


def test_parameters_of_a_score_without_any():
    attention, x = refseq.attention("dot", 2, 2), np.ones((3, 1, 2))
    assert attention.shapes == {}
    assert attention.backward(attention.forward({}, x, x, x), x).params == {}
    with pytest.raises(ValueError, match="params: expected the keys"):
        attention.forward({"W": x}, x, x, x)
    with pytest.raises(TypeError, match=r"queries: target 'cpu' takes float32, float64.*; got int64"):
        attention.forward({}, np.ones((3, 1, 2), int), x, x)


def test_copies_and_words():
    attention = refseq.attention("additive", 4, 5, units=6, causal=True)
    assert pickle.loads(pickle.dumps(attention)) == attention == copy.deepcopy(attention)
    assert str(attention) == "additive attention (causal) 4, 5 -> 6"
    assert set(attention.axes) == {"queries", "keys", "values", "y", "weights", "W_q", "W_k", "v"}
    assert call().info["target"] == "cpu"


def test_initial_parameters():
    params = LAYER.initialise(seed=1, dtype="float32")
    assert {name: value.shape for name, value in params.items()} == LAYER.shapes
    assert all(value.dtype == "float32" and np.abs(value).max() > 0 for value in params.values())
