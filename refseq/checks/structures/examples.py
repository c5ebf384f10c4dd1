"""What is judged and proved beyond layers of one recurrence: stacks, trees and graphs, with every option."""

from typing import Any

import refseq
import refseq.trees
from refseq.graph_layer import GraphLayer
from refseq.stack import Stack
from refseq.tree_layer import TreeLayer


def stacks(inputs: int) -> list[Stack]:
    """Layers of different recurrences, directions, merges and sizes on one another."""
    first = refseq.layer("lstm", inputs, 4, bidirectional=True, merge="sum")
    second = refseq.layer("gru", 4, 5, bidirectional=True, merge="mean")
    third, fourth = refseq.layer("skip", inputs, 4), refseq.layer("jordan", 4, 5, outputs=2)
    return [refseq.stack(first, second, refseq.layer("elman", 5, 3)), refseq.stack(third, fourth)]


def networks(inputs: int, units: int) -> list[TreeLayer | GraphLayer]:
    """Every recurrence over trees with every option, and graph networks of several cells."""
    catalogue, graph = refseq.trees.catalogue(), refseq.graph_layer
    examples: list[tuple[str, dict[str, Any]]] = [
        (name, dict(options)) for name, recurrence in catalogue.items() for options in recurrence.variants()
    ]
    return [
        *(refseq.tree_layer(name, inputs, units, **options) for name, options in examples if "x" not in options),
        *(refseq.tree_layer(name, 0, units) for name in catalogue),
        graph(inputs, units, 2, edge_types=2, both_ways=True, reset="after"),
        graph(inputs, units, 3),
        graph(inputs, units, 2, cell="lstm"),
        graph(inputs, units, 2, cell="leaky", learn="layer"),
    ]
