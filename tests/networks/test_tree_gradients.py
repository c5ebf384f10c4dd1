"""The gradient of a recursive network is right: over a finite field, and against rigorous values."""

import numpy as np
import pytest

import refseq
from refseq.checks.budget import THRESHOLD
from refseq.checks.structures import of_tree
from refseq.networks import tree, tree_run
from refseq.trees import catalogue
from tests.networks.structures import (
    EPS,
    LAYERS,
    LSTM,
    RECURSIVE,
    SHAPES,
    SUM,
    deviations,
    problem,
    random_forest,
    results,
    transposed,
    values,
)

VARIANTS = [
    refseq.tree_layer(name, inputs, 3, **options)
    for name, recurrence in catalogue().items()
    for options in recurrence.variants()
    if "x" not in options
    for inputs in (2, 0)
]


@pytest.mark.parametrize("layer", VARIANTS, ids=str)
@pytest.mark.parametrize("given", [False, True], ids=["computed leaves", "given leaves"])
def test_backward_is_the_transpose_over_a_finite_field(layer, given):
    forest = random_forest(np.random.default_rng(4), 9, layer.arity or 4, 2)
    assert forest.arity == (layer.arity or forest.arity)
    assert transposed(of_tree(layer, forest), values(layer, forest, 5, given=given)) == []


def test_a_wrong_gradient_is_seen_by_the_finite_field(monkeypatch):
    """A child's memory whose forget gate gets no gradient."""
    function, wrong = of_tree(SUM, SHAPES["random"]), tree.backward

    def without_the_forget_gate(recording, ds):
        pulled = wrong(recording, ds)
        pulled.weights[1].biases[0][0, 1] *= 0
        return pulled

    monkeypatch.setattr(tree, "backward", without_the_forget_gate)
    assert transposed(function, values(SUM, SHAPES["random"], 5)) == ["b_f"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_values_and_gradients_are_within_rounding_of_the_true_ones(layer, shape):
    forest = SHAPES[shape]
    worst = deviations(of_tree(layer, forest), *problem(layer, forest, given=shape == "skewed"))
    assert [name for name, sigma in worst.items() if not sigma <= THRESHOLD] == [], worst


def test_float32_is_within_rounding_as_well():
    worst = deviations(of_tree(RECURSIVE, SHAPES["random"]), *problem(RECURSIVE, SHAPES["random"], "float32"))
    assert max(worst.values()) <= THRESHOLD, worst


def test_an_error_of_1e_12_is_seen(monkeypatch):
    forest, right = SHAPES["random"], tree_run.backward

    def slightly_wrong(*given):
        pulled = right(*given)
        pulled.weights[0].matrices[1][:] *= 1 + 1e-12
        return pulled

    monkeypatch.setattr(tree_run, "backward", slightly_wrong)
    worst = deviations(of_tree(LSTM, forest), *problem(LSTM, forest))
    assert [name for name, sigma in worst.items() if not sigma <= THRESHOLD] == ["dW_hh_left"]


def test_complex_step_through_the_compiled_loop():
    """Im f(p + ih v)/h is the directional derivative up to h^2; h = 2^-100 leaves rounding: 1e3 operations, 2^-52."""
    forest = SHAPES["random"]
    given, weights = problem(RECURSIVE, forest)
    tensors = results(RECURSIVE, forest, given, weights)
    towards = values(RECURSIVE, forest, 9)
    moved = {name: value + 2.0**-100 * 1j * towards[name] for name, value in given.items()}
    out = of_tree(RECURSIVE, forest).forward(moved, {}, "reference")[0]
    step = sum(np.sum(out[name].imag * weights[name]) for name in out) * 2.0**100
    terms = [tensors[f"d{name}"] * towards[name] for name in given]
    size = sum(np.sum(np.abs(term)) for term in terms)
    assert abs(step - sum(np.sum(term) for term in terms)) <= 1e3 * EPS * size
