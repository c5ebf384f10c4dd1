"""Trees found from the input by hierarchical clustering, which scipy does."""

from typing import Any

import numpy as np

from refseq.trees.forest import Forest


def from_linkage(linkage: np.ndarray) -> Forest:
    """The binary tree of a linkage matrix (n-1, 4) of ``scipy.cluster.hierarchy``: nodes 0..n-1 are the observations,
    node n + i is the cluster that row i makes, and the last node is the root. Raises TypeError or ValueError, also what
    scipy raises, for a matrix that is no linkage."""
    from scipy.cluster import hierarchy  # slow to import, and few need it

    given = np.asarray(linkage)
    hierarchy.is_valid_linkage(given, throw=True, name="linkage")
    pairs = given[:, :2]
    if not np.array_equal(np.sort(pairs, axis=None), np.arange(pairs.size)):  # scipy lets fractions and inf pass
        raise ValueError(f"linkage: expected each cluster 0..{pairs.size - 1} to be joined once, got others")
    leaves = np.zeros(len(pairs) + 1, np.int64)
    return Forest(np.concatenate([leaves, np.arange(0, pairs.size + 1, 2)]), pairs.astype(np.int64).ravel())


def from_points(points: np.ndarray, method: str = "average", metric: Any = "euclidean") -> Forest:
    """The tree of ``scipy.cluster.hierarchy.linkage(points, method, metric)`` over points (n, features), n >= 1; a
    single node for one point, by any method. Points at equal distances are joined in scipy's order. Raises TypeError or
    ValueError naming the points, and what scipy raises for a method or metric."""
    from scipy.cluster import hierarchy

    given = np.asarray(points)
    if given.dtype.kind not in "iuf":
        raise TypeError(f"points: expected real numbers, got dtype {given.dtype}")
    if given.ndim != 2 or not len(given):
        raise ValueError(f"points: expected shape (n, features) with n >= 1, got {given.shape}")
    if not np.isfinite(given).all():
        raise ValueError("points: expected finite numbers, got others")
    if len(given) == 1:  # scipy wants two
        return Forest(np.zeros(2, np.int64), np.zeros(0, np.int64))
    return from_linkage(hierarchy.linkage(given, method, metric))
