"""Tokens on their way between the caller's arrays (T, R, n) and dense ones (R, T or more, width), row by row.

places[b]: where the tokens of row b are that count, and after these all others. Only those that count are read; rows of
dense arrays beyond them become 0, and so do results of tokens that do not count.
"""

from collections.abc import Callable
from functools import cache

from numba.extending import register_jitable

from refseq.networks.attention.kit import Kit
from refseq.team import Team


@cache
def moves(kit: Kit) -> tuple[Callable, Callable, Callable]:
    """
    gather(matrix, x, b, count, places, lane, lanes)     the dense tokens of a row
    scatter(x, b, matrix, count, places, lane, lanes)    the inverse
    wipe(matrix, last, lane, lanes)                      rows before ``last`` become 0
    """
    clear, take, put, blank = kit.clear, kit.take, kit.put, kit.blank

    @register_jitable
    def gather(matrix, x, b, count, places, lane, lanes):
        for i in range(count):
            take(matrix, i, x, places[i], b, lane, lanes)
        for i in range(count, matrix.shape[0]):
            clear(matrix, i, lane, lanes)

    @register_jitable
    def scatter(x, b, matrix, count, places, lane, lanes):
        for i in range(count):
            put(x, places[i], b, matrix, i, lane, lanes)
        for i in range(count, x.shape[0]):
            blank(x, places[i], b, lane, lanes)

    @register_jitable
    def wipe(matrix, last, lane, lanes):
        for i in range(last):
            clear(matrix, i, lane, lanes)

    return gather, scatter, wipe


def build_gather(kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, x, counts, places, dense)."""
    gather, _, _ = moves(kit_of(dtype))
    index, size = team.index, team.size

    @register_jitable
    def row(b, x, counts, places, dense):
        gather(dense[b], x, b, counts[b], places[b], index(), size())

    return row


def build_scatter(kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, dense, counts, places, x)."""
    _, scatter, _ = moves(kit_of(dtype))
    index, size = team.index, team.size

    @register_jitable
    def row(b, dense, counts, places, x):
        scatter(x, b, dense[b], counts[b], places[b], index(), size())

    return row


def build_clear(kit_of: Callable, dtype: str, team: Team) -> Callable:
    """row(b, dense): dense[b] becomes 0."""
    _, _, wipe = moves(kit_of(dtype))
    index, size = team.index, team.size

    @register_jitable
    def row(b, dense):
        wipe(dense[b], dense.shape[1], index(), size())

    return row
