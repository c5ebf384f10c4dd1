"""Vector operations and their adjoints: <u, A v> = <A^T u, v> without tolerance, and lanes that share the work."""

import itertools

import numpy as np
import pytest

from refseq import linear
from refseq.arrays import lift, zeros
from refseq.fields.residue import MODULUS, Residue

GATES, SLOTS, UNITS, OPERAND = 3, 5, 4, 6
PLACES = (0, 4, 2)  # the slot of each gate
RANGES = [(0, 3), (0, 2), (2, 3), (1, 1)]


def residues(rng, *shape):
    return lift(rng.integers(0, MODULUS, shape), Residue)


def dot(a, b):
    return sum((a * b).reshape(-1), Residue(0))


@pytest.fixture
def rng():
    return np.random.default_rng(7)


@pytest.mark.parametrize(("first", "last"), RANGES)
def test_add_transposed_product_is_the_adjoint_of_add_product(rng, first, last):
    U, v, w = residues(rng, OPERAND, GATES, UNITS), residues(rng, OPERAND), residues(rng, SLOTS, UNITS)
    image, pulled = zeros(w.shape, w), zeros(v.shape, v)
    linear.add_product(image, U, v, first, last, PLACES, 0, 1)
    linear.add_transposed_product(pulled, U, w, first, last, PLACES, 0, 1)
    assert dot(w, image) == dot(pulled, v)
    assert first == last or dot(w, image) != 0


@pytest.mark.parametrize(("first", "last"), RANGES)
def test_add_outer_row_is_the_adjoint_of_add_product_in_the_matrix(rng, first, last):
    U, v, w = residues(rng, OPERAND, GATES, UNITS), residues(rng, OPERAND), residues(rng, SLOTS, UNITS)
    image, pulled = zeros(w.shape, w), zeros(U.shape, U)
    linear.add_product(image, U, v, first, last, PLACES, 0, 1)
    for k in range(OPERAND):
        linear.add_outer_row(pulled[k], v[k], w, first, last, PLACES, 0, 1)
    assert dot(w, image) == dot(pulled, U)


def test_the_adjoints_of_affine(rng):
    """W x + b is linear in (W, b) and, without b, in x."""
    W, b, x = residues(rng, OPERAND, GATES, UNITS), residues(rng, GATES, UNITS), residues(rng, OPERAND)
    w, image = residues(rng, GATES, UNITS), zeros((GATES, UNITS), b)
    linear.affine(image, W, b, x, 0, 1)
    dW, db, dx = zeros(W.shape, W), zeros(b.shape, b), zeros(x.shape, x)
    for k in range(OPERAND):
        linear.add_outer_row(dW[k], x[k], w, 0, GATES, range(GATES), 0, 1)
    linear.add_rows(db, w, 0, 1)
    linear.add_transposed_product(dx, W, w, 0, GATES, range(GATES), 0, 1)
    assert dot(w, image) == dot(dW, W) + dot(db, b)
    assert dot(w, image) == dot(dx, x) + dot(w, b)


def test_affine_overwrites_and_the_others_add(rng):
    W, b, x, old = (residues(rng, *shape) for shape in [(OPERAND, 3, 4), (3, 4), (OPERAND,), (3, 4)])
    once, again = old.copy(), zeros(old.shape, old)
    linear.affine(once, W, b, x, 0, 1)
    linear.affine(again, W, b, x, 0, 1)
    assert np.array_equal(once, again)
    linear.add_product(once, W, x, 0, 3, range(3), 0, 1)
    assert np.array_equal(once, again + (again - b))


def test_clear_leaves_the_slots_before_it(rng):
    a = residues(rng, SLOTS, UNITS)
    expected = a.copy()
    expected[2:] = Residue(0)
    linear.clear(a, 2, 0, 1)
    assert np.array_equal(a, expected)


def arguments(dtype):
    rng = np.random.default_rng(11)
    W, b, x, v, w = (
        rng.normal(size=shape).astype(dtype)
        for shape in [(OPERAND, GATES, UNITS), (GATES, UNITS), (OPERAND,), (OPERAND,), (SLOTS, UNITS)]
    )
    return {
        "affine": (b.copy(), W, b, x),
        "add_product": (w.copy(), W, v, 0, GATES, PLACES),
        "clear": (w.copy(), 1),
        "add_transposed_product": (v.copy(), W, w, 0, GATES, PLACES),
        "add_outer_row": (b.copy(), x[0], w, 0, GATES, PLACES),
        "add_rows": (b.copy(), w[:GATES]),
    }


@pytest.mark.parametrize("lanes", [2, 3, 7])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", arguments("float64"))
def test_lanes_one_after_another_equal_one_lane(name, dtype, lanes):
    """Bitwise, in any order of the lanes: every entry of a result belongs to one lane."""
    function = getattr(linear, name)
    alone, *rest = arguments(dtype)[name]
    untouched = alone.copy()
    function(alone, *rest, 0, 1)
    assert not np.array_equal(alone, untouched)
    for order in itertools.islice(itertools.permutations(range(lanes)), 4):
        shared = untouched.copy()
        for lane in order:
            function(shared, *rest, lane, lanes)
        assert shared.tobytes() == alone.tobytes()
