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
def test_add_outer_rows_is_the_adjoint_of_add_product_in_the_matrix(rng, first, last):
    U, v, w = residues(rng, OPERAND, GATES, UNITS), residues(rng, OPERAND), residues(rng, SLOTS, UNITS)
    image, pulled = zeros(w.shape, w), zeros(U.shape, U)
    linear.add_product(image, U, v, first, last, PLACES, 0, 1)
    linear.add_outer_rows(pulled, v, w, first, last, PLACES, 0, 2, 0, 1)
    assert np.array_equal(pulled[2:], 0 * U[2:])
    linear.add_outer_rows(pulled, v, w, first, last, PLACES, 2, OPERAND, 0, 1)
    assert dot(w, image) == dot(pulled, U)


def test_products_add_to_what_is_there(rng):
    W, x, old = residues(rng, OPERAND, 3, 4), residues(rng, OPERAND), residues(rng, 3, 4)
    once, again = old.copy(), zeros(old.shape, old)
    linear.add_product(once, W, x, 0, 3, range(3), 0, 1)
    linear.add_product(again, W, x, 0, 3, range(3), 0, 1)
    assert np.array_equal(once, old + again)


def test_a_range_of_blocks_has_slots_of_its_own(rng):
    """Block ``first`` of the matrix goes to the first slot."""
    U, v = residues(rng, OPERAND, GATES, UNITS), residues(rng, OPERAND)
    whole, part = zeros((SLOTS, UNITS), U), zeros((SLOTS, UNITS), U)
    linear.add_product(whole, U, v, 0, GATES, PLACES, 0, 1)
    linear.add_product(part, U, v, 1, 3, PLACES[1:], 0, 1)
    whole[PLACES[0]] = Residue(0)
    assert np.array_equal(whole, part)


def test_rows_may_be_longer_than_a_matrix_has_units(rng):
    """Nothing is read or written beyond its units."""
    U, v, w = residues(rng, OPERAND, 2, 3), residues(rng, OPERAND), residues(rng, 2, UNITS)
    a, dv = w.copy(), zeros(v.shape, v)
    linear.add_product(a, U, v, 0, 2, (0, 1), 0, 1)
    linear.add_transposed_product(dv, U, w, 0, 2, (0, 1), 0, 1)
    assert np.array_equal(a[:, 3], w[:, 3])
    image = zeros((2, 3), U)
    linear.add_product(image, U, v, 0, 2, (0, 1), 0, 1)
    assert dot(w[:, :3], image) == dot(dv, v)


def test_copy_add_and_clear_work_on_the_first_entries(rng):
    source, target = residues(rng, UNITS), residues(rng, UNITS)
    for function, expected in ((linear.copy, source), (linear.add, target + source), (linear.clear, 0 * source)):
        result = target.copy()
        function(result, *(() if function is linear.clear else (source,)), 3, 0, 1)
        assert np.array_equal(result[:3], expected[:3])
        assert result[3] == target[3]


def arguments(dtype):
    rng = np.random.default_rng(11)
    W, x, v, w = (
        rng.normal(size=shape).astype(dtype)
        for shape in [(OPERAND, GATES, UNITS), (OPERAND,), (OPERAND,), (SLOTS, UNITS)]
    )
    return {
        "copy": (x.copy(), v, OPERAND),
        "add": (x.copy(), v, OPERAND),
        "add_product": (w.copy(), W, v, 0, GATES, PLACES),
        "clear": (x.copy(), OPERAND),
        "add_transposed_product": (v.copy(), W, w, 0, GATES, PLACES),
        "add_outer_rows": (W.copy(), x, w, 0, GATES, PLACES, 1, OPERAND),
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
