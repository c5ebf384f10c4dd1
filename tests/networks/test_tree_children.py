"""Children of a node: their order, their positions, missing and shared ones, and one forget gate for each."""

import numpy as np
import pytest

import refseq
from refseq.arrays import lift
from refseq.checks.function import Function
from refseq.checks.structures import of_tree
from refseq.fields.residue import MODULUS, Residue
from refseq.tree_cell import positions
from refseq.trees import balanced, chain, from_children
from tests.networks import tree_textbook
from tests.networks.structures import (
    EPS,
    LAYERS,
    LSTM,
    RECURSIVE,
    SHAPES,
    SUM,
    problem,
    random_forest,
    results,
    same,
    transposed,
    values,
)


def moved(forest, order):
    """Every node's child at position k stands at position order[k]."""
    lists = []
    for node in range(forest.nodes):
        own = {order[k]: child for k, child in tree_textbook.kids(forest, node)}
        lists.append([own.get(k) for k in range(max(own, default=-1) + 1)])
    return from_children(lists)


def moved_weights(layer, params, order):
    """The weights of position k, and the blocks of its forget gate in all matrices, become those of order[k]."""
    ends = positions(len(order))
    found = dict(params)
    for k, end in enumerate(ends):
        gates = layer.cell.layout.matrices[f"W_hh{end}"].gates
        forgets = {f"f{old}": f"f{ends[order[j]]}" for j, old in enumerate(ends)}
        blocks = np.empty_like(params[f"W_hh{end}"])
        for row, gate in enumerate(gates):
            blocks[gates.index(forgets.get(gate, gate))] = params[f"W_hh{end}"][row]
        found[f"W_hh{ends[order[k]]}"] = blocks
    return found


@pytest.mark.parametrize("order", [(1, 0), (2, 0, 1)])
@pytest.mark.parametrize("name", ["recursive", "tree_lstm"])
def test_children_that_move_with_their_weights_change_nothing(name, order):
    """A mirrored tree with left and right exchanged, and three children in a circle: exactly, over a finite field."""
    layer, rng = refseq.tree_layer(name, 3, 4, arity=len(order)), np.random.default_rng(6)
    forest = random_forest(rng, 12, len(order), 2)

    def residues(shape):
        return lift(rng.integers(0, MODULUS, shape), Residue)

    params, x = {name: residues(shape) for name, shape in layer.shapes.items()}, residues((12, 3))
    run = layer.forward(params, x, forest, target="reference")
    other = layer.forward(moved_weights(layer, params, order), x, moved(forest, order), target="reference")
    assert np.array_equal(run.y, other.y)
    assert not np.array_equal(run.y, layer.forward(params, x, moved(forest, order), target="reference").y)
    dy = residues((12, 4))
    ours, theirs = layer.backward(run, dy), layer.backward(other, dy)
    assert np.array_equal(ours.x, theirs.x)
    expected = moved_weights(layer, ours.params, order)
    assert [key for key, value in theirs.params.items() if not np.array_equal(value, expected[key])] == []


def test_the_order_of_children_matters_where_they_have_positions():
    forest = SHAPES["balanced"]
    for layer in (RECURSIVE, LSTM):
        given, weights = problem(layer, forest)
        ours, theirs = (results(layer, f, given, weights)["y"][-1] for f in (forest, moved(forest, (1, 0))))
        assert not np.allclose(ours, theirs)


def test_the_order_of_children_does_not_matter_where_they_are_summed():
    """Two children: a + b = b + a, bit for bit; only sums of gradients over edges are reordered."""
    forest = SHAPES["balanced"]
    given, weights = problem(SUM, forest)
    mirrored = from_children([[c for _, c in tree_textbook.kids(forest, n)][::-1] for n in range(forest.nodes)])
    ours, theirs = (results(SUM, f, given, weights) for f in (forest, mirrored))
    assert [n for n in same(ours, theirs) if n in ("y", "state[h]", "state[c]")] == []
    for name, value in ours.items():
        np.testing.assert_allclose(theirs[name], value, rtol=0, atol=100 * EPS * np.abs(value).max())


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_leaf_is_a_node_whose_children_have_the_state_0(layer):
    """Bit for bit: products with 0 are 0, and adding 0 changes nothing."""
    given, _ = problem(layer, chain(2))
    params = {name: given[name] for name in layer.shapes}
    nothing = {name: np.zeros((1, 4)) for name in layer.cell.state}
    above = layer.forward(params, given["x"], chain(2), nothing)
    alone = layer.forward(params, given["x"][1:], chain(1))
    assert all(np.array_equal(above.state[name][1:], alone.state[name]) for name in layer.cell.state)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_shared_subtree_is_given_twice_and_its_gradients_add(layer):
    """Two children that are the same tree of 5 nodes with the same x: exactly, over a finite field."""
    shared = [tree_textbook.kids(balanced(3), n) for n in range(5)]
    forest = from_children([*([child + first for _, child in own] for first in (0, 5) for own in shared), [4, 9]])
    twice = of_tree(layer, forest)

    def forward(given, constants, target):
        x = np.concatenate([given["x"], given["x"], given["root"]])
        return twice.forward({**given, "x": x}, constants, target)

    def summed(dx):
        return dx[:5] + dx[5:10]

    def backward(summed):
        def pulled(record, cotangents):
            found = twice.backward(record, cotangents)
            return found | {"dx": summed(found["dx"]), "droot": found["dx"][10:]}

        return pulled

    given = values(layer, forest, 5)
    given |= {"x": given["x"][:5], "root": given["x"][10:]}
    y = forward(given, {}, "reference")[0]["y"]
    assert np.array_equal(y[:5], y[5:10])
    assert transposed(Function(forward, backward(summed)), given) == []
    assert transposed(Function(forward, backward(lambda dx: dx[:5])), given) == ["x"]


@pytest.mark.parametrize("layer", [LSTM, SUM], ids=str)
def test_every_child_has_a_forget_gate_of_its_own(layer):
    """The left child's gate is open, the right one's closed, the input gate closed: c is c_left, and so is its
    gradient. sigmoid(1000) = 1 and sigmoid(-1000) = 0 to the last bit."""
    bare = refseq.tree_layer(layer.cell.name, 0, 4)
    params = {name: np.zeros(shape) for name, shape in bare.shapes.items()}
    params["b_h"][0] = -1000
    h = np.ones((2, 4))
    if layer is SUM:
        params["W_fh"][0], h[1] = 1000 * np.eye(4), -1
    else:
        params["W_hh_left"][1], params["W_hh_right"][2] = 1000 * np.eye(4), -1000 * np.eye(4)
    c = np.random.default_rng(0).normal(size=(2, 4))
    run = bare.forward(params, None, balanced(2), {"h": h, "c": c})
    assert np.array_equal(run.state["c"][2], c[0])
    ds = np.zeros((3, 4))
    ds[2] = 1.5
    state = bare.backward(run, None, {"h": None, "c": ds}).state
    assert np.array_equal(state["c"], [[1.5] * 4, [0.0] * 4])
