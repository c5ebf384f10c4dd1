"""Launches of rows (``refseq.engine.rowwise``) one after another, in one call of compiled code.

All wait for all between groups. Within a group, the launches go through the same parts of the rows: whoever takes a
part runs every launch of the group on it.
"""

from functools import cache

import numpy as np

from refseq.engine import threads
from refseq.engine.calling import RUN, caller
from refseq.engine.compiling import CFunction, compiled_c
from refseq.engine.memory import keep_apart, word

PARTS, TABLE, GROUP = 0, 1, 2
"""Words of a group: how many parts, and the address of its table, which has the number of launches and for each the
addresses of its function and of its job."""


@cache
def compiled() -> tuple[CFunction, CFunction]:
    """What runs a part of a group, f(table, part), and all groups one after another, f(groups, count, threads' table,
    call, give_way)."""
    two, hand_out = caller(2), caller(9)

    def engine_group(table, part):
        keep_apart()
        for n in range(word(table, 0)):
            two(word(table, 1 + 2 * n), word(table, 2 + 2 * n), part)

    group = compiled_c(engine_group, 2, "int64")
    size = GROUP

    def engine_groups(groups, count, pool, call, group):
        keep_apart()
        give_way = word(groups, 0)
        for n in range(count):
            parts, table = word(groups, 1 + size * n), word(groups, 2 + size * n)
            if pool and parts > 1:
                hand_out(call, pool, group, 2, parts, table, 0, 0, 0, give_way)
            else:
                for part in range(parts):
                    two(group, table, part)

    return group, compiled_c(engine_groups, 5, "int64")


def run(where: int, words: np.ndarray, count: int, most: int) -> None:
    """Run ``count`` groups, of which one has at most ``most`` parts; their words begin with one that is written here.
    ``where``: the address of the words."""
    group, groups = compiled()
    if most > 1:
        with threads.borrowed(most) as (pool, call, give_way):
            words[0] = give_way
            RUN[5](groups.address, where, count, pool, call, group.address)
        return
    RUN[5](groups.address, where, count, 0, 0, group.address)
