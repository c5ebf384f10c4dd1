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
    with pytest.raises(ValueError, match="got 9 below node 2"):
        from_linkage(np.array([[0.0, 9.0, 1.0, 2.0]]))
