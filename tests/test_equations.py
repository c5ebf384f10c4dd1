"""Formulas are those of the code that runs: text in, text out."""

import math
import re

import pytest

import refseq
from refseq.fields.formula import Formula
from refseq.primitives import sigmoid, tanh
from tests.variants import EVERY, label


def cell(name, **options):
    return refseq.catalogue()[name].cell(**options)


def test_the_lstm():
    assert cell("lstm").equations == (
        "a_k = W_hx[k] x_t + W_hh[k] h_(t-1) + b_h[k]    for k = i, f, g, o",
        "c_t = sigmoid(a_f) * c_(t-1) + sigmoid(a_i) * tanh(a_g)",
        "h_t = sigmoid(a_o) * tanh(c_t)",
    )


def test_what_members_of_the_family_change():
    assert "c_t = c_(t-1) + sigmoid(a_i) * tanh(a_g)" in cell("lstm_no_forget").equations
    assert "c_t = sigmoid(a_f) * c_(t-1) + (1 - sigmoid(a_f)) * tanh(a_g)" in cell("lstm_coupled").equations
    seen = cell("lstm_peephole", peephole="full", output_sees="new").equations
    assert "a_o = W_hx[o] x_t + W_hh[o] h_(t-1) + W_hc[o] c_t + b_h[o]" in seen
    assert cell("lstm", projection=2).equations[-3:] == ("m = sigmoid(a_o) * tanh(c_t)", "a_h = W_hm m", "h_t = a_h")


@pytest.mark.parametrize("variant", EVERY, ids=label)
def test_every_cell_writes_itself_down(variant):
    """Every matrix, bias, parameter, constant and mask is in its formulas."""
    name, options = variant
    found = cell(name, **options)
    text = "\n".join(found.equations)
    for word in (*found.layout.matrices, *(b.name for b in found.biases), *found.own, *found.masks):
        assert word in text, word
    assert f"{found.state[0]}_t = " in text


@pytest.mark.parametrize("name", ["gru", "leaky", "lstm_coupled"])
def test_a_formula_computes_what_the_cell_computes(name):
    """Read as Python, with numbers for its names."""
    found = cell(name)
    (stage,) = found.stages[-1:]
    values = [0.3, -0.7, 1.1, 0.6][: len(stage.slots)]
    state, p = [0.4, -0.2][: len(found.state)], [0.5] * len(found.constants)
    made, _ = stage.forward(tuple(values), tuple(state), tuple(p))
    names = {f"a_{slot}": value for slot, value in zip(stage.slots, values, strict=True)}
    names |= dict(zip([f"{n}_old" for n in found.state], state, strict=True))
    names |= dict(zip(found.constants, p, strict=True)) | {"sigmoid": sigmoid, "tanh": tanh}
    for vector, value in zip(stage.makes, made, strict=True):
        line = next(line for line in found.equations if line.startswith(f"{vector[0]}_t = "))
        text = line.partition(" = ")[2].replace("_(t-1)", "_old")
        names[f"{vector[0]}_t"] = eval(text, names)
        assert math.isclose(names[f"{vector[0]}_t"], value, rel_tol=1e-15)


def test_layer_normalisation_is_four_lines_for_all_gates():
    assert cell("lstm", normalise=True).equations[:5] == (
        "a_k_x = W_hx[k] x_t    for k = i, f, g, o",
        "a_k_h = W_hh[k] h_(t-1)    for k = i, f, g, o",
        "k_x_hat = normalise(a_k_x)    for k = i, f, g, o",
        "k_h_hat = normalise(a_k_h)    for k = i, f, g, o",
        "a_k = b_h[k]    for k = i, f, g",
    )


def test_what_stands_for_a_sum_needs_no_brackets():
    new = cell("lstm_peephole", output_sees="new").equations
    assert new[-1] == "h_t = sigmoid(a_o + w_co * c_t) * tanh(c_t)"
    bare = re.compile(r"(?<!\w)\(\w+\)")
    for name, options in EVERY:
        for line in cell(name, **options).equations:
            assert not bare.search(line), line


def test_brackets_stand_where_they_are_needed():
    a, b, c = Formula("a"), Formula("b"), Formula("c")
    assert str((a + b) * c) == "(a + b) * c"
    assert str(a - (b - c)) == "a - (b - c)"
    assert str(a * b + c) == "a * b + c"
    assert str(-(a + b)) == "-(a + b)"
    assert str(a / (b * c)) == "a / (b * c)"
    assert str(1 - a) == "1 - a"
    assert str(2 / a) == "2 / a"
    assert (str(a * 0), str(a * 1), str(a + 0), str(0 + a), str(a - 0)) == ("0", "a", "a", "a", "a")
