"""Truncated BPTT counts exactly the pairs of loss and use that it says, and streams."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import refseq
from refseq.arrays import lift
from refseq.checks.budget import THRESHOLD, with_stored
from refseq.checks.problem import draw
from refseq.fields.residue import MODULUS, Residue
from refseq.gradients import Stream, double_sum_gradients, truncated_gradients
from tests.conftest import framework
from tests.gradients.problems import (
    BOTH_WAYS,
    FLOATING,
    ONE_WAY,
    ROWS,
    STACKED,
    STEPS,
    drawn,
    exact,
    noise,
    parts,
    same,
)

WINDOWS = [(1, 1), (1, 3), (2, 2), (2, 3), (3, 4), (4, 9)]


def counted(k1: int, k2: int, steps: int = STEPS) -> np.ndarray:
    """The definition, for t and k from 1."""
    t, k = np.arange(1, steps + 1)[:, None], np.arange(1, steps + 1)
    return (k1 * -(-t // k1) - k2 < k) & (k <= t)


@pytest.mark.parametrize("layer", ONE_WAY, ids=str)
def test_the_pairs_that_are_counted(layer):
    case = exact(layer)
    for k1, k2 in WINDOWS if layer in STACKED else WINDOWS[3:4]:
        found = truncated_gradients(*case.given, *case.asked, **case.extra, k1=k1, k2=k2, target="reference")
        expected = double_sum_gradients(*case.given, *case.asked, **case.extra, counted=counted(k1, k2))
        assert same(parts(found), parts(expected)), (k1, k2)


@given(st.integers(0, 7), st.lists(st.integers(0, 7), min_size=1, max_size=3), st.integers(1, 8), st.integers(0, 8))
@settings(max_examples=30)
def test_any_lengths_and_windows(steps, lengths, k1, more):
    """Also windows that are longer than the sequence, chunks that do not divide it, and rows of no steps."""
    layer, rows = refseq.layer("elman", 1, 2), len(lengths)
    rng = np.random.default_rng([steps, k1, more])

    def residues(*shape):
        return lift(rng.integers(0, MODULUS, shape), Residue)

    params = {name: residues(*shape) for name, shape in layer.shapes.items()}
    lengths = np.minimum(lengths, steps)
    problem = (layer, params, residues(steps, rows, 1), {"h": residues(1, rows, 2)}, lengths)
    asked = (residues(steps, rows, 2), {"h": residues(1, rows, 2)})
    found = truncated_gradients(*problem, *asked, k1=k1, k2=k1 + more, target="reference")
    expected = double_sum_gradients(*problem, *asked, counted=counted(k1, k1 + more, steps))
    assert same(parts(found), parts(expected))


def test_some_pairs_are_left_out():
    case = exact(STACKED[0])
    for k1, k2 in WINDOWS[:5]:
        found = truncated_gradients(*case.given, *case.asked, **case.extra, k1=k1, k2=k2, target="reference")
        assert not same(found.params, case.bptt().params) or k2 >= STEPS, (k1, k2)


@pytest.mark.parametrize("target", ["cpu", "reference"])
@pytest.mark.parametrize(
    ("layer", "dtype"), [(FLOATING[1], "float32"), *((layer, "float64") for layer in FLOATING)], ids=str
)
def test_one_window_over_everything_is_bptt_to_the_last_bit(layer, dtype, target):
    """k1 = k2 = T makes the same calls of the layer as BPTT itself; so does anything longer than T."""
    case = drawn(layer, dtype)
    expected = layer.backward(layer.forward(*case.given[1:], target=target), *case.asked)
    for k in (STEPS, STEPS + 3):
        found = truncated_gradients(*case.given, *case.asked, **case.extra, k1=k, k2=k, target=target)
        assert same(parts(found), parts(expected))


def test_every_step_and_no_limit_is_bptt():
    """k1 = 1, k2 >= T: each loss by itself through its whole past."""
    case = exact(STACKED[1])
    found = truncated_gradients(*case.given, *case.asked, **case.extra, k1=1, k2=STEPS, target="reference")
    assert same(parts(found), parts(case.bptt()))


def test_a_row_is_what_it_is_alone_at_its_own_length():
    case, total = exact(STACKED[1]), None
    layer, asked = case.layer, case.asked
    for k1, k2 in WINDOWS:
        together, total = truncated_gradients(*case.given, *asked, k1=k1, k2=k2, target="reference"), None
        for b, n in enumerate(case.lengths):
            state, dstate = ({name: v[:, [b]] for name, v in given.items()} for given in (case.state, case.dstate))
            x, dy = case.x[:n, [b]], case.dy[:n, [b]]
            alone = truncated_gradients(
                layer, case.params, x, state, None, dy, dstate, k1=k1, k2=k2, target="reference"
            )
            assert same(together.x[:n, [b]], alone.x)
            assert same({name: v[:, [b]] for name, v in together.state.items()}, alone.state)
            total = {name: v if total is None else total[name] + v for name, v in alone.params.items()}
        assert same(together.params, total)


def test_against_torch_that_detaches_the_state_between_chunks():
    """k1 = k2: the common form. Each of the two may be wrong by 16 sigma of the algorithm's noise."""
    torch = framework("torch")
    layer = refseq.layer("lstm", 2, 3)
    case = drawn(layer, padded=False)

    def gradients(case):
        return truncated_gradients(*case.given, case.dy, None, k1=3, k2=3, target="reference").params

    found, spread = gradients(case), noise(gradients, draw(layer, "float64", STEPS, ROWS, padded=False))
    module = torch.nn.LSTM(2, 3, dtype=torch.float64)
    with torch.no_grad():
        module.weight_ih_l0[:] = torch.tensor(case.params["W_hx"].reshape(12, 2))
        module.weight_hh_l0[:] = torch.tensor(case.params["W_hh"].reshape(12, 3))
        module.bias_ih_l0[:] = torch.tensor(case.params["b_h"].reshape(12))
        module.bias_hh_l0[:] = 0
    x, dy = torch.tensor(case.x), torch.tensor(case.dy)
    state = tuple(torch.tensor(case.state[name]) for name in "hc")
    for first in range(0, STEPS, 3):
        state = tuple(part.detach() for part in state)
        y, state = module(x[first : first + 3], state)
        (y * dy[first : first + 3]).sum().backward()
    for name, weight in {"W_hx": module.weight_ih_l0, "W_hh": module.weight_hh_l0, "b_h": module.bias_ih_l0}.items():
        error = np.abs(found[name] - weight.grad.numpy().reshape(found[name].shape))
        assert np.all(error <= 2 * THRESHOLD * with_stored(spread[name], found[name], "float64"))


