"""What is mutated of every module, and that a forest in pieces is asked for."""

import pytest

from refseq.mutation import networks, oracles
from refseq.mutation.fresh import path_of
from refseq.mutation.modules import FORMULAS, MODULES, computes
from refseq.mutation.mutants import Source
from refseq.mutation.operators import OPERATORS
from refseq.networks import tree

FOREST = "tree_lstm"


@pytest.mark.parametrize("module", MODULES)
def test_every_function_that_is_named_has_mutants(module):
    """One that was renamed would be left out without a word."""
    functions = {mutant.function.partition(".")[0] for mutant in Source(module, path_of(module)).mutants(OPERATORS)}
    mutated = {function for function in functions if computes(module, function)}
    assert mutated
    assert mutated == set(FORMULAS.get(module, mutated))


def asked_for_pieces():
    forest = networks.GENERAL[FOREST]()
    return oracles.pieces(forest, oracles.record(forest))


def test_a_forest_in_small_pieces_gives_the_same_bits():
    assert asked_for_pieces() == []


def test_nodes_that_are_summed_in_another_order_are_noticed(monkeypatch):
    right = tree._pieces
    monkeypatch.setattr(tree, "_pieces", lambda *given: right(*given)[::-1] if given[2] == 1 else right(*given))
    assert {"dW_hx", "dW_hh_left", "db_h"} <= set(asked_for_pieces())


def test_the_pieces_of_a_forest_are_small_only_there():
    before = tree.AT_ONCE, tree.AT_A_TIME
    asked_for_pieces()
    after = tree.AT_ONCE, tree.AT_A_TIME
    assert after == before
