"""Trees on the engine: accuracy at every width, and what changes no bit: threads, pieces, other trees, other runs."""

import numpy as np
import pytest

import refseq
from refseq.checks.budget import THRESHOLD
from refseq.checks.structures import of_tree
from refseq.checks.structures.trees import random_forest
from refseq.engine import tree_gradient, tree_pieces, tree_setup, tree_target
from refseq.trees import balanced, chain, from_parents, join
from tests.engine.problems import different, shared_between
from tests.networks.structures import deviations, problem, results

LAYERS = [
    refseq.tree_layer("recursive", 3, 17),
    refseq.tree_layer("recursive", 16, 32, activation="relu", arity=3),
    refseq.tree_layer("tree_lstm", 5, 33),
    refseq.tree_layer("tree_lstm", 0, 16),
    refseq.tree_layer("child_sum_tree_lstm", 3, 9),
    refseq.tree_layer("child_sum_tree_lstm", 0, 8, bias=False),
]
FOREST = join([balanced(40), chain(6), random_forest(np.random.default_rng(1), 11, 2, 2)])


def found(layer, forest=FOREST, dtype="float32", target="cpu"):
    given, weights = problem(layer, forest, dtype, given=not layer.inputs)
    return results(layer, forest, given, weights, target)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_within_the_budget(layer, dtype):
    """Widths that fill a vector, that do not, and more than one; leaves given and computed."""
    forest = join([balanced(3), random_forest(np.random.default_rng(2), 6, 2, 1)])
    worst = deviations(of_tree(layer, forest), *problem(layer, forest, dtype, given=not layer.inputs))
    assert [name for name, sigma in worst.items() if not sigma <= THRESHOLD] == [], worst


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_many_nodes_are_as_the_reference_computes_them(layer):
    """More pieces than one, whole vectors of nodes: float64, 1e3 roundings of the largest."""
    forest = join([balanced(300), chain(50)])
    ours, theirs = (found(layer, forest, "float64", target) for target in ("cpu", "reference"))
    for name, value in theirs.items():
        assert np.abs(ours[name] - value).max() <= 1e3 * np.finfo(np.float64).eps * np.abs(value).max(), name


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_threads(layer, monkeypatch):
    """Wide levels are shared, narrow ones are not: both occur."""
    alone = found(layer)
    for count in (1, 2, 3, 5):
        with shared_between(count, monkeypatch), monkeypatch.context() as patch:
            patch.setattr(tree_target, "WORTH_A_THREAD", 4 * tree_target.multiplications(packed(layer)))
            cut = layer_tape(layer).pieces
            assert count == 1 or min(cut.parts) == 1 < max(cut.parts) <= count
            assert different(found(layer), alone) == [], count


def packed(layer):
    given, _ = problem(layer, FOREST, "float32", given=not layer.inputs)
    return tuple(part.pack(given) for part in layer.parts)


def layer_tape(layer, forest=FOREST):
    given, _ = problem(layer, forest, "float32", given=not layer.inputs)
    state = None if layer.inputs else {name: given[f"state[{name}]"] for name in layer.cell.state}
    return layer.forward({name: given[name] for name in layer.shapes}, given.get("x"), forest, state)._recording.tape


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_pieces(layer, monkeypatch):
    """Of 1 node, of 3, of 50, and groups of them."""
    whole = found(layer)
    for rows, work in ((1, 1), (3, 10**9), (50, 10**5)):
        for count in (1, 3):
            with shared_between(count, monkeypatch), monkeypatch.context() as patch:
                patch.setattr(tree_target, "rows_at_a_time", lambda *_, rows=rows: rows)
                patch.setattr(tree_target, "AT_A_TIME", work)
                patch.setattr(tree_target, "WORTH_A_THREAD", 1)
                assert np.diff(layer_tape(layer).pieces.cuts).max() <= rows * count
                assert different(found(layer), whole) == [], (rows, count)


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_tree_alone_and_in_a_forest(layer):
    """Few rows and many are multiplied by different tiles."""
    trees = [balanced(20), chain(7), balanced(5), chain(1)]
    forest = join([*trees, balanced(90)])
    given, weights = problem(layer, forest, "float32", given=not layer.inputs)
    whole, first, leaf = results(layer, forest, given, weights, "cpu"), 0, 0
    for one in trees:
        rows, leaves = slice(first, first + one.nodes), slice(leaf, leaf + len(one.leaves))
        first, leaf = rows.stop, leaves.stop
        mine = {name: value[leaves] if name.startswith("state") else value for name, value in given.items()}
        mine |= {"x": given["x"][rows]} if layer.inputs else {}
        alone = results(layer, one, mine, {name: value[rows] for name, value in weights.items()}, "cpu")
        for name, value in alone.items():
            if name in ("y", "dx") or name.startswith("state"):
                assert np.array_equal(value, whole[name][rows]), name
            elif name.startswith("dstate"):
                assert np.array_equal(value, whole[name][leaves]), name


