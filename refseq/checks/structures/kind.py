"""What the checks know of a kind of network or system."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from refseq.checks.function import Point


@dataclass(frozen=True)
class Kind:
    """
    examples(inputs, units)           what is judged and proved
    problems(network, dtype, seed)    on what
    code, scope                       what a proof is about: modules, and the problems in words
    """

    examples: Callable[[int, int], Iterable[Any]]
    problems: Callable[[Any, str, int], Iterable[Point]]
    code: str
    scope: str


Kinds = dict[type, Kind]
"""By the type of the network."""
