"""Operations on vectors and their adjoints: exact over a finite field, the same bits for any number of lanes."""

import itertools

import numpy as np
import pytest

from refseq.arrays import lift, zeros
from refseq.fields.differential import Dual
from refseq.fields.residue import MODULUS, Residue
from refseq.operations import OPERATIONS

UNITS, LONGER = 5, 7
every_operation = pytest.mark.parametrize("operation", OPERATIONS.values(), ids=OPERATIONS)


def residues(rng, *shape):
    return lift(rng.integers(0, MODULUS, shape), Residue)


def dual(values, tangents):
    result = np.empty(len(values), object)
    result[:] = [Dual(value, tangent) for value, tangent in zip(values, tangents, strict=True)]
    return result


@every_operation
def test_the_adjoint_is_the_transposed_derivative(operation):
    rng = np.random.default_rng(3)
    a, v, w, epsilon = residues(rng, LONGER), residues(rng, LONGER), residues(rng, LONGER), residues(rng, 1)[0]
    out, kept, da = (zeros((LONGER,), a) for _ in range(3))
    operation.forward(a, out, kept, epsilon, UNITS, 0, 1)
    operation.backward(da, out, w, kept, UNITS, 0, 1)
    still = Dual(epsilon, Residue(0))
    pushed, record = (dual(zeros((LONGER,), a), zeros((LONGER,), a)) for _ in range(2))
    operation.forward(dual(a, v), pushed, record, still, UNITS, 0, 1)
    left = sum((pushed[j].tangent * w[j] for j in range(UNITS)), Residue(0))
    right = sum((da[j] * v[j] for j in range(UNITS)), Residue(0))
    assert left == right != 0
    assert all(number == 0 for array in (out, da) for number in array[UNITS:])  # the rest is not touched


@every_operation
def test_a_planted_error_is_seen(operation):
    """An adjoint that forgets one term is not the transpose: da = dout."""
    rng = np.random.default_rng(3)
    a, v, w = residues(rng, UNITS), residues(rng, UNITS), residues(rng, UNITS)
    pushed, record = (dual(zeros((UNITS,), a), zeros((UNITS,), a)) for _ in range(2))
    operation.forward(dual(a, v), pushed, record, Dual(Residue(3), Residue(0)), UNITS, 0, 1)
    left = sum((pushed[j].tangent * w[j] for j in range(UNITS)), Residue(0))
    assert left != sum((w * v).tolist(), Residue(0))


@pytest.mark.parametrize("lanes", [2, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_operation
def test_lanes_give_the_bits_of_one(operation, dtype, lanes):
    rng = np.random.default_rng(4)
    a, w = rng.normal(size=(2, UNITS)).astype(dtype)
    epsilon, results = a.dtype.type(1e-5), []
    for order in [range(1), *itertools.permutations(range(lanes))]:
        out, kept, da = (np.full(UNITS, np.nan, dtype) for _ in range(3))
        for lane in order:
            operation.forward(a, out, kept, epsilon, UNITS, lane, len(order))
        for lane in order:
            operation.backward(da, out, w, kept, UNITS, lane, len(order))
        results.append((out.tobytes(), da.tobytes()))
    assert len(set(results)) == 1
    assert np.isfinite(out).all()
    assert np.isfinite(da).all()


def test_a_normalised_vector_has_mean_0_and_variance_1():
    """Up to epsilon: the variance is v/(v + epsilon)."""
    a = np.random.default_rng(5).normal(3.0, 2.0, 64)
    out, kept = np.zeros(64), np.zeros(64)
    OPERATIONS["normalise"].forward(a, out, kept, 1e-5, 64, 0, 1)
    assert abs(out.mean()) <= 64 * 2**-52
    assert out.var() == pytest.approx(a.var() / (a.var() + 1e-5), rel=64 * 2**-52)


def test_a_constant_vector_is_normalised_to_zeros():
    out, kept = np.full(4, np.nan), np.zeros(4)
    OPERATIONS["normalise"].forward(np.full(4, 0.75), out, kept, 1e-5, 4, 0, 1)
    assert np.array_equal(out, np.zeros(4))
