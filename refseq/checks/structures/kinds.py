"""All kinds of network and system that are judged beyond layers: each file of a kind has its examples and problems."""

from collections.abc import Iterable
from typing import Any

from refseq.checks.function import Point
from refseq.checks.structures import (
    attention,
    ctc,
    graphs,
    markov,
    memory_networks,
    seq2seq,
    trees,
    turing_machines,
)
from refseq.checks.structures.kind import Kind, Kinds

KINDS: Kinds = {
    **trees.KINDS,
    **graphs.KINDS,
    **markov.KINDS,
    **ctc.KINDS,
    **attention.KINDS,
    **seq2seq.KINDS,
    **turing_machines.KINDS,
    **memory_networks.KINDS,
}


def kind_of(network: Any) -> Kind:
    """Raises TypeError for what is none of them."""
    if type(network) not in KINDS:
        names = ", ".join(kind.__name__ for kind in KINDS)
        raise TypeError(f"network: expected one of {names}; got {type(network).__name__}")
    return KINDS[type(network)]


def networks(inputs: int, units: int) -> list[Any]:
    """Every example of every kind."""
    return [network for kind in KINDS.values() for network in kind.examples(inputs, units)]


def problems(network: Any, dtype: str, seed: int = 0) -> Iterable[Point]:
    """What a network is judged on."""
    return kind_of(network).problems(network, dtype, seed)
