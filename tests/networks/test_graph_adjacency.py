"""Adjacency matrices of scipy.sparse: formats, kinds of numbers, duplicates, and what is refused."""

import numpy as np
import pytest
from scipy import sparse

from tests.networks.graphs import NODES, PLAIN, problem


def run(matrix, dtype="float64", rows=NODES):
    """What the example makes of this graph."""
    _, given, _ = problem(PLAIN)
    given = {name: value.astype(dtype) for name, value in given.items()}
    return PLAIN.forward({n: given[n] for n in PLAIN.shapes}, given["x"][:rows], matrix, target="reference")


def edges(weights, rows=(0, 0, 1, 0), columns=(1, 1, 2, 1)):
    """An edge 0 -> 1 that is given three times, and 1 -> 2."""
    return sparse.coo_array((np.asarray(weights), (rows, columns)), shape=(NODES, NODES))


def test_edges_given_twice_are_summed():
    once = edges([2.75, 1.0], (0, 1), (1, 2))
    twice = run(edges([0.5, 0.25, 1.0, 2.0]))
    assert np.array_equal(twice.y, run(once).y)
    assert PLAIN.backward(twice, np.ones((NODES, 4))).weights[0].shape == (2,)


@pytest.mark.parametrize(
    ("kind", "weight"), [("bool", 1), ("int8", 100), ("uint8", 200), ("int16", 20000), ("int64", 7)]
)
def test_the_sum_of_edges_given_twice_fits_no_small_integer(kind, weight):
    """True + True is 2, and 100 + 100 in int8 does not turn negative."""
    ours, theirs = (run(edges(np.full(4, weight).astype(dtype))) for dtype in (kind, "float64"))
    assert np.array_equal(ours.y, theirs.y)


@pytest.mark.parametrize("container", ["array", "matrix"])
@pytest.mark.parametrize("form", ["csr", "csc", "coo", "dok", "lil", "bsr", "dia"])
def test_any_format_and_integers_are_the_same_graph(form, container):
    dense = (problem(PLAIN)[0][0].toarray() != 0).astype(float)
    y, make = run(sparse.csr_array(dense)).y, getattr(sparse, f"{form}_{container}")
    for kind in (float, int, bool, np.uint8):
        assert np.array_equal(run(make(dense.astype(kind))).y, y)


def test_indices_may_be_of_64_bits():
    matrix = problem(PLAIN)[0][0]
    wide = sparse.csr_array(
        (matrix.data, matrix.indices.astype("i8"), matrix.indptr.astype("i8")), shape=(NODES, NODES)
    )
    assert np.array_equal(run(wide).y, run(matrix).y)


@pytest.mark.parametrize(("dtype", "weights"), [("complex64", "float32"), ("complex128", "float64")])
def test_complex_parameters_take_real_weights_of_their_precision(dtype, weights):
    matrix, other = problem(PLAIN)[0][0], {"float32": "float64", "float64": "float32"}[weights]
    assert run(matrix.astype(weights), dtype).y.dtype == dtype
    with pytest.raises(TypeError, match=rf"adjacency\[0\]: expected integers or {dtype}.*got {other}"):
        run(matrix.astype(other), dtype)


def test_an_entry_that_is_0_is_an_edge_with_a_gradient():
    given = run(edges([0.0, 1.0], (0, 1), (1, 2)))
    assert PLAIN.backward(given, np.ones((NODES, 4))).weights[0][0] != 0


def test_the_callers_matrix_is_not_changed():
    """Neither sorted nor summed, which scipy does in place; nor cut to length, as its own checks do."""
    data, indices = np.array([1.0, 2.0, 3.0, 9.0]), np.array([2, 1, 2, 0])
    matrix = sparse.csr_array((data[:3], indices[:3], np.array([0, 3, 3, 3, 3, 3, 3])), shape=(NODES, NODES))
    matrix.data, matrix.indices = data, indices
    run(matrix)
    assert (matrix.data.tolist(), matrix.indices.tolist()) == ([1.0, 2.0, 3.0, 9.0], [2, 1, 2, 0])


def test_an_empty_graph():
    empty = run(sparse.csr_array((0, 0)), rows=0)
    grads = PLAIN.backward(empty, np.zeros((0, 4)))
    assert empty.y.shape == (0, 4)
    assert grads.x.shape == (0, 2)
    assert not any(value.any() for value in grads.params.values())


def spoilt(form, attribute, at, value):
    """The example's matrix with an index that points elsewhere."""
    matrix = problem(PLAIN)[0][0].asformat(form).copy()
    if form == "coo":
        matrix.coords = (matrix.coords[0] + value, matrix.coords[1])
    elif form == "lil":
        matrix.rows[at][0] = value
    else:
        getattr(matrix, attribute)[at] = value
    return matrix


@pytest.mark.parametrize(
    ("form", "attribute", "at", "value"),
    [
        ("csr", "indices", 0, NODES),
        ("csr", "indices", 0, -1),
        ("csr", "indptr", 1, 900),
        ("csr", "indptr", -1, 900),
        ("csc", "indices", 0, 99),
        ("bsr", "indices", 0, 99),
        ("coo", "coords", 0, 99),
        ("lil", "rows", 0, 99),
    ],
)
def test_a_matrix_whose_indices_point_elsewhere_is_refused(form, attribute, at, value):
    """scipy itself reads and writes there."""
    with pytest.raises(ValueError, match=r"adjacency\[0\]: expected a consistent matrix; scipy says: "):
        run(spoilt(form, attribute, at, value))
