"""The training loop: it learns, it can be killed at any moment, and what is resumed ends with the same bits."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from refseq import saved_state
from refseq.optimisers import SGD, Adam, cosine
from refseq.training import State, Training
from tests.training_example import BATCHES, TRAINING, batches, start, value_and_gradient

ROOT = Path(__file__).parents[1]
EPOCHS = 60


def bits(state: State) -> dict[str, bytes]:
    parts = {"params": state.params, "optimiser": state.optimiser, "history": state.history}
    return {f"{part}/{name}": array.tobytes() for part, arrays in parts.items() for name, array in arrays.items()}


@pytest.fixture(scope="module")
def uninterrupted():
    return TRAINING.run(value_and_gradient, start(), batches(), EPOCHS)


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


def test_resuming_after_every_epoch_is_bitwise_the_same(tmp_path, uninterrupted):
    file = tmp_path / "state.npz"
    for epochs in (1, 2, 3, 17, 17, EPOCHS):
        state = TRAINING.run(value_and_gradient, start(), batches(), epochs, file=file)
    assert bits(state) == bits(uninterrupted)
    assert bits(TRAINING.run(value_and_gradient, start(), batches(), 5, file=file)) == bits(uninterrupted)


def program(file, epochs=EPOCHS):
    return subprocess.Popen(
        [sys.executable, "-m", "tests.training_example", str(file), str(epochs)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )


def test_kill_9_at_random_moments(tmp_path, uninterrupted):
    """Killed five times, a random while after an epoch was saved: the file is whole and of that epoch or a later one,
    and the last run, which is left alone, ends with the same bits as the uninterrupted one."""
    file, rng, done = tmp_path / "state.npz", np.random.default_rng(int(time.time())), 0
    for _ in range(5):
        said = done
        with program(file) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if line.startswith(b"done"):
                    break
                said = int(line)
                if said >= done + 3:
                    time.sleep(rng.uniform(0, 0.02))
                    process.send_signal(signal.SIGKILL)
                    break
            process.wait()
            tail = process.stdout.read()
        said = max([said, *(int(word) for word in tail.split() if word.isdigit())])
        done = int(saved_state.read(file)["epoch"])
        assert done >= said
        assert {path.name for path in tmp_path.iterdir()} <= {"state.npz", ".state.npz.part"}
    with program(file) as process:
        out, err = process.communicate()
    assert process.returncode == 0, err
    assert out.endswith(f"done {EPOCHS}\n".encode())
    assert bits(TRAINING.run(value_and_gradient, start(), batches(), EPOCHS, file=file)) == bits(uninterrupted)
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]


def test_ctrl_c_leaves_a_valid_file_and_nothing_else(tmp_path):
    file = tmp_path / "state.npz"
    with program(file, 10**6) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 3:
                process.send_signal(signal.SIGINT)
                break
        process.communicate()
    assert process.returncode != 0
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]
    assert int(saved_state.read(file)["epoch"]) >= 3


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_killed_while_writing(tmp_path, monkeypatch, moment):
    """The power fails between two calls of the system: the old file is untouched."""
    file = tmp_path / "state.npz"
    TRAINING.run(value_and_gradient, start(), batches(), 2, file=file)
    before = file.read_bytes()

    def fail(*_):
        raise KeyboardInterrupt

    target = os if moment == "fsync" else Path
    monkeypatch.setattr(target, moment, fail)
    with pytest.raises(KeyboardInterrupt):
        TRAINING.run(value_and_gradient, start(), batches(), 3, file=file)
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["state.npz"]


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


def test_batches_drawn_by_a_function(tmp_path):
    """Fresh data for every epoch: resumed exactly as well."""

    def fresh(rng):
        return [rng.normal(size=3) for _ in range(4)]

    def distance(params, batch):
        return float(np.sum((params["a"] - batch) ** 2)), {"a": 2 * (params["a"] - batch)}

    training, a = Training(SGD(0.05, momentum=0.5), seed=8), {"a": np.zeros(3)}
    whole = training.run(distance, a, fresh, 6)
    training.run(distance, a, fresh, 2, file=tmp_path / "s.npz")
    assert bits(training.run(distance, a, fresh, 6, file=tmp_path / "s.npz")) == bits(whole)
    assert not a["a"].any()


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


def test_a_file_of_another_run_is_refused(tmp_path):
    file = tmp_path / "state.npz"
    TRAINING.run(value_and_gradient, start(), batches(), 1, file=file)
    others = [
        (Training(Adam(0.03), seed=3, clip_norm=1.0), start()),
        (Training(Adam(0.02), seed=4, clip_norm=1.0), start()),
        (Training(Adam(0.02), seed=3), start()),
        (TRAINING, {name: p + 1 for name, p in start().items()}),
        (TRAINING, start("float32")),
    ]
    for training, params in others:
        with pytest.raises(ValueError, match=r"state.npz: belongs to another run: expected Training\("):
            training.run(value_and_gradient, params, batches(), 2, file=file)
    with pytest.raises(ValueError, match=r"state.npz: expected the keys .* unexpected \['params/W_hh'"):
        TRAINING.run(value_and_gradient, {"W_hx": start()["W_hx"]}, batches(), 2, file=file)


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
