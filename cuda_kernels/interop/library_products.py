"""The products that need no time loop, by the matrix product of the caller's library: cuBLAS, through torch or cupy.

As ``cuda_kernels.products``, of the same tables, with what the libraries have in common: views, arrays of indices, @.
Sums have the library's order and precision (TF32 where the caller has allowed it), so their bits may change with the
shape; the tiles' do not.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from cuda_kernels.tiled_products import NOTHING

Lines = list[tuple[int, int, int]]
"""Gate, slot and start of the blocks of one direction."""


def project(blocks: np.ndarray, M: Any, bias: Any, x: Any, times: Any, rows: Any, a: Any) -> None:
    """a[rows, slot] = start + x M[:, gate]."""
    for d, lines in _by_direction(blocks):
        weights, own = _gates(M[d], lines), a[d]
        made = (x[:, 0][times[d]] @ weights).reshape(rows.shape[0], len(lines), -1)
        width = made.shape[2]
        for number, (_, slot, start) in enumerate(lines):
            total = made[:, number]
            if start >= 0:
                total = total + bias[d, start, :width]
            elif start != NOTHING:
                total = total + own[:, slot, :width][rows]
            own[:, slot, :width][rows] = total


def pull(gates: np.ndarray, slots: np.ndarray, M: Any, da: Any, times: Any, rows: Any, dx: Any) -> None:
    """dx[times] += sum over gates of da[rows, slot] M[:, gate]'."""
    lines = [(int(gate), int(slot), NOTHING) for gate, slot in zip(gates, slots, strict=True)]
    for d in range(M.shape[0]):
        mine = dx[d][:, 0]
        mine[times[d]] = mine[times[d]] + _cotangents(da[d], rows, lines, M.shape[3]) @ _gates(M[d], lines).T


def outer(
    blocks: np.ndarray, v: Any, own: int, vector: int, places: Any, shift: int, da: Any, rows: Any, dM: Any
) -> None:
    """dM[:, gate] += v[places + shift, vector]' da[rows, slot]."""
    K, H = dM.shape[1], dM.shape[3]
    for d, lines in _by_direction(blocks):
        operand = v[d * own][:, vector, :K][places[d] + shift]
        made = (operand.T @ _cotangents(da[d], rows, lines, H)).reshape(K, len(lines), H)
        for number, (gate, _, _) in enumerate(lines):
            dM[d][:, gate] += made[:, number]


def _by_direction(blocks: np.ndarray) -> Iterator[tuple[int, Lines]]:
    for d in dict.fromkeys(blocks[:, 0].tolist()):
        yield d, [(gate, slot, start) for direction, gate, slot, start in blocks.tolist() if direction == d]


def _gates(M: Any, lines: Lines) -> Any:
    """The blocks of a matrix (K, G, H) beside one another: (K, gates H); a view where these are all."""
    gates = [gate for gate, _, _ in lines]
    chosen = M if gates == list(range(M.shape[1])) else M[:, gates]
    return chosen.reshape(M.shape[0], -1)


def _cotangents(da: Any, rows: Any, lines: Lines, width: int) -> Any:
    """da (rows, A, W) of these pre-activations beside one another: (V, slots H)."""
    slots = [slot for _, slot, _ in lines]
    return da[:, slots, :width][rows].reshape(rows.shape[0], -1)
