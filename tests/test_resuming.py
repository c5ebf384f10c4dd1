"""The training loop can be killed at any moment, and what is resumed ends with the same bits."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from refseq import saved_state
from refseq.optimisers import SGD, Adam
from refseq.training import State, Training
from tests.training_example import EPOCHS, TRAINING, batches, start, value_and_gradient

ROOT = Path(__file__).parents[1]


def bits(state: State) -> dict[str, bytes]:
    parts = {"params": state.params, "optimiser": state.optimiser, "history": state.history}
    return {f"{part}/{name}": array.tobytes() for part, arrays in parts.items() for name, array in arrays.items()}


@pytest.fixture(scope="module")
def uninterrupted():
    return TRAINING.run(value_and_gradient, start(), batches(), EPOCHS)


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
