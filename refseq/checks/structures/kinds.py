"""The kinds of network and system that are judged beyond layers: the examples of each, and their problems."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from refseq.attention import Attention
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
from refseq.graph_layer import GraphLayer
from refseq.hard_memory_network import HardMemoryNetwork
from refseq.markov.autoregressive import Autoregressive
from refseq.markov.hmm import HMM
from refseq.memory_network import MemoryNetwork
from refseq.self_attention import SelfAttention
from refseq.seq2seq import Seq2Seq
from refseq.tree_layer import TreeLayer
from refseq.turing_machine import TuringMachine


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


KINDS: dict[type, Kind] = {
    TreeLayer: Kind(trees.examples, trees.problems, "refseq.tree_layer, tree_scan", "four forests of 4 to 7 nodes"),
    GraphLayer: Kind(
        graphs.examples, graphs.problems, "refseq.graph_layer, networks.graph, scan", "three graphs of 7 nodes"
    ),
    HMM: Kind(
        markov.hmm_examples, markov.hmm_problems, "refseq.markov.chain_rows, posterior_rows", "five sequences, T <= 4"
    ),
    Autoregressive: Kind(
        markov.autoregressive_examples,
        markov.autoregressive_problems,
        "refseq.markov.autoregressive_rows",
        "five sequences, T <= 4",
    ),
    ctc.CTC: Kind(ctc.examples, ctc.problems, "refseq.losses.ctc", "three batches of 7 rows, 6 frames"),
    Attention: Kind(
        attention.examples, attention.problems, "refseq.attention, networks.attention", "3 queries and 4 keys, 3 rows"
    ),
    SelfAttention: Kind(
        attention.self_examples,
        attention.self_problems,
        "refseq.self_attention, networks.attention",
        "rows of 3, 0 and 2 tokens",
    ),
    Seq2Seq: Kind(
        seq2seq.examples, seq2seq.problems, "refseq.seq2seq, layer, attention", "rows of 4, 0 and 3 source tokens"
    ),
    TuringMachine: Kind(
        turing_machines.examples,
        turing_machines.problems,
        "refseq.turing_machine, networks.turing_machine, step",
        "two sets of values, T = 3, rows of 3 and 1 steps",
    ),
    MemoryNetwork: Kind(
        memory_networks.examples,
        memory_networks.problems,
        "refseq.memory_network, networks.memory_network",
        "two sets of values, two stories",
    ),
    HardMemoryNetwork: Kind(
        memory_networks.hard_examples,
        memory_networks.hard_problems,
        "refseq.hard_memory_network, networks.memory_network",
        "two stories, the facts given and chosen",
    ),
}
"""By the type of the network."""


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