def test_many_children_are_summed_in_their_order(monkeypatch):
    """A node with 1000 children, and two levels below one another that are as wide."""
    layer = LAYERS[4]
    forest = from_parents([-1, *[0] * 1000, *range(1, 500)])
    whole = found(layer, forest)
    with shared_between(3, monkeypatch), monkeypatch.context() as patch:
        patch.setattr(tree_target, "WORTH_A_THREAD", 1)
        patch.setattr(tree_target, "rows_at_a_time", lambda *_: 7)
        assert different(found(layer, forest), whole) == []


def test_runs_do_not_see_one_another():
    """Memory that is used again, and backward twice."""
    layer = LAYERS[2]
    given, weights = problem(layer, FOREST, "float32")
    params = {name: given[name] for name in layer.shapes}
    first = results(layer, FOREST, given, weights, "cpu")
    run = layer.forward(params, given["x"], FOREST)
    layer.forward(params, given["x"] + 1, FOREST)
    dstate = {name: weights[f"state[{name}]"] for name in layer.cell.state}
    for _ in range(2):
        grads = layer.backward(run, weights["y"], dstate)
        again = {f"d{name}": value for name, value in grads.params.items()} | {"dx": grads.x}
        assert different(again, {name: value for name, value in first.items() if name.startswith("d")}) == []


def test_weights_that_are_not_finite_reach_leaves_as_on_the_reference():
    """A leaf's children have the state 0, and 0 times infinity is no number."""
    layer = LAYERS[0]
    given, _ = problem(layer, chain(3))
    params = {name: given[name] for name in layer.shapes}
    params["W_hh_right"][0, 2, 1] = np.inf
    ours, theirs = (layer.forward(params, given["x"], chain(3), target=target).y for target in ("cpu", "reference"))
    assert np.isnan(theirs).any(axis=1).all()
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))


def test_ctrl_c_between_pieces(monkeypatch):
    layer = LAYERS[0]
    before, share, calls = found(layer), tree_target.threads.share, []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 4:
            raise KeyboardInterrupt
        share(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(tree_target.threads, "share", interrupted)
        with pytest.raises(KeyboardInterrupt):
            found(layer)
    assert different(found(layer), before) == []


def test_an_order_of_sums_that_depends_on_pieces_is_seen(monkeypatch):
    """Pieces from the leaves up: the nodes of each still from the last to the first."""
    layer = LAYERS[0]
    given, weights = problem(layer, FOREST, "float32")
    whole, gradients = results(layer, FOREST, given, weights, "cpu"), []
    share = tree_target.threads.share

    def later(function, parts, *arguments):
        if function is tree_gradient.tree_gradient("float32"):
            gradients.append((function, parts, arguments))
        else:
            share(function, parts, *arguments)

    monkeypatch.setattr(tree_target, "rows_at_a_time", lambda *_: 9)
    assert different(results(layer, FOREST, given, weights, "cpu"), whole) == []
    monkeypatch.setattr(tree_target.threads, "share", later)
    wrong = results(layer, FOREST, given, weights, "cpu")
    assert gradients
    assert "dW_hx" in different(wrong, whole)


def test_pieces_by_hand():
    """A balanced tree over 6 leaves: levels of 6, 3, 1 and 1 nodes; levels 0 and 1 are wide."""
    forest = balanced(6)
    order = tree_pieces.Order(forest.order, forest.parents, forest.levels, forest.bounds, *forest.edges)
    cut = tree_pieces.pieces(order, 0, 2, 1, 2, 100)
    assert forest.bounds.tolist() == [0, 6, 9, 10, 11]
    assert cut.cuts.tolist() == [0, 3, 6, 9, 11]
    assert cut.parts.tolist() == [2, 2, 2, 1]
    assert cut.groups == ((0, 2), (2, 3), (3, 4))
    assert cut.shares == (2, 4)
    assert tree_pieces.pieces(order, 0, 2, 3, 9, 100).parts.tolist() == [2, 1, 1, 1]  # 6 nodes are work for 2
    assert tree_pieces.pieces(order, 6, 2, 99, 1, 2).groups == ((0, 1), (1, 2), (2, 3))


def test_a_thread_has_as_many_rows_as_its_cache_holds():
    sizes = tree_setup.sizes_of(packed(LAYERS[2])[0])
    rows = tree_setup.rows_at_a_time(LAYERS[2].cell, sizes)
    assert tree_setup.FEWEST <= rows <= tree_setup.MOST