@pytest.mark.parametrize("layer", STACKED, ids=str)
def test_a_stream_carries_the_state(layer):
    """Chunks of any size give the outputs and the final state of one run, and the window is no longer than it says."""
    case = exact(layer)
    run = layer.forward(*case.given[1:], target="reference", **case.extra)
    for past in (0, 1, 3):
        stream, outputs, first = Stream(layer, past, case.state, "reference"), [], 0
        for size in (1, 0, 2, 1):
            here = np.clip(case.lengths - first, 0, size)
            outputs.append(stream.forward(case.params, case.x[first : first + size], here))
            assert np.array_equal(stream.window, np.minimum(np.minimum(case.lengths, first), past) + here)
            first += size
        assert same(np.concatenate(outputs), run.y)
        assert same(stream.state, run.state)


def test_a_row_may_pause():
    """A row that is short in one chunk goes on in the next, as if the pause had not been."""
    case = exact(STACKED[2])
    layer, x = case.layer, case.x[:, :2]
    stream = Stream(layer, 1, {name: value[:, :2] for name, value in case.state.items()}, "reference")
    first = stream.forward(case.params, x[:2], [2, 1])
    second = stream.forward(case.params, np.stack([x[2:4, 0], x[1:3, 1]], axis=1))
    run = layer.forward(case.params, x, {name: value[:, :2] for name, value in case.state.items()}, [4, 3], "reference")
    assert same(first[:, 0], run.y[:2, 0])
    assert same(second[:, 0], run.y[2:, 0])
    assert same(second[:, 1], run.y[1:3, 1])
    assert same(stream.state, run.state)
    assert stream.window.tolist() == [3, 3]


