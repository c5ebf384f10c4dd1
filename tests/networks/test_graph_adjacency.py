"""Adjacency matrices of scipy.sparse: formats, kinds of numbers, duplicates, and what is refused."""

import numpy as np
import pytest
from scipy import sparse

from tests.networks.graphs import NODES, PLAIN, problem


def test_edges_given_twice_are_summed():
    rows, columns, weights = [0, 0, 1, 0], [1, 1, 2, 1], [0.5, 0.25, 1.0, 2.0]
    _, given, dy = problem(PLAIN)
    params, x = {name: given[name] for name in PLAIN.shapes}, given["x"][:3]
    twice = PLAIN.forward(params, x, sparse.coo_array((weights, (rows, columns)), shape=(3, 3)))
    once = PLAIN.forward(params, x, sparse.coo_array(([2.75, 1.0], ([0, 1], [1, 2])), shape=(3, 3)))
    assert np.array_equal(twice.y, once.y)
    assert PLAIN.backward(twice, dy[:3]).weights[0].shape == (2,)


def test_any_format_and_integers_are_the_same_graph():
    graphs, given, _ = problem(PLAIN)
    params, dense = {name: given[name] for name in PLAIN.shapes}, (graphs[0].toarray() != 0).astype(float)
    y = PLAIN.forward(params, given["x"], sparse.csr_array(dense)).y
    for form in (sparse.csc_array, sparse.coo_matrix, sparse.dok_array, sparse.lil_matrix):
        for kind in (float, int, bool):
            assert np.array_equal(PLAIN.forward(params, given["x"], form(dense.astype(kind))).y, y)


def test_an_empty_graph():
    run = PLAIN.forward(PLAIN.initialise(), np.zeros((0, 2)), sparse.csr_array((0, 0)))
    grads = PLAIN.backward(run, np.zeros((0, 4)))
    assert run.y.shape == (0, 4)
    assert grads.x.shape == (0, 2)
    assert not any(value.any() for value in grads.params.values())
