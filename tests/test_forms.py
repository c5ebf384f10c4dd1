"""A layer in other forms is the same layer: integers exactly, values and gradients over balls."""

import numpy as np
import pytest
from flint import arb
from hypothesis import given as drawn
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import refseq
from refseq import forms
from refseq.arrays import lift
from refseq.checks.problem import draw
from refseq.fields.ball import precision
from tests.interpreted import agree, everything, raised

STEPS, ROWS, INPUTS, UNITS = 5, 4, 3, 6
INTEGERS = st.integers(-(2**20), 2**20).map(float)
three = arrays("float64", st.tuples(*[st.integers(1, 4)] * 3), elements=INTEGERS)


def numbers(seed, *shape):
    return np.random.default_rng(seed).integers(-9, 10, shape).astype(float)


def balls(subject):
    """A problem of a layer over balls, every row of full length, and all its tensors."""
    given = raised(draw(subject, "float64", STEPS, ROWS, padded=False), arb)
    return given, everything(subject, given)


def inner(a, b):
    return float((a * b).sum())


@drawn(three, three)
def test_the_delay_and_its_adjoint(x, d):
    d = np.resize(d, x.shape)
    first = x[0] * 2 + 1
    late = forms.delayed(x, first)
    assert np.array_equal(late[0], first)
    assert np.array_equal(late[1:], x[:-1])
    dx, dfirst = forms.delayed_backward(d)
    assert inner(late, d) == inner(x, dx) + inner(first, dfirst)


@drawn(three, st.integers(0, 3))
def test_merging_and_parting(W_hh, extra):
    W_hx = numbers(extra, *W_hh.shape[:2], extra)
    W_a = forms.merged(W_hh, W_hx)
    back = forms.parted(W_a, W_hh.shape[2])
    assert np.array_equal(back[0], W_hh)
    assert np.array_equal(back[1], W_hx)
    a, x = numbers(1, W_hh.shape[2]), numbers(2, extra)
    assert np.array_equal(W_a @ np.concatenate([a, x]), W_hh @ a + W_hx @ x)


@drawn(three)
def test_columns_and_rows_are_their_own_inverses(array):
    assert np.array_equal(forms.columns(forms.columns(array)), array)
    assert np.array_equal(forms.rows(forms.rows(array)), array)


@pytest.mark.parametrize("form", [forms.columns, forms.rows])
def test_nothing_is_aliased_and_kinds_are_kept(form):
    """Also where a transposed array has the memory of the array itself."""
    array = np.ones((2, 1, 3), ">f4")
    result = form(array)
    assert result.dtype == np.float32
    assert not np.shares_memory(result, array)
    result[:] = 0
    assert array.all()


def test_the_merged_form_of_a_layer():
    """L3.2: a feed-forward layer with W_a on [h_{t-1}; x_t], step by step, is the recurrent layer: its gradients are
    the parts of dW_a and of the cotangent of [h_{t-1}; x_t]."""
    layer = refseq.layer("elman", INPUTS, UNITS)
    ahead = refseq.layer("output", UNITS + INPUTS, UNITS, activation="tanh")
    with precision(192):
        given, theirs = balls(layer)
        params = given["params"]
        book = {"W_yh": forms.merged(params["W_hh"], params["W_hx"]), "b_y": params["b_h"]}
        h, runs = given["state"]["h"], []
        for t in range(STEPS):
            runs.append(ahead.forward(book, np.concatenate([h, given["x"][t : t + 1]], axis=2), target="reference"))
            h = runs[-1].y
        dh, dW_a, dx = given["dstate"]["h"], 0, np.empty_like(given["x"])
        for t in reversed(range(STEPS)):
            grads = ahead.backward(runs[t], dh + given["dy"][t : t + 1])
            dh, dW_a = grads.x[:, :, :UNITS], dW_a + grads.params["W_yh"]
            dx[t] = grads.x[0, :, UNITS:]
        dW_hh, dW_hx = forms.parted(dW_a, UNITS)
        ours = {"y": np.concatenate([run.y for run in runs]), "dx": dx, "dW_hh": dW_hh, "dW_hx": dW_hx}
        ours |= {"state[h]": h, "dstate[h]": dh}
        assert [name for name, value in ours.items() if not agree(value, theirs[name])] == []


