"""Rows of different lengths, empty sequences, the reverse direction."""

import numpy as np
import pytest

import refseq
from refseq.checks.budget import THRESHOLD, sigma
from tests.examples import LAYERS, ROWS, STEPS, everything, example, same

TARGETS = ["cpu", "reference"]
layers = pytest.mark.parametrize("layer", LAYERS, ids=str)
targets = pytest.mark.parametrize("target", TARGETS)


def padding(problem):
    return np.arange(len(problem.x))[:, None] >= problem.counts


@layers
@targets
def test_nothing_comes_out_of_the_padding(layer, target):
    problem = example(layer)
    tensors = everything(problem, target)
    for name in ("y", "dx"):
        assert np.all(tensors[name][padding(problem)] == 0)
        assert np.any(tensors[name][~padding(problem)] != 0)


@layers
@targets
@pytest.mark.parametrize("rubbish", [np.nan, np.inf, 1e300])
def test_nothing_comes_in_from_the_padding(layer, target, rubbish):
    problem = example(layer)
    x, dy = problem.x.copy(), problem.dy.copy()
    x[padding(problem)] = dy[padding(problem)] = rubbish
    assert same(everything(problem, target), everything(problem, target, x=x, dy=dy))


@layers
@targets
def test_a_row_is_what_it_is_alone_at_its_own_length(layer, target):
    """Outputs, states and their gradients bit for bit; gradients of parameters are sums over rows."""
    problem = example(layer)
    together = everything(problem, target)
    total = {name: np.zeros(shape) for name, shape in layer.shapes.items()}
    for b, length in enumerate(problem.lengths):
        cut = {"x": problem.x[:length, [b]], "dy": problem.dy[:length, [b]], "lengths": None}
        cut |= {what: {n: v[:, [b]] for n, v in getattr(problem, what).items()} for what in ("state", "dstate")}
        alone = everything(problem, target, **cut)
        for name in ("y", "dx"):
            assert np.array_equal(together[name][:length, [b]], alone[name])
        for name in (f"{what}[{key}]" for what in ("state", "dstate") for key in layer.cell.state):
            assert np.array_equal(together[name][:, [b]], alone[name])
        total = {name: value + alone["d" + name] for name, value in total.items()}
    for name, value in total.items():
        error = np.abs(together["d" + name] - value)
        assert np.all(error <= 2 * THRESHOLD * sigma(problem)["d" + name])


@layers
@targets
def test_a_row_of_length_zero_keeps_its_state(layer, target):
    problem = example(layer)
    lengths = np.zeros(ROWS, int)
    tensors = everything(problem, target, lengths=lengths)
    for name in layer.cell.state:
        assert tensors[f"state[{name}]"].tobytes() == problem.state[name].tobytes()
        assert tensors[f"dstate[{name}]"].tobytes() == problem.dstate[name].tobytes()
    assert not any(tensors[name].any() for name in ["y", "dx", *("d" + name for name in layer.shapes)])


@layers
@targets
@pytest.mark.parametrize(("steps", "rows"), [(0, 3), (4, 0), (0, 0), (1, 1)])
def test_empty_sequences_and_batches(layer, target, steps, rows):
    problem = example(layer, steps=steps, rows=rows)
    tensors = everything(problem, target, lengths=None)
    assert tensors["y"].shape == (steps, rows, layer.units * layer.directions)
    assert tensors["dx"].shape == problem.x.shape
    for name in layer.cell.state:
        assert tensors[f"state[{name}]"].shape == tensors[f"dstate[{name}]"].shape == layer.state_shape(rows)
        if not steps:
            assert np.array_equal(tensors[f"state[{name}]"], problem.state[name])
            assert np.array_equal(tensors[f"dstate[{name}]"], problem.dstate[name])
    assert any(tensors["d" + name].any() for name in layer.shapes) == bool(steps and rows)


@layers
@pytest.mark.parametrize("dtype", ["i4", "u1", "u8", ">i8"])
def test_lengths_of_any_integer_kind(layer, dtype):
    problem = example(layer)
    for lengths in (problem.lengths.astype(dtype), problem.lengths.tolist(), tuple(problem.lengths.tolist())):
        assert same(everything(problem), everything(problem, lengths=lengths))


@layers
def test_no_lengths_means_all_steps(layer):
    problem = example(layer)
    assert same(everything(problem, lengths=None), everything(problem, lengths=np.full(ROWS, STEPS)))


@pytest.mark.parametrize(("name", "options"), [("elman", {}), ("lstm", {}), ("gru", {}), ("gru", {"reset": "after"})])
def test_the_reverse_half_is_the_forward_half_of_each_row_turned_round(name, options):
    both, one = refseq.layer(name, 3, 4, bidirectional=True, **options), refseq.layer(name, 3, 4, **options)
    problem = example(both)
    run = both.forward(problem.params, problem.x, problem.state, problem.lengths)
    turned = problem.x.copy()
    for b, length in enumerate(problem.lengths):
        turned[:length, b] = problem.x[:length, b][::-1]
    params = {key.removesuffix("_reverse"): v for key, v in problem.params.items() if key.endswith("_reverse")}
    alone = one.forward(params, turned, {key: v[1:] for key, v in problem.state.items()}, problem.lengths)
    for b, length in enumerate(problem.lengths):
        assert np.array_equal(run.y[:length, b, 4:], alone.y[:length, b][::-1])
    for key in both.cell.state:
        assert np.array_equal(run.state[key][1:], alone.state[key])


@layers
@targets
def test_a_nan_stays_in_its_row(layer, target):
    problem = example(layer)
    x = problem.x.copy()
    x[0, 0, 0] = np.nan
    clean, spoiled = everything(problem, target), everything(problem, target, x=x)
    assert np.isnan(spoiled["y"][:, 0]).any()
    for name in ("y", "dx"):
        assert np.array_equal(spoiled[name][:, 1:], clean[name][:, 1:])
