"""Directed graphs with weighted edges: sums over a node's neighbours, and their adjoint.

m_v = sum over the edges u -> v of w_uv P_u

An adjacency matrix is read as ``scipy.sparse.csgraph`` does: A[u, v] is the weight of the edge u -> v. The adjoint in P
is the same sum along the reversed edges, with the transposed matrix.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba.extending import register_jitable

from refseq import arguments
from refseq.arrays import field_name, lift, zeros
from refseq.primitives import constant
from refseq.rowwise import run_rows
from refseq.targets import HOST
from refseq.team import Team


@dataclass(frozen=True, eq=False)
class Neighbours:
    """For node v the edges offsets[v] <= e < offsets[v + 1]: the other end of each, and its number in the weights."""

    offsets: np.ndarray
    ends: np.ndarray
    entries: np.ndarray


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of one type: those that arrive at every node, those that leave it, and their weights, in ascending
    order of source and target."""

    arriving: Neighbours
    leaving: Neighbours
    weights: np.ndarray

    @property
    def reversed(self) -> "Edges":
        """Every edge the other way round."""
        return Edges(self.leaving, self.arriving, self.weights)


def edges_of_types(adjacency: Any, weights: Any, types: int, nodes: int, sample: np.ndarray) -> tuple[Edges, ...]:
    """The edges of every type, with the matrices' values or these ``weights``, in the field of ``sample``. Raises
    TypeError or ValueError naming the argument."""
    matrices = list(adjacency) if isinstance(adjacency, (list, tuple)) else [adjacency]
    if weights is not None and not isinstance(weights, (list, tuple)):
        raise TypeError(f"weights: expected a list of arrays, got {type(weights).__name__}")
    for what, given in (("adjacency", matrices), ("weights", weights)):
        if given is not None and len(given) != types:
            raise ValueError(f"{what}: expected one for each of {types} edge types, got {len(given)}")
    found = []
    for r, matrix in enumerate(matrices):

        def values(data: np.ndarray, r: int = r) -> np.ndarray:
            if weights is None:
                return in_field(f"adjacency[{r}]", data, sample)
            return arguments.array(f"weights[{r}]", weights[r], data.shape, sample.dtype)

        found.append(edges(f"adjacency[{r}]", matrix, nodes, values))
    return tuple(found)


def edges(name: str, adjacency: Any, nodes: int, weights: Callable[[np.ndarray], np.ndarray]) -> Edges:
    """The edges of an adjacency matrix (N, N), duplicates summed, with ``weights(its values)``. Raises TypeError or
    ValueError naming the matrix."""
    from scipy import sparse  # slow to import, and few need it

    if not sparse.issparse(adjacency):
        raise TypeError(f"{name}: expected a matrix of scipy.sparse, got {type(adjacency).__name__}")
    if adjacency.shape != (nodes, nodes):
        raise ValueError(f"{name}: expected shape ({nodes}, {nodes}) for {nodes} nodes, got {adjacency.shape}")
    matrix = _compressed(name, adjacency)
    matrix.sum_duplicates()
    rows = np.repeat(np.arange(nodes), np.diff(matrix.indptr))
    columns = matrix.indices.astype(np.int64)
    order = np.argsort(columns, kind="stable")
    offsets = np.concatenate([[0], np.cumsum(np.bincount(columns, minlength=nodes))]).astype(np.int64)
    leaving = Neighbours(matrix.indptr.astype(np.int64), columns, np.arange(len(columns)))
    arriving = Neighbours(offsets, rows[order], order)
    return Edges(arriving, leaving, weights(matrix.data))


def _compressed(name: str, adjacency: Any) -> Any:
    """A copy in rows, with integers wide enough for sums: True + True = 2, and 100 + 100 in int8 is no wrap. scipy
    reads and writes wherever the indices point, so they are looked at before anything else."""
    from scipy import sparse

    try:
        matrix = adjacency.copy()
        if matrix.format in ("csr", "csc", "bsr"):  # the others do it themselves
            matrix.check_format(full_check=True)
        wide = {"b": np.int64, "i": np.int64, "u": np.uint64}.get(matrix.dtype.kind)
        matrix = sparse.csr_array(matrix if wide is None else matrix.astype(wide))
        matrix.check_format(full_check=True)
    except ValueError as error:
        raise ValueError(f"{name}: expected a consistent matrix; scipy says: {error}") from error
    return matrix


def in_field(name: str, data: np.ndarray, sample: np.ndarray) -> np.ndarray:
    """A matrix's values in the number field of the parameters: integers, numbers of their dtype, and for complex
    numbers and objects the real numbers of the same precision. Raises TypeError for others."""
    real = np.dtype(np.float64) if sample.dtype == object else np.real(sample).dtype
    if data.dtype.kind not in "iu" and data.dtype not in (real, sample.dtype):
        raise TypeError(f"{name}: expected integers or {sample.dtype} like the other arrays, got {field_name(data)}")
    if sample.dtype == object and data.dtype != object:
        return lift(data, lambda value: constant(sample.flat[0], float(value)))
    return data.astype(sample.dtype)


def build_collect(team: Team) -> Callable:
    """row(v, offsets, ends, entries, weights, values, result): result[v] += sum over v's edges of weight * values[other
    end], in the order of the edges."""
    index, size = team.index, team.size

    @register_jitable
    def row(v, offsets, ends, entries, weights, values, result):
        for e in range(offsets[v], offsets[v + 1]):
            w, u, j = weights[entries[e]], ends[e], index()
            while j < values.shape[1]:
                result[v, j] = result[v, j] + w * values[u, j]
                j += size()

    return row


def build_correlate(team: Team) -> Callable:
    """row(u, offsets, ends, entries, values, cotangents, dweights): dweights of each edge u -> v += sum_j values[u, j]
    cotangents[v, j]; the adjoint of ``build_collect`` in the weights."""
    index, size = team.index, team.size

    @register_jitable
    def row(u, offsets, ends, entries, values, cotangents, dweights):
        e = offsets[u] + index()
        while e < offsets[u + 1]:
            total, v = dweights[entries[e]], ends[e]
            for j in range(values.shape[1]):
                total = total + values[u, j] * cotangents[v, j]
            dweights[entries[e]] = total
            e += size()

    return row


def add_messages(result: np.ndarray, along: Edges, values: np.ndarray, target: str) -> None:
    """result[v] += sum over the edges u -> v of weight * values[u]."""
    near = along.arriving
    _run(build_collect, near, [along.weights, values], result, values.shape[1], target)


def messages_backward(
    along: Edges, values: np.ndarray, cotangents: np.ndarray, dweights: np.ndarray, target: str
) -> np.ndarray:
    """The adjoint of add_messages: returns the cotangents of ``values``, adds those of the weights to ``dweights``."""
    dvalues = zeros(values.shape, values)
    add_messages(dvalues, along.reversed, cotangents, target)
    _run(build_correlate, along.leaving, [values, cotangents], dweights, values.shape[1], target)
    return dvalues


def _run(build: Callable, near: Neighbours, given: list, result: np.ndarray, units: int, target: str) -> None:
    """A row for every node; on the host one after another, as they are short."""
    where = "reference" if target in HOST else target
    inputs = [near.offsets, near.ends, near.entries, *given]
    run_rows(build, (), len(near.offsets) - 1, inputs, [result], target=where, units=units)
