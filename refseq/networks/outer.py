"""Gradients of a matrix and a bias from the cotangents of its products: the second pass, whose rows are independent.

They are summed over the steps from the last to the first, and over the rows of each in order, so that no bit depends
on threads or blocks.
"""

from collections.abc import Callable

import numpy as np
from numba.extending import register_jitable

from refseq.arrays import zeros
from refseq.linear import add
from refseq.rowwise import run_rows
from refseq.team import Team


def build_outer(team: Team) -> Callable:
    """row(k, v, d, lengths, out): out[k] += sum v[t, b, k] d[t, b] for k < K, and out[K] += sum d[t, b], the bias.
    v (T, B, K), d (T, B, P), out (K + 1, P)."""
    index, size = team.index, team.size

    @register_jitable
    def outer_row(k, v, d, lengths, out):
        steps, rows = v.shape[0], v.shape[1]
        for back in range(steps):
            t = steps - 1 - back
            for b in range(rows):
                if t < lengths[b]:
                    if k < v.shape[2]:
                        factor = v[t, b, k]
                        j = index()
                        while j < d.shape[2]:
                            out[k, j] = out[k, j] + factor * d[t, b, j]
                            j += size()
                    else:
                        add(out[k], d[t, b], d.shape[2], index(), size())

    return outer_row


def outer(v: np.ndarray, d: np.ndarray, lengths: np.ndarray, like: np.ndarray, target: str) -> np.ndarray:
    """(K + 1, P) of v (T, B, K) and d (T, B, P): sum v[t, b, k] d[t, b, p] for every k, below it sum d[t, b, p]; steps
    t < lengths[b]. In the field of ``like``."""
    out = zeros((v.shape[2] + 1, d.shape[2]), like)
    run_rows(build_outer, (), len(out), [v, d, lengths], [out], target=target, units=d.shape[2], work=d.size)
    return out
