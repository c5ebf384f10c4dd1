"""What the experiments on memory compare with: half-lives, counts, readings, a table; wrong ones are noticed."""

import math

import numpy as np
import pytest

from refseq.experiments.memory import bit_survival, leaky_half_life, lstm_by_hand, saturation
from refseq.experiments.report import run
from refseq.experiments.sweep import workers


@pytest.mark.parametrize("mu", [0.3, 0.9, 0.99])
def test_half_life_of_a_power(mu):
    assert leaky_half_life.half_life(mu ** np.arange(200.0)) == pytest.approx(math.log(0.5) / math.log(mu), rel=1e-12)
    assert math.isnan(leaky_half_life.half_life(np.full(5, 0.6)))


def test_mean_field_of_a_leaky_unit():
    """One step by hand, and many against wide matrices."""
    assert leaky_half_life.mean_field(0.8, 0.5, 2)[1] == pytest.approx((0.8**2 + 0.2**2 * 0.5) ** 0.5, rel=1e-12)
    n, rng = 400, np.random.default_rng(0)
    step = 0.8 * np.eye(n) + 0.2 * rng.normal(size=(n, n)) * (0.5 / n) ** 0.5
    state = rng.normal(size=(n, 40))
    norms = [1.0]
    for _ in range(15):
        state = step @ state
        norms.append(np.linalg.norm(state))
    seen = np.array(norms[1:]) / (n * 40) ** 0.5
    np.testing.assert_allclose(leaky_half_life.mean_field(0.8, 0.5, 16)[1:], seen, rtol=0.05)


@pytest.mark.parametrize("unit", ["additive", "leaky"])
def test_saturation_by_enumeration(unit):
    """All 2^6 sequences of signs, with the recurrence in plain Python."""
    size, mu, steps = 0.3, 0.7, 6
    ends, newest = [], []
    for code in range(2**steps):
        h = 0.0
        for t in range(steps):
            g = math.tanh(size * (1 if code >> t & 1 else -1))
            h = h + g if unit == "additive" else mu * h + (1 - mu) * g
        ends.append(h**2)
        slope = (1 - math.tanh(size) ** 2) * (1 - math.tanh(h) ** 2 if unit == "additive" else 1 - mu)
        newest.append(slope)
    square, moved, _ = saturation.theory(unit, "random", np.arange(1, steps + 1), size, mu)
    assert square[-1] == pytest.approx(np.mean(ends), rel=1e-12)
    assert moved[-1] == pytest.approx(np.mean(newest), rel=1e-12)


def test_readings():
    rng = np.random.default_rng(0)
    bit = rng.choice([-1.0, 1.0], 2000)
    seen = np.outer(bit, [0.3, 0.0]) + rng.normal(size=(2000, 1)) * [1.0, 1.0]  # hidden in noise that can be taken away
    assert bit_survival.readings(seen, bit, 0.0, rng) == 1.0
    assert abs(bit_survival.readings(rng.normal(size=(2000, 2)), bit, 0.0, rng) - 0.5) < 0.06
    assert bit_survival.readings(seen, bit, 10.0, rng) < 0.65


def test_survival_is_where_three_quarters_are_right():
    times = np.array([1, 2, 4, 8])
    assert bit_survival.survival(times, np.array([1.0, 1.0, 0.5, 0.5])) == pytest.approx(2 * 2**0.5)
    assert bit_survival.survival(times, np.array([1.0, 1.0, 0.9, 0.8])) == 8
    assert bit_survival.survival(times, np.array([0.5, 0.5, 0.5, 0.5])) == 1


def told(experiment, folder, **changes):
    with workers(1) as parallel:
        return run(experiment.plan(changes), folder, parallel).statements


def test_a_wrong_gate_is_not_reproduced(tmp_path, monkeypatch):
    """The table holds; with a forget gate that is shut when nothing is to be done, it does not."""
    assert all(one.passed for one in told(lstm_by_hand.EXPERIMENT, tmp_path / "right"))
    weights, _ = lstm_by_hand.WEIGHTS["f"]
    monkeypatch.setitem(lstm_by_hand.WEIGHTS, "f", (weights, -10))
    assert not any(one.passed for one in told(lstm_by_hand.EXPERIMENT, tmp_path / "wrong"))


def test_the_bound_of_the_table_is_not_idle():
    """At most a few times what is seen, 3.2e-4 in the short table."""
    assert 3e-4 < lstm_by_hand.bound("short", 1.0) < 3e-3
    assert lstm_by_hand.bound("long", 100.0) == 0.0
