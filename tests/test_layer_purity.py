"""No aliasing, no mutation, any memory layout; a run remembers what it was computed from."""

import itertools

import numpy as np
import pytest

import refseq
from refseq.checks.tensors import forward_tensors, gradient_tensors
from tests.examples import LAYERS, everything, example, same

ARRAYS = ("params", "x", "state", "lengths", "dy", "dstate")
layers = pytest.mark.parametrize("layer", LAYERS, ids=str)


def strided(array):
    """Every second entry of a larger array, on every axis."""
    wide = np.full([2 * size for size in array.shape], 99).astype(array.dtype)
    view = wide[tuple(slice(None, None, 2) for _ in array.shape)]
    view[...] = array
    return view


def backward(array):
    """Negative strides."""
    return array[::-1].copy()[::-1]


def read_only(array):
    result = array.copy()
    result.flags.writeable = False
    return result


LAYOUTS = {
    "Fortran": np.asfortranarray,
    "strided": strided,
    "negative strides": backward,
    "read-only": read_only,
    "big-endian": lambda array: array.astype(array.dtype.newbyteorder(">")),
    "unaligned": lambda array: np.frombuffer(b"\0" + array.tobytes(), array.dtype, offset=1).reshape(array.shape),
    "subclass": lambda array: array.view(type("Mine", (np.ndarray,), {})),
}


def arrays(problem, change=lambda array: array.copy()) -> dict:
    given = {name: getattr(problem, name) for name in ARRAYS}
    return {n: {k: change(a) for k, a in v.items()} if isinstance(v, dict) else change(v) for n, v in given.items()}


def flat(given: dict) -> list[np.ndarray]:
    return [a for v in given.values() for a in (v.values() if isinstance(v, dict) else [v])]


@layers
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_any_memory_layout_gives_the_same_bits(layer, layout, dtype):
    problem = example(layer, dtype)
    assert same(everything(problem), everything(problem, **arrays(problem, LAYOUTS[layout])))


@layers
@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_arguments_are_not_changed(layer, target):
    problem = example(layer)
    given = arrays(problem)
    everything(problem, target, **given)
    for before, after in zip(flat(arrays(problem)), flat(given), strict=True):
        assert before.tobytes() == after.tobytes()


@layers
@pytest.mark.parametrize("steps", [0, 1, 6])
def test_results_share_no_memory(layer, steps):
    """Neither with the arguments nor with one another."""
    problem = example(layer, steps=steps)
    given = arrays(problem)
    results = list(everything(problem, **given).values())
    for one, other in itertools.product(results, flat(given)):
        assert not np.shares_memory(one, other)
    for one, other in itertools.combinations(results, 2):
        assert not np.shares_memory(one, other)


@layers
@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_what_happens_after_forward_does_not_change_backward(layer, target):
    problem = example(layer)
    given = arrays(problem)
    run = layer.forward(given["params"], given["x"], given["state"], given["lengths"], target=target)
    for array in [*flat(given), run.y, *run.state.values()]:
        array[...] = 77
    layer.forward(given["params"], given["x"], target=target)
    grads = layer.backward(run, problem.dy, problem.dstate)
    expected = everything(problem, target)
    assert all(
        value.tobytes() == expected[name].tobytes()
        for name, value in gradient_tensors(grads.params, grads.x, grads.state).items()
    )


@layers
def test_backward_twice_is_backward_once(layer):
    problem = example(layer)
    run = layer.forward(problem.params, problem.x, problem.state, problem.lengths)
    first, second = (layer.backward(run, problem.dy, problem.dstate) for _ in range(2))
    assert same(*(gradient_tensors(grads.params, grads.x, grads.state) for grads in (first, second)))
    assert not np.shares_memory(first.x, second.x)


@layers
def test_forward_twice_is_forward_once(layer):
    problem = example(layer)
    first, second = (layer.forward(problem.params, problem.x, problem.state, problem.lengths) for _ in range(2))
    assert same(*(forward_tensors(run.y, run.state) for run in (first, second)))
    assert not np.shares_memory(first.y, second.y)


def test_an_equal_layer_may_go_on_with_a_run():
    one, other = refseq.layer("lstm", 3, 4), refseq.layer("lstm", 3, 4)
    problem = example(one)
    run = one.forward(problem.params, problem.x)
    assert np.array_equal(one.backward(run, problem.dy).x, other.backward(run, problem.dy).x)