def test_a_chunk_is_differentiated_through_its_window():
    """The exact gradient of the chunk's losses, with the window's first state held constant, after the parameters have
    changed; ``dy`` beyond a row's own steps does not count."""
    case = exact(STACKED[1])
    layer, later = case.layer, {name: value + 1 for name, value in case.params.items()}
    stream = Stream(layer, 1, case.state, "reference")
    stream.forward(case.params, case.x[:2])
    y = stream.forward(later, case.x[2:], [2, 0, 1, 2])
    grads = stream.backward(case.dy[2:], case.dstate)
    window = [3, 1, 2, 3]
    assert stream.window.tolist() == window
    starts, ends = np.ones(ROWS, int), np.array([4, 2, 3, 4])
    before = layer.forward(later, case.x[:1], case.state, starts, "reference").state
    for b in range(ROWS):
        one = {name: value[:, [b]] for name, value in before.items()}
        run = layer.forward(later, case.x[starts[b] : ends[b], [b]], one, None, "reference")
        dy = case.dy[starts[b] : ends[b], [b]] * (np.arange(starts[b], ends[b]) >= 2)[:, None, None].astype(object)
        alone = layer.backward(run, dy, {name: value[:, [b]] for name, value in case.dstate.items()})
        assert same(grads.x[: window[b], [b]], alone.x)
        assert same({name: value[:, [b]] for name, value in grads.state.items()}, alone.state)
        assert same(y[: ends[b] - 2, b], run.y[max(2 - starts[b], 0) :, 0])


def test_what_is_given_is_neither_changed_nor_aliased():
    case, before = drawn(STACKED[1]), drawn(STACKED[1])
    stream = Stream(case.layer, 1, case.state)
    stream.forward(case.params, case.x[:2])[:] = np.nan
    stream.state["h"][:] = stream.window[:] = 9
    case.x[:] = 1e30
    y = stream.forward(case.params, before.x[2:])
    run = case.layer.forward(before.params, before.x, before.state)
    assert same(y, run.y[2:])
    assert same((case.params, case.state), (before.params, before.state))


def test_what_is_refused():
    case = drawn(refseq.layer("elman", 2, 3))
    with pytest.raises(ValueError, match="k2: expected at least k1 = 3, or losses would be lost, got 2"):
        truncated_gradients(*case.given, k1=3, k2=2)
    with pytest.raises(ValueError, match="k1: expected at least 1, got 0"):
        truncated_gradients(*case.given, k1=0, k2=2)
    with pytest.raises(ValueError, match="truncated BPTT runs forward in time only; expected bidirectional=False"):
        truncated_gradients(*drawn(BOTH_WAYS[0]).given, k1=1, k2=2)
    with pytest.raises(ValueError, match=r"dstate: expected the keys \['h'\]"):
        truncated_gradients(*case.given, None, {"c": case.dstate["h"]}, k1=1, k2=2)
    stream = Stream(case.layer, 1)
    with pytest.raises(RuntimeError, match="call forward first"):
        stream.backward()
    stream.forward(case.params, case.x)
    with pytest.raises(ValueError, match=r"x: expected shape \(K, 4, 2\), got \(4, 3, 2\)"):
        stream.forward(case.params, case.x[:, :3])
    with pytest.raises(ValueError, match="dy: expected the chunk's 4 steps, got 3"):
        stream.backward(case.dy[:3])
    with pytest.raises(TypeError, match="dy: expected dtype float64"):
        stream.backward(case.dy.astype("float32"))


def test_no_steps():
    case = drawn(refseq.layer("lstm", 2, 3))
    grads = truncated_gradients(
        case.layer, case.params, case.x[:0], case.state, None, case.dy[:0], case.dstate, k1=2, k2=2
    )
    assert same(grads.state, case.dstate)
    assert grads.x.shape == (0, ROWS, 2)
