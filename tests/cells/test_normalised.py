"""What layer normalisation is for: the vectors' moments, and what the layer does not see of its weights. Over balls."""

from dataclasses import replace

import numpy as np
import pytest
from flint import arb

import refseq
from refseq.arrays import lift
from refseq.checks.problem import draw
from refseq.fields.ball import precision
from refseq.layer import Layer
from refseq.operations import OPERATIONS
from tests.interpreted import agree, everything, raised

CELLS = [refseq.catalogue()[name].cell(normalise=True) for name in ("lstm", "lstm_no_forget", "lstm_coupled")]
GATES = [(cell, path, gate) for cell in CELLS for path in ("W_hx", "W_hh") for gate in range(len(cell.gates))]
gates = pytest.mark.parametrize(("cell", "path", "gate"), GATES, ids=lambda value: getattr(value, "name", str(value)))
UNITS = 4


def scaled(cell, path, gate, change):
    """All tensors before and after one gate's matrix is changed, without the epsilon that hides the symmetry."""
    subject = Layer(replace(cell, constants={"epsilon": 0.0}), 3, UNITS)
    given = raised(draw(subject, "float64", 4, 5), arb)
    before = everything(subject, given)
    params = {name: value.copy() for name, value in given["params"].items()}
    params[path][gate] = change(params[path][gate])
    return given["params"], before, everything(subject, given | {"params": params})


@pytest.mark.parametrize("epsilon", [0.0, 1e-5, 2.0])
def test_the_moments_of_a_normalised_vector(epsilon):
    """Mean 0 and variance var/(var + epsilon): 1 without epsilon."""
    with precision(192):
        a = lift(np.random.default_rng(0).normal(1.0, 3.0, 7), arb)
        out, kept = np.empty(7, object), np.empty(7, object)
        OPERATIONS["normalise"].forward(a, out, kept, arb(epsilon), 7, 0, 1)
        mean = a.sum() / 7
        variance = ((a - mean) * (a - mean)).sum() / 7
        moments = np.array([out.sum() / 7, (out * out).sum() / 7])
        assert agree(moments, np.array([arb(0), variance / (variance + arb(epsilon))]))


@gates
def test_the_scale_of_a_gates_weights_is_not_seen(cell, path, gate):
    """N(s W v) = N(W v): the same values; the gradient of the scaled weights is 1/s of it, others do not change."""
    with precision(192):
        _, before, after = scaled(cell, path, gate, lambda weights: weights * 3)
        after["d" + path][gate] = after["d" + path][gate] * 3
        assert [name for name in before if not agree(before[name], after[name])] == []


@gates
def test_the_gradient_of_a_gates_weights_is_orthogonal_to_them(cell, path, gate):
    """Euler: a function that does not depend on the weights' scale has no slope along them."""
    with precision(192):
        params, before, _ = scaled(cell, path, gate, lambda weights: weights)
        weights, gradient = params[path][gate], before["d" + path][gate]
        assert agree(np.array([(weights * gradient).sum()]), np.array([arb(0)]))
        assert not agree(gradient, gradient * 0)


@gates
def test_a_row_added_to_all_units_is_not_seen(cell, path, gate):
    """(W + 1 v^T) x adds the same number to all units, which the mean takes away; so the gradient's rows sum to 0."""
    with precision(192):
        row = lift(np.random.default_rng(1).normal(size=UNITS), arb)
        _, before, after = scaled(cell, path, gate, lambda weights: weights + row[: weights.shape[1]])
        assert [name for name in before if not agree(before[name], after[name])] == []
        total = before["d" + path][gate].sum(axis=0)
        assert agree(total, total * 0)


def test_epsilon_breaks_the_symmetry():
    """With it, the scale is seen: these tests can fail."""
    cell = CELLS[0]
    subject = Layer(cell, 3, UNITS)
    with precision(192):
        given = raised(draw(subject, "float64", 4, 5), arb)
        other = given["params"] | {"W_hx": given["params"]["W_hx"] * 3}
        assert not agree(everything(subject, given)["y"], everything(subject, given | {"params": other})["y"])
