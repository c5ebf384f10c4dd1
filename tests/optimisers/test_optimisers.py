"""Optimisers as data and pure functions; known first steps; wrong arguments; schedules."""

import io
import math

import numpy as np
import pytest

from refseq.optimisers import SGD, Adam, RMSprop, constant, cosine, step_decay, warm_up
from tests.optimisers.test_torch import PAIRS, draw


@pytest.mark.parametrize("name", PAIRS)
def test_a_step_changes_nothing_that_it_is_given(name):
    optimiser = PAIRS[name][0]
    params, (grads, *_) = draw("float32")
    state = optimiser.initialise(params)
    for array in (*params.values(), *grads.values(), *state.values()):
        array.setflags(write=False)
    before = {key: p.tobytes() for key, p in params.items()}
    after, later = optimiser.step(params, grads, state)
    again, _ = optimiser.step(params, grads, state)
    for key, p in params.items():
        assert p.tobytes() == before[key]
        assert after[key].tobytes() == again[key].tobytes() != before[key]
        assert not np.shares_memory(after[key], p)
    assert state["step"] == 0
    assert later["step"] == 1
    assert not any(s.any() for key, s in state.items() if key != "step")


@pytest.mark.parametrize("name", PAIRS)
def test_the_state_survives_a_file(name):
    """A flat dict of arrays; continued from a file, bit for bit."""
    optimiser = PAIRS[name][0]
    params, gradients = draw("float64")
    state = optimiser.initialise(params)
    for grads in gradients[:3]:
        params, state = optimiser.step(params, grads, state)
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    with np.load(file, allow_pickle=False) as archive:
        restored = {key: archive[key] for key in archive.files}
    assert {key: s.shape for key, s in state.items()} == {
        "step": (),
        **{f"buffers/{key}": (len(optimiser.buffers), *p.shape) for key, p in params.items()},
    }
    expected, _ = optimiser.step(params, gradients[3], state)
    found, _ = optimiser.step(params, gradients[3], restored)
    assert all(found[key].tobytes() == p.tobytes() for key, p in expected.items())


def test_first_steps():
    """Without a past: p - rate g; and for Adam and RMSprop the size of the gradient drops out, but for epsilon."""
    p, g = {"a": np.array([1.0, 2.0])}, {"a": np.array([3.0, -1e-3])}

    def step(optimiser):
        return optimiser.step(p, g, optimiser.initialise(p))[0]["a"].tolist()

    assert step(SGD(0.5)) == step(SGD(0.5, momentum=0.9, dampening=0.9)) == [1 - 1.5, 2 + 0.5e-3]
    assert step(SGD(0.5, momentum=0.5, nesterov=True)) == [1 - 0.5 * 4.5, 2 + 0.5 * 1.5e-3]
    assert step(Adam(0.25, epsilon=0.0)) == pytest.approx([0.75, 2.25], rel=1e-15)
    assert step(RMSprop(0.25, smoothing=0.75, epsilon=0.0)) == pytest.approx([0.5, 2.5], rel=1e-15)
    assert step(Adam(0.0, weight_decay=0.5)) == p["a"].tolist()


def test_a_constant_gradient_has_no_negative_variance():
    """v - m^2 of a constant may round to less than 0; its root is 0 and not NaN."""
    optimiser = RMSprop(0.01, smoothing=0.3, epsilon=1e-3, centred=True)
    p, g = {"a": np.full(50, 1.0, np.float32)}, {"a": np.linspace(0.1, 3, 50, dtype=np.float32)}
    state, negative = optimiser.initialise(p), False
    for _ in range(60):
        p, state = optimiser.step(p, g, state)
        square, mean, _ = state["buffers/a"]
        negative |= bool(np.any(square - mean * mean < 0))
    assert negative
    assert np.isfinite(p["a"]).all()


def test_no_parameters_and_empty_ones():
    assert Adam().step({}, {}, Adam().initialise({}))[0] == {}
    p = {"a": np.zeros((0, 3))}
    assert Adam().step(p, p, Adam().initialise(p))[0]["a"].shape == (0, 3)


@pytest.mark.parametrize(
    ("error", "message", "build"),
    [
        (ValueError, "learning_rate: expected a number >= 0, got -1", lambda: SGD(-1)),
        (TypeError, "learning_rate: expected a number, got str", lambda: SGD("fast")),
        (ValueError, r"momentum: expected a number in \[0, 1\), got 1", lambda: SGD(0.1, momentum=1)),
        (ValueError, "dampening: without momentum", lambda: SGD(0.1, dampening=0.1)),
        (ValueError, "nesterov: needs momentum and no dampening", lambda: SGD(0.1, nesterov=True)),
        (ValueError, r"smoothing: expected a number in \[0, 1\)", lambda: RMSprop(smoothing=2)),
        (TypeError, "centred: expected True or False", lambda: RMSprop(centred=1)),
        (ValueError, r"beta_2: expected a number in \[0, 1\)", lambda: Adam(beta_2=-0.1)),
        (ValueError, "epsilon: expected a finite number, got nan", lambda: Adam(epsilon=math.nan)),
    ],
)
def test_wrong_options(error, message, build):
    with pytest.raises(error, match=message):
        build()


@pytest.mark.parametrize(
    ("error", "message", "changes"),
    [
        (TypeError, "params: expected a dict of arrays, got list", {"params": []}),
        (ValueError, r"grads: expected the keys \['a'\]: missing \['a'\]", {"grads": {}}),
        (ValueError, r"grads\['a'\]: expected shape \(2\), got \(3,\)", {"grads": {"a": np.ones(3)}}),
        (TypeError, r"grads\['a'\]: expected dtype float64", {"grads": {"a": np.ones(2, "f4")}}),
        (ValueError, r"state: expected the keys \['step', 'buffers/a'\]: missing", {"state": {}}),
        (TypeError, "target 'optimiser' takes float32, float64; got int64", {"params": {"a": np.ones(2, int)}}),
        (ValueError, "learning_rate: expected a number >= 0, got -0.1", {"learning_rate": -0.1}),
    ],
)
def test_wrong_arguments(error, message, changes):
    p = {"a": np.ones(2)}
    given = {"params": p, "grads": p, "state": Adam().initialise(p)} | changes
    with pytest.raises(error, match=message):
        Adam().step(**given)


def test_schedules():
    assert [constant(n, 0.5) for n in range(3)] == [0.5] * 3
    assert [step_decay(n, 1.0, 2, 0.5) for n in range(6)] == [1, 1, 0.5, 0.5, 0.25, 0.25]
    assert [warm_up(n, 4) for n in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]
    rates = [cosine(n, 1.0, 8, 0.2) for n in range(12)]
    assert rates[0] == 1
    assert rates[4] == pytest.approx(0.6, rel=1e-15)
    assert rates[8:] == [0.2] * 4
    assert rates[:9] == sorted(rates[:9], reverse=True)
