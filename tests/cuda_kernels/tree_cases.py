"""Trees and graphs on the target "cuda" against "reference", bit for bit in the simulator; run by test_target.py."""

import numpy as np
import pytest

import refseq
from cuda_kernels import gpu, trees
from cuda_kernels.machine import Machine
from refseq.arrays import lift
from tests.cuda_kernels.callers import floats, mapped, plain
from tests.networks.structures import SHAPES, cotangents, values

LAYERS = [
    refseq.tree_layer("recursive", 3, 4),
    refseq.tree_layer("recursive", 2, 3, bias=False, arity=3),
    refseq.tree_layer("tree_lstm", 3, 4),
    refseq.tree_layer("child_sum_tree_lstm", 2, 5),
]

both_precisions = pytest.mark.parametrize("dtype", ["float32", "float64"])


def interpreted(array):
    """Objects of numpy's scalar type: for the reference target in plain Python, whose functions the simulator runs."""
    return lift(array, array.dtype.type)


def reordered(layer):
    """The gradients whose terms have another order here: of blocks of a matrix that several products share."""
    found = set()
    for cell in layer.cell.parts:
        products = [p for stage in cell.stages for p in stage.products if p.matrix is not None]
        used = [(product.matrix, gate) for product in products for gate in product.gates]
        found |= {f"d{matrix}" for matrix, gate in used if used.count((matrix, gate)) > 1}
    return found


def solved(layer, forest, given, weights, target, lift=lambda array: array):
    """States and gradients by name."""
    params = {name: lift(given[name]) for name in layer.shapes}
    state = {n: lift(given[f"state[{n}]"]) for n in layer.cell.state if f"state[{n}]" in given} or None
    run = layer.forward(params, lift(given["x"]), forest, state, target)
    dstate = {name: lift(weights[f"state[{name}]"]) for name in layer.cell.state}
    grads = layer.backward(run, lift(weights["y"]), dstate)
    found = {"y": run.y, **run.state, **{f"d{name}": g for name, g in grads.params.items()}, "dx": grads.x}
    return found | {f"dstate[{name}]": g for name, g in (grads.state or {}).items()}


def assert_equal(got, want, dtype, loose=()):
    assert got.keys() == want.keys()
    for name, array in want.items():
        if gpu.SIMULATOR and name not in loose:
            assert got[name].tobytes() == array.astype(dtype).tobytes(), name
        else:
            scale = np.abs(array.astype(float)).max(initial=1)
            assert np.abs(got[name] - array.astype(float)).max(initial=0) < 50 * np.finfo(dtype).eps * scale, name


@both_precisions
@pytest.mark.parametrize("given", [False, True], ids=["computed", "given"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_tree_agrees_with_the_reference(layer, shape, given, dtype):
    forest = SHAPES[shape]
    inputs, weights = values(layer, forest, 1, dtype, given), cotangents(layer, forest.nodes, 2, dtype)
    want = solved(layer, forest, inputs, weights, "reference", interpreted)
    assert_equal(solved(layer, forest, inputs, weights, "cuda"), want, dtype, reordered(layer))


@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_a_launch_does_not_change_a_bit(layer, monkeypatch):
    forest = SHAPES["random"]
    inputs, weights = values(layer, forest, 1), cotangents(layer, forest.nodes, 2)
    target = refseq.targets.target("cuda")
    want = solved(layer, forest, inputs, weights, "cuda")
    for blocks, threads in [(1, 1), (3, 2), (forest.nodes, 7)]:
        monkeypatch.setattr(target, "machine", Machine(blocks, threads))
        got = solved(layer, forest, inputs, weights, "cuda")
        assert all(got[name].tobytes() == array.tobytes() for name, array in want.items())


def test_a_forest_without_nodes_or_with_one():
    layer = LAYERS[-1]
    for nodes in (0, 1):
        forest = refseq.trees.from_parents(np.full(nodes, -1))
        inputs, weights = values(layer, forest, 1), cotangents(layer, nodes, 2)
        want = solved(layer, forest, inputs, weights, "reference", interpreted)
        assert_equal(solved(layer, forest, inputs, weights, "cuda"), want, "float64")


def test_blocks_that_products_share_are_few():
    assert [reordered(layer) for layer in LAYERS] == [set(), set(), {"dW_hx"}, set()]


def test_levels_begin_where_leaves_are_given():
    forest = SHAPES["balanced"]
    leaves = len(forest.leaves)
    assert trees._levels(forest, 0)[0] == (0, leaves)
    assert trees._levels(forest, leaves)[0][0] == leaves


@both_precisions
@pytest.mark.parametrize("cell", ["gru", "elman"])
def test_a_graph_agrees_with_the_reference(cell, dtype):
    from scipy.sparse import coo_array

    rng = np.random.default_rng(3)
    layer = refseq.graph_layer(2, 3, 2, edge_types=2, both_ways=True, cell=cell)
    matrices = [
        coo_array((rng.normal(size=6).astype(dtype), (rng.integers(0, 5, 6), rng.integers(0, 5, 6))), (5, 5))
        for _ in range(2)
    ]
    params = {name: rng.normal(size=shape).astype(dtype) for name, shape in layer.shapes.items()}
    x, dy = rng.normal(size=(5, 2)).astype(dtype), rng.normal(size=(5, 3)).astype(dtype)
    found = []
    for target, to in (("cuda", np.copy), ("reference", plain)):
        weights = [to(matrix.tocsr().data) for matrix in matrices]
        run = layer.forward(mapped(to, params), to(x), matrices, weights, target)
        grads = layer.backward(run, to(dy))
        found.append({"y": run.y, "dx": grads.x, **grads.params, **dict(enumerate(grads.weights))})
    close = {"rtol": 50 * np.finfo(dtype).eps, "atol": 50 * np.finfo(dtype).eps}
    for name, want in found[1].items():
        assert found[0][name].dtype == dtype
        np.testing.assert_allclose(found[0][name], floats(want), **close, err_msg=str(name))
