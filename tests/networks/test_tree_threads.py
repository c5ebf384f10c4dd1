"""Threads and pieces of work do not change a bit of a recursive network."""

import numba
import pytest

from refseq.networks import tree
from refseq.trees import balanced, chain, join
from tests.networks.structures import LAYERS, SHAPES, problem, results, same


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_threads_do_not_change_a_bit(layer, monkeypatch):
    """Wide levels are shared, narrow ones are not: both occur."""
    forest = join([balanced(40), chain(6), SHAPES["random"]])
    given, weights = problem(layer, forest)
    alone = results(layer, forest, given, weights, "reference")
    monkeypatch.setattr(numba, "get_num_threads", lambda: 3)
    monkeypatch.setattr(tree, "WORTH_A_THREAD", 1000)
    run = layer.forward({name: given[name] for name in layer.shapes}, given["x"], forest)
    wide = [last - first for first, last, shared in tree._spans(run._recording) if shared]
    narrow = [last - first for first, last, shared in tree._spans(run._recording) if not shared]
    assert wide
    assert narrow
    assert sum(wide) + sum(narrow) == forest.nodes
    assert same(alone, results(layer, forest, given, weights, "cpu")) == []