def test_the_row_form_with_the_input_of_one_step_before():
    """L2.2: h_t = phi(h_{t-1} W_hh + x_{t-1} W_xh + b_h), o_t = phi(h_t W_ho + b_o); and its gradient in x."""
    layer, last = refseq.layer("elman", INPUTS, UNITS), refseq.layer("output", UNITS, 2, activation="tanh")
    with precision(192):
        given, _ = balls(layer)
        head, first = lift(numbers(4, 1, 2, UNITS) / 8, arb), lift(numbers(5, ROWS, INPUTS), arb)
        run = layer.forward(given["params"], forms.delayed(given["x"], first), given["state"], target="reference")
        top = last.forward({"W_yh": head, "b_y": lift(np.ones((1, 2)), arb)}, run.y, target="reference")
        W_hh, W_xh, W_ho = (forms.rows(W)[0] for W in (given["params"]["W_hh"], given["params"]["W_hx"], head))
        h, before = given["state"]["h"][0], first
        for t in range(STEPS):
            h = np.tanh(h @ W_hh + before @ W_xh + given["params"]["b_h"])
            assert agree(top.y[t], np.tanh(h @ W_ho + arb(1)))
            before = given["x"][t]
        grads = layer.backward(run, given["dy"], given["dstate"])
        dx, dfirst = forms.delayed_backward(grads.x)
        assert not any(entry != 0 for entry in dx[-1].flat)
        assert agree(np.concatenate([dfirst[None], dx[:-1]]), grads.x)
        dz = (1 - h * h) * (given["dy"][-1] + given["dstate"]["h"][0])  # L4.3, of the last step
        assert agree(dx[-2], dz @ forms.rows(W_xh[None])[0])


def test_the_column_form():
    """L3.3: X_t (n_x, m), H_t (n_a, m)."""
    layer = refseq.layer("elman", INPUTS, UNITS)
    with precision(192):
        given, theirs = balls(layer)
        params, X = given["params"], forms.columns(given["x"])
        H, Y = forms.columns(given["state"]["h"])[0], forms.columns(theirs["y"])
        assert X.shape == (STEPS, INPUTS, ROWS)
        for t in range(STEPS):
            H = np.tanh(params["W_hx"][0] @ X[t] + params["W_hh"][0] @ H + params["b_h"].T)
            assert agree(Y[t], H)
        dZ = (1 - H * H) * (forms.columns(given["dy"])[-1] + forms.columns(given["dstate"]["h"])[0])
        assert agree(forms.columns(theirs["dx"])[-1], params["W_hx"][0].T @ dZ)  # L3.6


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: forms.delayed(numbers(0, 0, 2, 3), numbers(0, 2, 3)), ValueError, "x: expected at least one"),
        (lambda: forms.delayed_backward(numbers(0, 0, 2, 3)), ValueError, "d: expected at least one"),
        (lambda: forms.delayed(numbers(0, 4, 2, 3), numbers(0, 3, 2)), ValueError, "first: expected shape"),
        (lambda: forms.delayed(numbers(0, 4, 2, 3), np.ones((2, 3), "f4")), TypeError, "first: expected dtype"),
        (lambda: forms.merged(numbers(0, 1, 2, 2), numbers(0, 1, 3, 2)), ValueError, "W_hx: expected shape"),
        (lambda: forms.parted(numbers(0, 1, 2, 3), 4), ValueError, "recurrent: expected at most"),
        (lambda: forms.parted(numbers(0, 1, 2, 3), -1), ValueError, "recurrent: expected at least 0"),
        (lambda: forms.columns(numbers(0, 2, 3)), ValueError, "x: expected shape"),
        (lambda: forms.rows([[[1.0]]]), TypeError, "W: expected a numpy array"),
    ],
)
def test_errors_name_the_argument(call, error, words):
    with pytest.raises(error, match=words):
        call()
