"""Recall by content (L4.16): the value whose key is most like a query, as a song's refrain from one of its lines."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba.extending import register_jitable

from refseq import arguments
from refseq.arrays import DTYPES, few, zeros
from refseq.arrays import sample as sample_of
from refseq.networks.turing_machine.cosine import length, lengths_of_columns, similarity
from refseq.networks.turing_machine.sizes import EPSILON
from refseq.networks.turing_machine.storage import read
from refseq.networks.turing_machine.tempered import powers, shares
from refseq.primitives import constant
from refseq.rowwise import run_rows
from refseq.targets import available
from refseq.targets.visiting import guests
from refseq.tree_layer import TARGETS


@dataclass(frozen=True, eq=False)
class Recalled:
    """``values`` (B, V), a mean of the stored ones with these ``weights`` (B, N)."""

    values: np.ndarray
    weights: np.ndarray


def build(team: Any) -> Callable:
    """recall_row(b, keys, values, queries, numbers, found, weights, norms, K, e); keys (M, N), values (V, N), numbers:
    strength and epsilon."""
    index, size, barrier = team.index, team.size, team.barrier

    @register_jitable
    def recall_row(b, keys, values, queries, numbers, found, weights, norms, K, e):
        lengths_of_columns(norms[b], keys, numbers[1], index(), size())
        own = length(queries[b], keys.shape[0], numbers[1])
        similarity(K[b], queries[b], keys, norms[b], own, index(), size())
        barrier()
        powers(e[b], K[b], numbers[0], index(), size())
        barrier()
        shares(weights[b], e[b], index(), size())
        barrier()
        read(found[b], weights[b], values, index(), size())

    return recall_row


@guests("keys", "values", "queries")
def recall(
    keys: np.ndarray,
    values: np.ndarray,
    queries: np.ndarray,
    strength: float,
    *,
    epsilon: float = EPSILON,
    target: str = "cpu",
) -> Recalled:
    """What is stored under the keys that are like a query:

        w_i ~ exp(strength cos(query, key_i)),    value = sum_i w_i value_i

    keys (N, M), values (N, V), queries (B, M), of one dtype; cos as in ``refseq.turing_machine``, whose operations
    these are. ``strength`` 0 gives the mean of all values, a large one the value of the nearest key. Raises TypeError
    or ValueError naming the argument; RuntimeError where the target cannot run.
    """
    available(arguments.choice("target", target, TARGETS))
    keys = arguments.array("keys", keys, ("N", "M"), None)
    if str(keys.dtype) not in DTYPES:
        raise TypeError(f"keys: expected dtype {', '.join(DTYPES)}; got {keys.dtype}")
    count, width = keys.shape
    if not keys.size:
        raise ValueError(f"keys: expected at least one number, got shape {keys.shape}")
    values = arguments.array("values", values, (count, "V"), keys.dtype)
    queries = arguments.array("queries", queries, ("B", width), keys.dtype)
    if arguments.number("strength", strength) < 0:
        raise ValueError(f"strength: expected a number >= 0, got {strength}")
    rows, number, numbers = len(queries), sample_of(keys), few((2,), keys)
    numbers[0], numbers[1] = constant(number, strength), constant(number, epsilon)
    found, weights = zeros((rows, values.shape[1]), keys), zeros((rows, count), keys)
    run_rows(
        build,
        (),
        rows,
        [keys.transpose(1, 0), values.transpose(1, 0), queries, numbers],
        [found, weights],
        [zeros((rows, count), keys) for _ in range(3)],
        target=target,
        units=count,
        work=count * (2 * width + values.shape[1]),
    )
    return Recalled(found, weights)
