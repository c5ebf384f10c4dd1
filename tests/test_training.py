"""The training loop: it learns, stops at what is not finite, draws the order of batches, and says how far it is."""

from functools import partial

import numpy as np
import pytest

from refseq import saved_state
from refseq.optimisers import SGD, Adam, cosine
from refseq.training import Training
from tests.training_example import BATCHES, EPOCHS, TRAINING, batches, start, value_and_gradient


def memoryless_loss() -> float:
    """The entropy of the first symbol given the last one, in the data itself."""
    pairs = np.zeros((2, 2))
    for x, y in batches():
        np.add.at(pairs, (x[-1].argmax(axis=1), y[-1]), 1)
    return float(-np.sum(pairs * np.log(pairs / pairs.sum(axis=1, keepdims=True))) / pairs.sum())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_network_learns_to_remember(dtype):
    """Who knows the last symbol alone cannot do better than the entropy of the first one given the last: 0.6 at least.
    A loss below log(2)/10 means that nine tenths of a bit are known."""
    assert memoryless_loss() > 0.6
    state = TRAINING.run(value_and_gradient, start(dtype), batches(dtype), EPOCHS)
    losses = state.losses()
    assert losses.shape == (EPOCHS,)
    assert losses[0] > 0.5
    assert losses[-1] < np.log(2) / 10
    assert all(p.dtype == dtype for p in state.params.values())
    assert state.history["epoch"].tolist() == [e for e in range(EPOCHS) for _ in range(BATCHES)]
    assert np.all(state.history["norm"] > 0)


@pytest.mark.parametrize("part", ["loss", "gradient"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_stops_with_its_place(tmp_path, part, bad):
    calls = []

    def spoiled(params, batch):
        loss, grads = value_and_gradient(params, batch)
        calls.append(1)
        if len(calls) == 2 * BATCHES + 4:
            loss = bad if part == "loss" else loss
            grads["b_h"][0, 2] = bad if part == "gradient" else 0
        return loss, grads

    file = tmp_path / "state.npz"
    wanted = "a finite loss, got" if part == "loss" else r"finite numbers, got"
    with pytest.raises(FloatingPointError, match=rf"epoch 2, batch 3: .*expected {wanted} {bad}"):
        TRAINING.run(spoiled, start(), batches(), 5, file=file)
    assert saved_state.read(file)["epoch"] == 2


def test_order_of_batches_is_drawn_for_every_epoch_from_the_seed():
    seen: list[int] = []

    def note(params, batch):
        seen.append(batch)
        return 1.0, {name: np.zeros_like(p) for name, p in params.items()}

    def orders(seed):
        seen.clear()
        Training(SGD(0.1), seed=seed).run(note, {"a": np.ones(1)}, list(range(20)), 3)
        return [tuple(seen[20 * k : 20 * k + 20]) for k in range(3)]

    first = orders(1)
    assert first == orders(1) != orders(2)
    assert len(set(first)) == 3
    assert all(sorted(order) == list(range(20)) for order in first)


def test_schedule_and_clipping_by_value():
    schedule = partial(cosine, rate=0.1, steps=10)
    training = Training(SGD(1.0), clip_value=0.5, schedule=schedule)

    def steep(params, batch):
        return 1.0, {"a": np.array([3.0, -0.25])}

    state = training.run(steep, {"a": np.zeros(2)}, [0, 1], 2)
    rates = [schedule(n) for n in range(4)]
    assert state.history["learning_rate"].tolist() == rates
    np.testing.assert_allclose(state.params["a"], [-0.5 * sum(rates), 0.25 * sum(rates)], rtol=1e-15)
    assert state.history["norm"].tolist() == [np.hypot(3, 0.25)] * 4


def test_callback_and_progress(capsys):
    seen = []
    TRAINING.run(
        value_and_gradient,
        start(),
        batches(),
        3,
        callback=lambda s: seen.append((s.epoch, len(s.losses()))),
        progress=True,
    )
    assert seen == [(1, 1), (2, 2), (3, 3)]
    out, err = capsys.readouterr()
    assert not out
    assert "3/3" in err
    assert "loss" in err
    TRAINING.run(value_and_gradient, start(), batches(), 1)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "message", "call"),
    [
        (TypeError, "seed: expected an integer", lambda: Training(Adam(), seed=0.5)),
        (ValueError, "clip_norm, clip_value: expected one", lambda: Training(Adam(), clip_norm=1.0, clip_value=1.0)),
        (ValueError, "clip_norm: expected a positive number, got 0", lambda: Training(Adam(), clip_norm=0)),
        (ValueError, "epochs: expected at least 0", lambda: TRAINING.run(value_and_gradient, start(), batches(), -1)),
        (ValueError, "batches: expected at least one", lambda: TRAINING.run(value_and_gradient, start(), [], 1)),
        (TypeError, "params: expected a dict", lambda: TRAINING.run(value_and_gradient, [], [], 1)),
        (
            ValueError,
            "grads: expected the keys",
            lambda: TRAINING.run(lambda p, b: (1.0, {}), {"a": np.ones(1)}, [0], 1),
        ),
    ],
)
def test_wrong_arguments(error, message, call):
    with pytest.raises(error, match=message):
        call()


def test_nothing_given_is_changed_or_shared():
    params = {name: p.copy() for name, p in start().items()}
    for p in params.values():
        p.setflags(write=False)
    none = TRAINING.run(value_and_gradient, params, batches(), 0)
    for name, p in params.items():
        assert not np.shares_memory(none.params[name], p)
    TRAINING.run(value_and_gradient, params, batches(), 1)
