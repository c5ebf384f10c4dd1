"""The threads that share one batch row, and the chaining of functions that they call one after another."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from numba.extending import register_jitable

from refseq.linear import add_product
from refseq.row import row_of


@dataclass(frozen=True)
class Team:
    """The threads that share one batch row: which one am I, how many are there, wait for all. ``product``: the order of
    the loops of a product that is best for them, ``refseq.linear.add_product`` or its twin, with the same bits.
    ``row(rows, n)``: row n of an array, which compiled for a GPU no plain function can return."""

    index: Callable[[], int]
    size: Callable[[], int]
    barrier: Callable[[], None]
    product: Callable[..., None] = add_product
    row: Callable = row_of


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


def chain(arguments: str, functions: Sequence[Callable]) -> Callable:
    """One function of these arguments that calls the functions one after another.

    Its source is written out, because numba has no loop over functions and compiles a call with ``*arguments`` slowly.
    """
    if len(functions) == 1:
        return functions[0]
    calls = [f"    f{k}({arguments})\n" for k in range(len(functions))]
    namespace: dict = {f"f{k}": function for k, function in enumerate(functions)}
    exec(f"def run({arguments}):\n{''.join(calls) or '    pass'}", namespace)
    return register_jitable(namespace["run"])
