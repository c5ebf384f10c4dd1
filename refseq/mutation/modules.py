"""The modules that the gate mutates: those that compute."""

CELLS = tuple(
    f"refseq.cells.{name}"
    for name in (
        *("activated", "additive", "child_sum", "elman", "gru", "jordan", "leaky", "lstm", "lstm_memory"),
        *("lstm_stages", "normalised", "projection", "readout", "recursive", "skip", "tree_lstm"),
    )
)
STEP = tuple(
    f"refseq.{name}"
    for name in (
        *("step", "scan", "pointwise", "operand", "linear", "operations", "softmax", "tuples", "columns", "team"),
        *("cell", "layout", "regularise", "tree_scan"),
    )
)
NUMBERS = ("refseq.primitives", "refseq.rules")
NETWORKS = tuple(
    f"refseq.{name}"
    for name in (
        *("networks.stacked", "networks.packing", "networks.tree"),
        *("networks.edges", "networks.graph"),
    )
)
TRAINING = tuple(
    f"refseq.{name}"
    for name in (
        *("losses.cross_entropy_rows", "losses.pointwise_rows", "losses.binary_cross_entropy", "losses.squared_error"),
        *("optimisers.sgd", "optimisers.rmsprop", "optimisers.adam", "optimisers.schedules"),
    )
)
SYSTEMS = tuple(f"refseq.losses.{name}" for name in ("ctc_mixture", "ctc_trellis"))
MODULES = (*CELLS, *STEP, *NUMBERS, *NETWORKS, *TRAINING, *SYSTEMS)
"""Every module that the gate mutates."""

GROUPS = {
    "cells": CELLS,
    "step": STEP,
    "numbers": NUMBERS,
    "networks": NETWORKS,
    "training": TRAINING,
    "systems": SYSTEMS,
}
"""Names for several modules at once."""

FORMULAS: dict[str, tuple[str, ...]] = {
    "refseq.losses.binary_cross_entropy": ("surprise", "element"),
    "refseq.losses.squared_error": ("element",),
    "refseq.networks.tree": ("forward", "backward", "_gradient", "_handed"),
    "refseq.networks.edges": ("build_collect", "build_correlate", "add_messages", "messages_backward"),
}
"""Of these modules only these functions are mutated: the rest checks arguments or divides work between threads."""


def computes(module: str, function: str) -> bool:
    """Whether a function of a module is mutated."""
    known = FORMULAS.get(module)
    return known is None or function.partition(".")[0] in known
