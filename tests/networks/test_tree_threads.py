"""Threads and pieces of work do not change a bit of a recursive network."""

import numba
import pytest

from refseq.networks import tree
from refseq.trees import balanced, chain, join
from tests.networks.structures import LAYERS, RECURSIVE, SHAPES, problem, results, same


def spans(layer, forest, given):
    return tree._spans(layer.forward({name: given[name] for name in layer.shapes}, given["x"], forest)._recording)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_threads_do_not_change_a_bit(layer, monkeypatch):
    """Wide levels are shared, narrow ones are not: both occur."""
    forest = join([balanced(40), chain(6), SHAPES["random"]])
    given, weights = problem(layer, forest)
    alone = results(layer, forest, given, weights, "reference")
    monkeypatch.setattr(numba, "get_num_threads", lambda: 3)
    monkeypatch.setattr(tree, "WORTH_A_THREAD", 1000)
    found = spans(layer, forest, given)
    wide, narrow = ([last - first for first, last, shared in found if shared is kind] for kind in (True, False))
    assert wide
    assert narrow
    assert sum(wide) + sum(narrow) == forest.nodes
    assert same(alone, results(layer, forest, given, weights, "cpu")) == []


def test_a_level_of_one_node_is_not_shared(monkeypatch):
    """However much work it is: a chain of wide nodes would wait for threads that have nothing to do."""
    monkeypatch.setattr(numba, "get_num_threads", lambda: 3)
    monkeypatch.setattr(tree, "WORTH_A_THREAD", 1)
    forest = chain(5)
    assert spans(RECURSIVE, forest, problem(RECURSIVE, forest)[0]) == [(0, 5, False)]


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_pieces_of_work_do_not_change_a_bit(layer, threads, monkeypatch):
    """Ctrl-C is looked at between pieces: of 2 nodes here, and in gradients of 1 row and 3 nodes."""
    forest = join([balanced(7), chain(6)])
    given, weights = problem(layer, forest)
    whole, handed, shared = results(layer, forest, given, weights), [], tree.shared

    def seen(pool, lanes, function, first, last, arguments):
        handed.append((last - first, arguments[1] - arguments[0] if isinstance(arguments[0], int) else 0))
        shared(pool, lanes, function, first, last, arguments)

    size = sum(matrix.size for part in layer.parts for matrix in part.pack(given).matrices)
    monkeypatch.setattr(numba, "get_num_threads", lambda: threads)
    monkeypatch.setattr(tree, "shared", seen)
    monkeypatch.setattr(tree, "AT_A_TIME", 2 * size)
    monkeypatch.setattr(tree, "AT_ONCE", 2 * size // 3)
    assert same(whole, results(layer, forest, given, weights, "cpu")) == []
    assert max(nodes for nodes, summed in handed if summed == 0) == 2
    assert max(summed for _, summed in handed) == 3


def test_ctrl_c_ends_a_pass_and_leaves_the_layer_as_it_was(monkeypatch):
    forest = SHAPES["random"]
    given, weights = problem(RECURSIVE, forest)
    before, shared, calls = results(RECURSIVE, forest, given, weights), tree.shared, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            raise KeyboardInterrupt
        shared(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(tree, "shared", interrupted)
        patch.setattr(tree, "AT_A_TIME", 1)
        with pytest.raises(KeyboardInterrupt):
            results(RECURSIVE, forest, given, weights, "cpu")
    assert same(before, results(RECURSIVE, forest, given, weights, "cpu")) == []
