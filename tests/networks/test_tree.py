"""Recursive networks: against a textbook and autograd, against rigorous values, and what must hold of any forest."""

import numba
import numpy as np
import pytest

import refseq
from refseq.arrays import lift
from refseq.checks.budget import THRESHOLD
from refseq.checks.structures import of_tree
from refseq.networks import tree
from refseq.trees import balanced, catalogue, chain, from_brackets, from_children, from_parents, join
from tests.conftest import framework
from tests.networks import tree_textbook
from tests.networks.structures import caterpillar, cotangents, deviations, random_forest, transposed, values

RECURSIVE = refseq.tree_layer("recursive", 3, 4)
LSTM = refseq.tree_layer("tree_lstm", 3, 4)
SUM = refseq.tree_layer("child_sum_tree_lstm", 3, 4)
LAYERS = [RECURSIVE, LSTM, SUM]
SHAPES = {
    "random": random_forest(np.random.default_rng(1), 11, 2, 2),
    "skewed": caterpillar(9),
    "balanced": balanced(6),
}
VARIANTS = [
    refseq.tree_layer(name, inputs, 3, **options)
    for name, recurrence in catalogue().items()
    for options in recurrence.variants()
    if "x" not in options
    for inputs in (2, 0)
]
EPS = np.finfo(np.float64).eps


def results(layer, forest, given, weights, target="reference"):
    """Everything that a layer computes, by name."""
    function = of_tree(layer, forest)
    return function.everything(given, {}, weights, target)


def same(ours, theirs):
    return [n for n in ours if not (ours[n].dtype == theirs[n].dtype and np.array_equal(ours[n], theirs[n]))]


def problem(layer, forest, dtype="float64", given=False, seed=2):
    return values(layer, forest, seed, dtype, given), cotangents(layer, forest.nodes, seed + 1, dtype)


# the gradient is right


@pytest.mark.parametrize("layer", VARIANTS, ids=str)
@pytest.mark.parametrize("given", [False, True], ids=["computed leaves", "given leaves"])
def test_backward_is_the_transpose_over_a_finite_field(layer, given):
    forest = random_forest(np.random.default_rng(4), 9, layer.arity or 4, 2)
    assert forest.arity == (layer.arity or forest.arity)
    assert transposed(of_tree(layer, forest), values(layer, forest, 5, given=given)) == []


def test_a_wrong_gradient_is_seen_by_the_finite_field(monkeypatch):
    """A child's memory whose forget gate gets no gradient."""
    function, wrong = of_tree(SUM, SHAPES["random"]), tree.backward

    def without_the_forget_gate(recording, ds):
        pulled = wrong(recording, ds)
        pulled.weights[1].biases[0][0, 1] *= 0
        return pulled

    monkeypatch.setattr(tree, "backward", without_the_forget_gate)
    assert transposed(function, values(SUM, SHAPES["random"], 5)) == ["b_f"]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_values_and_gradients_are_within_rounding_of_the_true_ones(layer, shape):
    forest = SHAPES[shape]
    worst = deviations(of_tree(layer, forest), *problem(layer, forest, given=shape == "skewed"))
    assert [name for name, sigma in worst.items() if not sigma <= THRESHOLD] == [], worst


def test_float32_is_within_rounding_as_well():
    worst = deviations(of_tree(RECURSIVE, SHAPES["random"]), *problem(RECURSIVE, SHAPES["random"], "float32"))
    assert max(worst.values()) <= THRESHOLD, worst


def test_an_error_of_1e_12_is_seen(monkeypatch):
    forest, right = SHAPES["random"], tree.backward

    def slightly_wrong(recording, ds):
        pulled = right(recording, ds)
        pulled.weights[0].matrices[1][:] *= 1 + 1e-12
        return pulled

    monkeypatch.setattr(tree, "backward", slightly_wrong)
    worst = deviations(of_tree(LSTM, forest), *problem(LSTM, forest))
    assert [name for name, sigma in worst.items() if not sigma <= THRESHOLD] == ["dW_hh_left"]


def test_complex_step_through_the_compiled_loop():
    """Im f(p + ih v)/h is the directional derivative up to h^2; h = 2^-100 leaves rounding: 1e3 operations, 2^-52."""
    forest = SHAPES["random"]
    given, weights = problem(RECURSIVE, forest)
    tensors = results(RECURSIVE, forest, given, weights)
    towards = values(RECURSIVE, forest, 9)
    moved = {name: value + 2.0**-100 * 1j * towards[name] for name, value in given.items()}
    out = of_tree(RECURSIVE, forest).forward(moved, {}, "reference")[0]
    step = sum(np.sum(out[name].imag * weights[name]) for name in out) * 2.0**100
    terms = [tensors[f"d{name}"] * towards[name] for name in given]
    size = sum(np.sum(np.abs(term)) for term in terms)
    assert abs(step - sum(np.sum(term) for term in terms)) <= 1e3 * EPS * size


