"""The threads that share one batch row, and the chaining of functions that they call one after another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

from numba.extending import register_jitable


@dataclass(frozen=True)
class Team:
    """The threads that share one batch row: which one am I, how many are there, wait for all."""

    index: Callable[[], int]
    size: Callable[[], int]
    barrier: Callable[[], None]


@register_jitable
def _first() -> int:
    return 0


@register_jitable
def _one() -> int:
    return 1


@register_jitable
def _nothing() -> None:
    pass


ALONE = Team(_first, _one, _nothing)
"""A CPU thread works on a row by itself."""


@register_jitable
def _skip(*arguments):
    pass


def chain(functions: Sequence[Callable]) -> Callable:
    """One function that calls these with the same arguments, in this order. numba unrolls it."""

    def both(first: Callable, second: Callable) -> Callable:
        @register_jitable
        def run(*arguments):
            first(*arguments)
            second(*arguments)

        return run

    return reduce(both, functions) if functions else _skip
