"""The tree of a clustering is scipy's."""

import numpy as np
import pytest
from scipy.cluster import hierarchy

from refseq.trees import from_linkage, from_points


@pytest.mark.parametrize("method", ["single", "average", "ward"])
def test_the_tree_is_the_one_of_scipy(method):
    points = np.random.default_rng(0).normal(size=(17, 3))
    linkage = hierarchy.linkage(points, method)
    forest = from_linkage(linkage)
    assert forest == from_points(points, method)
    assert forest.leaves.tolist() == list(range(17))
    assert forest.roots.tolist() == [32]
    _, nodes = hierarchy.to_tree(linkage, rd=True)
    for node in nodes:
        own = forest.children[forest.offsets[node.id] : forest.offsets[node.id + 1]].tolist()
        assert own == ([] if node.is_leaf() else [node.left.id, node.right.id])


def test_near_points_are_joined_first():
    forest = from_points(np.array([[0.0], [10.0], [0.1], [10.2]]))
    assert forest.parents[[0, 2]].tolist() == [4, 4]
    assert forest.parents[[1, 3]].tolist() == [5, 5]


def test_small_and_bad_input():
    assert from_points(np.zeros((1, 2))).nodes == 1
    with pytest.raises(ValueError, match=r"points: expected shape \(n, features\) with n >= 1, got \(0, 2\)"):
        from_points(np.zeros((0, 2)))
    with pytest.raises(ValueError, match="linkage"):
        from_linkage(np.zeros((3, 3)))
    assert from_points(np.zeros((1, 2)), metric="seuclidean").nodes == 1
    for points, error, words in (
        ([["a", "b"]], TypeError, "points: expected real numbers, got dtype <U1"),
        (np.ones((3, 2)) * 1j, TypeError, "points: expected real numbers, got dtype complex128"),
        (np.array([[1.0], [np.nan]]), ValueError, "points: expected finite numbers"),
        (np.ones(3), ValueError, r"points: expected shape \(n, features\)"),
    ):
        with pytest.raises(error, match=words):
            from_points(points)


@pytest.mark.parametrize("first", [9.0, 0.5, -1.0, np.inf, np.nan])
def test_a_matrix_that_joins_what_is_not_there(first):
    """scipy lets fractions and infinity pass, which an integer array would silently hold as others."""
    with pytest.raises(ValueError, match="linkage"):
        from_linkage(np.array([[first, 1.0, 1.0, 2.0]]))


def test_points_at_equal_distances_are_joined_in_scipys_order():
    points = np.zeros((7, 2))
    forest = from_points(points)
    assert forest == from_linkage(hierarchy.linkage(points, "average")) == from_points(points)
    assert (len(forest.roots), len(forest.leaves)) == (1, 7)