# textbook


@pytest.mark.parametrize("given", [False, True], ids=["computed leaves", "given leaves"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_textbook_computes_the_same(layer, given):
    """A handful of roundings apart: depth times additions of a pre-activation."""
    forest = SHAPES["random"]
    arrays, _ = problem(layer, forest, given=given)
    states = tree_textbook.run(np, layer, forest, arrays)
    state = {name: arrays[f"state[{name}]"] for name in layer.cell.state} if given else None
    run = layer.forward({name: arrays[name] for name in layer.shapes}, arrays["x"], forest, state)
    for i, name in enumerate(layer.cell.state):
        ours = np.stack([states[node][i] for node in range(forest.nodes)])
        np.testing.assert_allclose(run.state[name], ours, rtol=0, atol=100 * EPS)
    assert np.array_equal(run.y, run.state["h"])


@pytest.mark.parametrize("given", [False, True], ids=["computed leaves", "given leaves"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_autograd_of_the_textbook_gives_the_same_gradients(layer, given):
    torch = framework("torch")
    forest = SHAPES["random"]
    arrays, weights = problem(layer, forest, given=given)
    tensors = {name: torch.tensor(value, requires_grad=True) for name, value in arrays.items()}
    states = tree_textbook.run(torch, layer, forest, tensors)
    loss = 0
    for i, name in enumerate(layer.cell.state):
        cotangent = torch.tensor(weights[f"state[{name}]"] + (weights["y"] if i == 0 else 0))
        loss = loss + (torch.stack([states[node][i] for node in range(forest.nodes)]) * cotangent).sum()
    loss.backward()
    ours = results(layer, forest, arrays, weights, "cpu")
    for name, tensor in tensors.items():
        np.testing.assert_allclose(ours[f"d{name}"], tensor.grad.numpy(), rtol=0, atol=1e3 * EPS, err_msg=name)


def test_the_form_of_the_lectures():
    """p = tanh(W [c1; c2] + b): two vectors in, one of the same length out."""
    layer = refseq.tree_layer("recursive", 0, 3)
    params = {name: np.random.default_rng(0).normal(size=shape) for name, shape in layer.shapes.items()}
    words = np.random.default_rng(1).normal(size=(3, 3))
    forest, numbers = from_brackets("((a b) c)", labelled=False), {k: lift(v, float) for k, v in params.items()}
    y = layer.forward(numbers, None, forest, {"h": lift(words, float)}, "reference").y.astype(float)
    w = np.concatenate([params["W_hh_left"][0], params["W_hh_right"][0]], axis=1)
    inner = np.tanh(w @ np.concatenate([words[0], words[1]]) + params["b_h"][0])
    root = np.tanh(w @ np.concatenate([inner, words[2]]) + params["b_h"][0])
    np.testing.assert_allclose(y[:2], [root, inner], rtol=0, atol=20 * EPS)
    assert np.array_equal(y[2:], words)


# a chain is a recurrent network


def as_chain(name, params):
    """The parameters of a recurrent layer for the tree layer of this name."""
    if name != "child_sum_tree_lstm":
        return params
    node = {key: params[key][[0, 2, 3]] for key in ("W_hx", "W_hh", "b_h")}
    return node | {"W_fx": params["W_hx"][[1]], "W_fh": params["W_hh"][[1]], "b_f": params["b_h"][[1]]}


def chain_and_sequence(name, recurrent, options, number):
    """What both compute of the same numbers, by name."""
    steps = 5
    layer, tree_layer = refseq.layer(recurrent, 3, 4), refseq.tree_layer(name, 3, 4, **options)
    rng = np.random.default_rng(3)

    def draw(*shape):
        return number(rng.normal(size=shape))

    params = {key: draw(*shape) for key, shape in layer.shapes.items()}
    x, dy = draw(steps + 1, 3), draw(steps + 1, 4)
    state, dstate = {key: draw(1, 4) for key in layer.cell.state}, {key: draw(1, 4) for key in layer.cell.state}
    zero = number(np.zeros((steps, 4)))
    run = tree_layer.forward(as_chain(name, params), x, chain(steps + 1), state, "reference")
    below = {key: np.concatenate([zero, value]) for key, value in dstate.items()}
    grads = tree_layer.backward(run, np.concatenate([zero[:1], dy[1:]]), below)
    before = {key: value[None] for key, value in state.items()}
    other = layer.forward(params, x[1:, None], before, target="reference")
    theirs = layer.backward(other, dy[1:, None], {key: value[None] for key, value in dstate.items()})
    ours = {"y": run.y[1:], "x": grads.x[1:]} | {f"end {key}": value[-1] for key, value in run.state.items()}
    expected = {"y": other.y[:, 0], "x": theirs.x[:, 0]}
    expected |= {f"end {key}": value[0, 0] for key, value in other.state.items()}
    ours |= {f"state {key}": value[0] for key, value in grads.state.items()} | grads.params
    expected |= {f"state {key}": value[0, 0] for key, value in theirs.state.items()} | as_chain(name, theirs.params)
    return ours, expected


UNARY = [("recursive", "elman", {"arity": 1}), ("tree_lstm", "lstm", {"arity": 1})]


@pytest.mark.parametrize(("name", "recurrent", "options"), UNARY)
def test_a_chain_is_the_recurrent_layer_bit_for_bit(name, recurrent, options):
    """The same source on Python floats: the same operations in the same order."""
    ours, theirs = chain_and_sequence(name, recurrent, options, lambda array: lift(array, float))
    assert same(ours, theirs) == []


def test_a_compiled_chain_is_the_compiled_recurrent_layer_bit_for_bit():
    ours, theirs = chain_and_sequence(*UNARY[0], lambda array: array)
    assert same(ours, theirs) == []


def test_a_child_sum_chain_is_the_lstm():
    """Forward bit for bit; h's cotangent is summed in another order, so gradients are some roundings apart: T = 5 steps
    of 16 products each, of numbers below 10."""
    ours, theirs = chain_and_sequence("child_sum_tree_lstm", "lstm", {}, lambda array: lift(array, float))
    assert [name for name in same(ours, theirs) if name in ("y", "end h", "end c")] == []
    for name, value in ours.items():
        assert np.max(np.abs(value - theirs[name])) <= 5 * 16 * 10 * EPS, name


def test_one_child_makes_the_lstm_of_the_catalogue():
    shapes = refseq.tree_layer("tree_lstm", 3, 4, arity=1).shapes
    assert shapes == refseq.layer("lstm", 3, 4).shapes
    assert refseq.tree_layer("recursive", 3, 4, arity=1).shapes == refseq.layer("elman", 3, 4).shapes


# any forest


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


def swapped(forest):
    """Every node's children in the opposite order."""
    return from_children([[c for _, c in tree_textbook.kids(forest, n)][::-1] for n in range(forest.nodes)])


def test_the_order_of_children_matters_where_they_have_positions():
    forest = SHAPES["balanced"]
    for layer in (RECURSIVE, LSTM):
        given, weights = problem(layer, forest)
        exchanged = given | {"W_hh_left": given["W_hh_right"], "W_hh_right": given["W_hh_left"]}
        ours = results(layer, forest, given, weights)
        assert not np.allclose(ours["y"][-1], results(layer, swapped(forest), given, weights)["y"][-1])
        if layer is RECURSIVE:
            theirs = results(layer, swapped(forest), exchanged, weights)
            np.testing.assert_allclose(theirs["y"], ours["y"], rtol=0, atol=100 * EPS)


def test_the_order_of_children_does_not_matter_where_they_are_summed():
    """Two children: a + b = b + a, bit for bit; only sums of gradients over edges are reordered."""
    forest = SHAPES["balanced"]
    given, weights = problem(SUM, forest)
    ours, theirs = (results(SUM, f, given, weights) for f in (forest, swapped(forest)))
    assert [n for n in same(ours, theirs) if n in ("y", "state[h]", "state[c]")] == []
    for name, value in ours.items():
        np.testing.assert_allclose(theirs[name], value, rtol=0, atol=100 * EPS * np.abs(value).max())


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


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_degenerate_forests(layer):
    for forest in (chain(0), chain(1), from_parents([-1, -1, -1])):
        given, weights = problem(layer, forest)
        tensors = results(layer, forest, given, weights, "cpu")
        assert tensors["y"].shape == (forest.nodes, 4)
        assert not any(np.any(v) for n, v in tensors.items() if n.startswith(("dW_hh", "dW_f", "db_f")))


def test_a_chain_of_100_000_nodes():
    layer, forest = RECURSIVE, chain(100_000)
    given, weights = problem(layer, forest)
    tensors = results(layer, forest, given, weights, "cpu")
    assert all(np.isfinite(value).all() for value in tensors.values())
    assert np.abs(tensors["y"]).max() <= 1
