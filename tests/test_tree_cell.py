"""The description of a cell of a tree: names, formulas, and what is refused."""

from dataclasses import replace

import pytest

from refseq.cell import Parameter
from refseq.tree_cell import positions
from refseq.trees import catalogue

CELL = {name: recurrence.cell() for name, recurrence in catalogue().items()}


def test_children_have_names():
    assert positions(1) == ("",)
    assert positions(2) == ("_left", "_right")
    assert positions(3) == ("_child1", "_child2", "_child3")
    assert CELL["tree_lstm"].olds == ("h_left", "c_left", "h_right", "c_right")
    assert CELL["child_sum_tree_lstm"].olds == ("h", "c")


def test_formulas_come_from_the_functions():
    assert CELL["recursive"].equations == (
        "a_h = W_hx x_j + W_hh_left h_left + W_hh_right h_right + b_h",
        "h_j = tanh(a_h)",
    )
    assert CELL["tree_lstm"].equations == (
        "a_k = W_hx[k] x_j + W_hh_left[k] h_left + W_hh_right[k] h_right + b_h[k]    for k = i, g, o",
        "a_k = W_hx[f] x_j + W_hh_left[k] h_left + W_hh_right[k] h_right + b_h[f]    for k = f_left, f_right",
        "c_j = sigmoid(a_f_left) * c_left + sigmoid(a_i) * tanh(a_g) + sigmoid(a_f_right) * c_right",
        "h_j = sigmoid(a_o) * tanh(c_j)",
    )
    assert CELL["child_sum_tree_lstm"].equations == (
        "a_f = W_fx x_j + W_fh h_l + b_f",
        "c_jl = sigmoid(a_f) * c_l",
        "h_jl = h_l",
        "a_k = W_hx[k] x_j + W_hh[k] (sum_l h_jl) + b_h[k]    for k = i, g, o",
        "c_j = (sum_l c_jl) + sigmoid(a_i) * tanh(a_g)",
        "h_j = sigmoid(a_o) * tanh(c_j)",
    )


def test_every_cell_has_a_source_and_a_lecture():
    for cell in CELL.values():
        assert cell.source.paper
        assert "L4.15" in cell.source.lectures


def test_forget_gates_share_input_matrix_and_bias():
    cell = CELL["tree_lstm"]
    assert cell.biases[0].rows == ("i", "f", "g", "o")
    assert cell.biases[0].row_of == {"i": "i", "f_left": "f", "f_right": "f", "g": "g", "o": "o"}
    assert cell.layout.matrices["W_hx"].gates == ("i", "f", "g", "o")
    assert cell.layout.matrices["W_hh_right"].gates == ("i", "f_left", "f_right", "g", "o")


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("recursive", {"parameters": (Parameter("w"),)}, r"lengths \(1, 2, 1\)|neither parameters"),
        ("recursive", {"masks": ("m",)}, "neither parameters of its units nor masks"),
        ("recursive", {"edge": CELL["child_sum_tree_lstm"].edge}, r"edge cell with the state \('h',\)"),
        ("tree_lstm", {"edge": CELL["child_sum_tree_lstm"].edge}, "summed children"),
    ],
)
def test_what_no_schedule_can_run_is_refused(name, changes, message):
    with pytest.raises(ValueError, match=message):
        replace(CELL[name], **changes)
