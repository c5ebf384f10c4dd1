"""Pieces of work do not change a bit of a recursive network on the target "reference"; Ctrl-C is answered between them.

The target "cpu": tests/engine/test_trees.py.
"""

import pytest

from refseq.networks import tree
from refseq.trees import balanced, chain, join
from tests.networks.structures import LAYERS, RECURSIVE, SHAPES, problem, results, same


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_pieces_of_work_do_not_change_a_bit(layer, monkeypatch):
    """Of 2 nodes here, and in gradients of 1 row and 3 nodes."""
    forest = join([balanced(7), chain(6)])
    given, weights = problem(layer, forest)
    whole, cut, right = results(layer, forest, given, weights), set(), tree._pieces

    def seen(first, last, most):
        cut.add(most)
        return right(first, last, most)

    size = sum(matrix.size for part in layer.parts for matrix in part.pack(given).matrices)
    monkeypatch.setattr(tree, "_pieces", seen)
    monkeypatch.setattr(tree, "AT_A_TIME", 2 * size)
    monkeypatch.setattr(tree, "AT_ONCE", 2 * size // 3)
    assert same(whole, results(layer, forest, given, weights)) == []
    assert cut == {2, 3}


def test_ctrl_c_ends_a_pass_and_leaves_the_layer_as_it_was(monkeypatch):
    forest = SHAPES["random"]
    given, weights = problem(RECURSIVE, forest)
    before, right, calls = results(RECURSIVE, forest, given, weights), tree.kernels, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return right(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(tree, "kernels", interrupted)
        with pytest.raises(KeyboardInterrupt):
            results(RECURSIVE, forest, given, weights)
    assert same(before, results(RECURSIVE, forest, given, weights)) == []
