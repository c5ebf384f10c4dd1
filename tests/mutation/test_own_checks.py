"""The checks of refseq's own source notice a wrong gradient, a result that is off, and what is no number."""

import numpy as np
import pytest

import refseq
from refseq.checks import OwnImplementation
from refseq.checks.accuracy import GRADIENTS
from refseq.checks.function import Function
from refseq.checks.own import AGREEMENT, FINITE_FIELD
from refseq.checks.problem import draw
from refseq.checks.subject import Subject
from refseq.checks.verdict import FAIL, PASS, UNDECIDED
from refseq.fields.residue import Residue
from refseq.layer import Layer
from tests.networks.structures import deviations

LAYER = refseq.layer("gru", 2, 3)


class Wrong(Layer):
    """One entry of the gradient of W_hh is 1 too large, whatever a number is."""

    def backward(self, *arguments):
        grads = super().backward(*arguments)
        grads.params["W_hh"][1, 2, 0] = grads.params["W_hh"][1, 2, 0] + Residue(1)
        return grads


def test_the_finite_field_names_a_gradient_that_is_no_transpose():
    for layer, verdict in ((LAYER, PASS), (Wrong(LAYER.cell, 2, 3), FAIL)):
        outcome = FINITE_FIELD.run(Subject(OwnImplementation(layer, "reference"), layer), draw(layer, "float64", 3, 2))
        assert outcome.verdict == verdict
        assert [finding.tensor for finding in outcome.findings] == ["dW_hh"] * (verdict == FAIL)


class Shifted(OwnImplementation):
    """The last output is off by a few of its roundings."""

    def forward(self, *arguments, **masks):
        y, state = super().forward(*arguments, **masks)
        y[-1, -1, -1] *= 1 + 2.0**-44
        return y, state


@pytest.mark.parametrize("kind", [OwnImplementation, Shifted])
def test_targets_agree_within_their_roundings(kind):
    problem = draw(LAYER, "float64", 3, 1, padded=False)
    outcome = AGREEMENT.run(Subject(kind(LAYER, "cpu"), LAYER), problem)
    assert outcome.verdict == (FAIL if kind is Shifted else PASS)
    assert {finding.tensor for finding in outcome.findings} == ({"y"} if kind is Shifted else set())


def test_a_result_that_is_no_number_is_far_from_every_number():
    """Of a network on a tree or a graph, whose checks see nothing but a function."""

    def forward(values, constants, target):
        y = values["x"] * values["x"]
        return {"y": y * np.array([1, np.nan]) if y.dtype == float else y}, values["x"]

    wrong = Function(forward, lambda x, cotangents: {"dx": (x + x) * cotangents["y"]})
    found = deviations(wrong, {"x": np.array([0.3, 0.7])}, {"y": np.array([1.0, 2.0])})
    assert found["y"] == np.inf
    assert found["dx"] < 16


def test_what_rounding_decides_is_not_judged():
    """A gradient through 20 saturated steps whose rounding errors are larger than itself."""
    layer = refseq.layer("elman", 2, 3)
    problem = draw(layer, "float32", 20, 1, "saturated", False, seed=3)
    outcome = GRADIENTS.run(Subject(OwnImplementation(layer, "reference"), layer), problem)
    assert outcome.verdict == UNDECIDED
    assert "dstate[h] is too ill-conditioned in float32" in outcome.reason
