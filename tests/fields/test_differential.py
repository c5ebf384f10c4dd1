"""Forward mode and reverse mode agree on random expressions, over balls and over GF(2^61 - 1)."""

import numpy as np
import pytest
from flint import arb

import refseq.fields.ball  # noqa: F401 - registers the derivatives of balls
from refseq.fields.ball import precision
from refseq.fields.differential import Dual, Node, pull_back
from refseq.fields.residue import Residue
from tests.every_primitive import PAIRS
from tests.fields.expressions import OPERATIONS, expression

POINT = [arb(0.3), arb(-1), arb(2)]


def forward_mode(function, point, direction):
    return function([Dual(x, v) for x, v in zip(point, direction, strict=True)])


def reverse_mode(function, point):
    tape = []
    leaves = [Node(tape, x) for x in point]
    result = function(leaves)
    cotangents = pull_back(tape, [(result, 1)])
    return result.value, [cotangents[leaf.index] for leaf in leaves]


@pytest.mark.parametrize("seed", range(60))
def test_both_modes_enclose_the_same_derivative(seed):
    rng = np.random.default_rng(seed)
    function = expression(seed)
    point, direction = ([arb(float(x)) for x in rng.normal(size=3)] for _ in range(2))
    with precision(256):
        pushed = forward_mode(function, point, direction)
        value, gradient = reverse_mode(function, point)
        plain = function(point)
        assert pushed.value.overlaps(plain)
        assert value.overlaps(plain)
        total = sum((g * v for g, v in zip(gradient, direction, strict=True)), arb(0))
        assert pushed.tangent.overlaps(total)


def test_the_enclosures_are_narrow():
    """Wide balls overlap with anything. (A kink of relu makes some wide, as in relu(a - a).)"""
    with precision(256):
        radii = [arb(g).rad() for seed in range(60) for g in reverse_mode(expression(seed), POINT)[1]]
    assert np.mean([radius < arb(2) ** -150 for radius in radii]) > 0.9


@pytest.mark.parametrize("seed", range(30))
def test_both_modes_agree_exactly_over_the_finite_field(seed):
    rng = np.random.default_rng(seed)
    function = expression(seed)
    point, direction = ([Residue(int(x)) for x in rng.integers(1, 2**61 - 1, 3)] for _ in range(2))
    _, gradient = reverse_mode(function, point)
    assert forward_mode(function, point, direction).tangent == sum(
        (g * v for g, v in zip(gradient, direction, strict=True)), Residue(0)
    )


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_against_central_differences(name):
    """An error that both modes share: the derivative of the operation itself, to O(h^2)."""
    h = arb(2) ** -40
    with precision(256):
        x, other = arb(0.375), arb(1.25)
        tape = []
        node, constant = Node(tape, x), Node(tape, other)
        result = OPERATIONS[name](node, constant)
        slope = pull_back(tape, [(result, 1)])[node.index]
        difference = (OPERATIONS[name](x + h, other) - OPERATIONS[name](x - h, other)) / (2 * h)
        tangent = OPERATIONS[name](Dual(x, arb(1)), Dual(other, arb(0))).tangent
        assert abs(difference - slope) < arb(2) ** -70
        assert abs(difference - tangent) < arb(2) ** -70


@pytest.mark.parametrize("name", PAIRS)
def test_slopes_have_derivatives_too(name):
    """Second derivatives: the slope of a dual number carries the tangent of the slope."""
    value, slope = PAIRS[name]
    h, x = arb(2) ** -40, arb(0.625)
    with precision(256):
        difference = (slope(value(x + h)) - slope(value(x - h))) / (2 * h)
        assert abs(slope(value(Dual(x, arb(1)))).tangent - difference) < arb(2) ** -70


def test_the_tape_is_told_from_what_does_not_matter():
    tape = []
    a, b = Node(tape, arb(2)), Node(tape, arb(3))
    result = a * a + 5
    assert pull_back(tape, [(result, arb(1)), (result, arb(1))])[a.index] == 8
    assert pull_back(tape, [(result, arb(1))])[b.index] is None
