"""Children of a node: their order, their positions, and one forget gate for each."""

import numpy as np

from refseq.trees import from_children
from tests.networks import tree_textbook
from tests.networks.structures import EPS, LSTM, RECURSIVE, SHAPES, SUM, problem, results, same


def swapped(forest):
    """Every node's children in the opposite order."""
    return from_children([[c for _, c in tree_textbook.kids(forest, n)][::-1] for n in range(forest.nodes)])


def test_the_order_of_children_matters_where_they_have_positions():
    forest = SHAPES["balanced"]
    for layer in (RECURSIVE, LSTM):
        given, weights = problem(layer, forest)
        exchanged = given | {"W_hh_left": given["W_hh_right"], "W_hh_right": given["W_hh_left"]}
        ours = results(layer, forest, given, weights)
        assert not np.allclose(ours["y"][-1], results(layer, swapped(forest), given, weights)["y"][-1])
        if layer is RECURSIVE:
            theirs = results(layer, swapped(forest), exchanged, weights)
            np.testing.assert_allclose(theirs["y"], ours["y"], rtol=0, atol=100 * EPS)


def test_the_order_of_children_does_not_matter_where_they_are_summed():
    """Two children: a + b = b + a, bit for bit; only sums of gradients over edges are reordered."""
    forest = SHAPES["balanced"]
    given, weights = problem(SUM, forest)
    ours, theirs = (results(SUM, f, given, weights) for f in (forest, swapped(forest)))
    assert [n for n in same(ours, theirs) if n in ("y", "state[h]", "state[c]")] == []
    for name, value in ours.items():
        np.testing.assert_allclose(theirs[name], value, rtol=0, atol=100 * EPS * np.abs(value).max())
