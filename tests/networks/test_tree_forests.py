"""What holds of recursive networks on any forest: trees are independent, numbers of nodes mean nothing."""

import numpy as np
import pytest

from refseq.trees import balanced, chain, from_children, from_parents, join
from tests.networks import tree_textbook
from tests.networks.structures import EPS, LAYERS, SHAPES, problem, random_forest, results, same


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_tree_by_itself_is_the_tree_in_a_forest_bit_for_bit(layer):
    trees = [balanced(3), chain(4), random_forest(np.random.default_rng(8), 7, 2), chain(1)]
    forest = join(trees)
    given, weights = problem(layer, forest)
    whole, first, sums = results(layer, forest, given, weights, "cpu"), 0, {}
    for one in trees:
        rows = slice(first, first + one.nodes)
        first += one.nodes
        mine = given | {"x": given["x"][rows]}
        alone = results(layer, one, mine, {name: value[rows] for name, value in weights.items()}, "cpu")
        for name, value in alone.items():
            if name in ("y", "dx") or name.startswith("state"):
                assert np.array_equal(value, whole[name][rows]), name
            else:
                sums[name] = sums.get(name, 0) + value
    for name, total in sums.items():  # the same terms in another order
        np.testing.assert_allclose(total, whole[name], rtol=0, atol=100 * EPS * np.abs(total).max())


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_the_numbers_of_the_nodes_do_not_matter(layer):
    forest = SHAPES["random"]
    given, weights = problem(layer, forest)
    number = np.random.default_rng(0).permutation(forest.nodes)
    children = [[] for _ in number]
    for node in range(forest.nodes):
        own = dict(tree_textbook.kids(forest, node))
        children[number[node]] = [number[own[k]] if k in own else None for k in range(max(own, default=-1) + 1)]

    def moved(arrays):
        return {k: v[np.argsort(number)] if len(v) == forest.nodes else v for k, v in arrays.items()}

    ours = results(layer, forest, given, weights)
    theirs = results(layer, from_children(children), moved(given), moved(weights))
    for name, value in moved(ours).items():
        exact = name in ("y", "dx") or name.startswith("state")
        np.testing.assert_allclose(theirs[name], value, rtol=0, atol=0 if exact else 100 * EPS * np.abs(value).max())


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_only_what_is_below_a_node_has_a_gradient(layer):
    forest = SHAPES["random"]
    given, weights = problem(layer, forest)
    inner = int(forest.order[-2])
    below, level = {inner}, [inner]
    while level:
        level = [child for node in level for _, child in tree_textbook.kids(forest, node)]
        below |= set(level)
    only = {name: np.where(np.arange(forest.nodes)[:, None] == inner, value, 0) for name, value in weights.items()}
    dx = results(layer, forest, given, only)["dx"]
    assert {int(node) for node in np.flatnonzero(dx.any(axis=1))} == below
    assert 1 < len(below) < forest.nodes


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_nan_in_one_tree_never_reaches_another(layer):
    forest = join([balanced(3), SHAPES["random"], chain(3)])
    given, weights = problem(layer, forest)
    ours = results(layer, forest, given, weights, "cpu")
    sick = forest.tree == 1
    given["x"][sick], weights["y"][sick] = np.nan, np.nan
    theirs = results(layer, forest, given, weights, "cpu")
    for name in ("y", "dx", *(f"state[{name}]" for name in layer.cell.state)):
        assert np.array_equal(ours[name][~sick], theirs[name][~sick]), name
        assert np.isnan(theirs[name][sick]).all(), name


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_inputs_of_given_leaves_are_not_read(layer):
    forest = SHAPES["random"]
    given, weights = problem(layer, forest, given=True)
    ours = results(layer, forest, given, weights)
    given["x"][forest.leaves] = np.nan
    theirs = results(layer, forest, given, weights)
    assert same(ours, theirs) == []
    assert not ours["dx"][forest.leaves].any()


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_degenerate_forests(layer):
    for forest in (chain(0), chain(1), from_parents([-1, -1, -1])):
        given, weights = problem(layer, forest)
        tensors = results(layer, forest, given, weights, "cpu")
        assert tensors["y"].shape == (forest.nodes, 4)
        assert not any(np.any(v) for n, v in tensors.items() if n.startswith(("dW_hh", "dW_f", "db_f")))


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_chain_of_100_000_nodes(layer):
    forest = chain(100_000)
    given, weights = problem(layer, forest)
    tensors = results(layer, forest, given, weights, "cpu")
    assert all(np.isfinite(value).all() for value in tensors.values())
    assert np.abs(tensors["y"]).max() <= 1
