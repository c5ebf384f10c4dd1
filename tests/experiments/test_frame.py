"""Plans, addresses, files and the joined results."""

import dataclasses
import inspect
import json
import os

import numpy as np
import pytest

from refseq.experiments import PLACES, experiment, results
from refseq.experiments.report import run, write_summary
from refseq.experiments.sweep import sweep, tasks, workers
from refseq.experiments.tasks import WORK, complete, source_digest
from tests.experiments import tiny

PLAN = tiny.EXPERIMENT.plan()


def test_a_plan_has_every_configuration_and_seed():
    assert PLAN.size == 2 * 2 * 5 == len(list(PLAN.places()))
    place, configuration, seed = list(PLAN.places())[-1]
    assert place == (1, 1, 4)
    assert configuration == {"gain": 2.0, "word": "bc", "log": "none", "seconds": 0.05}
    assert seed == 4
    assert tiny.EXPERIMENT.plan({"gain": (3, 4, 5)}, 2, quick=True).size == 3 * 2 * 2


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gian": 1.0}, "setting: expected one of gain, word, log, seconds; got 'gian'"),
        ({"gain": "large"}, "gain: expected a number"),
        ({"gain": (1.0, 1.0)}, "gain: expected values that differ"),
        ({"seconds": (1.0, 2.0)}, "seconds: expected one value"),
        ({"word": 3}, "word: expected a word"),
    ],
)
def test_wrong_settings_are_named(changes, words):
    with pytest.raises((ValueError, TypeError), match=words):
        tiny.EXPERIMENT.plan(changes)


def test_addresses(tmp_path, monkeypatch):
    """They differ by configuration, seed and source, and do not know pictures, comments and layout."""
    keys = {task.key for task in tasks(PLAN, tmp_path)}
    assert len(keys) == PLAN.size
    before, text = source_digest(tiny.EXPERIMENT), inspect.getsource(tiny)

    def edited(old, new):
        assert old in text
        monkeypatch.setattr(inspect, "getsource", lambda module: text.replace(old, new))
        return source_digest(tiny.EXPERIMENT)

    assert edited("    figure, axes = pictures", "    # a comment\n    figure, axes = pictures") == before
    assert edited('"line")', '"a line")') == before
    assert edited("float(g), 0.5)", "float(g), 0.2)") == before
    assert edited("EXPERIMENT = ", "KNOWN = 0.5\n\nEXPERIMENT = ") == before
    assert edited('gain"], 0.1)', 'gain"], 0.2)') != before
    constant = edited("def measure", "SPREAD = 0.1\n\n\ndef measure")
    assert constant == before
    monkeypatch.undo()
    text = text.replace('gain"], 0.1)', 'gain"], SPREAD)')
    one, other = (edited("def measure", f"SPREAD = {number}\n\n\ndef measure") for number in (0.1, 0.2))
    assert before != one != other
    changed = edited("import numpy as np", "import autograd.numpy as np")
    assert changed not in (before, one, other)


def test_a_worker_with_other_source_refuses(tmp_path):
    task = dataclasses.replace(next(tasks(PLAN, tmp_path)), digest="0" * 64)
    with pytest.raises(RuntimeError, match="expected source 0000"):
        complete(task)
    assert not task.file.exists()


def test_what_fails_is_named_and_leaves_nothing(tmp_path):
    plan = tiny.EXPERIMENT.plan({"log": str(tmp_path / "log"), "seconds": -1.0})
    task = next(tasks(plan, tmp_path))
    with pytest.raises(ValueError, match="sleep length") as error:
        complete(task)
    assert "in tiny with {'gain': 1.0" in error.value.__notes__[0]
    assert list(task.file.parent.glob("*")) == []


def test_everything_is_measured_once_and_joined(tmp_path):
    with workers(1) as parallel:
        outcome = run(PLAN, tmp_path, parallel)
        assert (outcome.measured, outcome.passed) == (20, True)
        more = run(tiny.EXPERIMENT.plan(seeds=6), tmp_path, parallel)
        assert more.measured == 4  # the new seed's
    spent = [task.read().attrs[WORK] for task in tasks(more.plan, tmp_path)]
    assert more.work == pytest.approx(sum(spent))
    assert more.work > 0
    assert {file.name for file in more.files} == {"tiny.nc", "tiny.png", "tiny.svg"}
    with results.load(tmp_path / "tiny.nc") as found:
        assert found.curve.dims == ("gain", "word", "seed", "t")
        assert found.curve.attrs["units"] == "volt"
        assert list(found.word.values) == ["a", "bc"]
        for attribute in ("version_refseq", "version_numpy", "source", "settings", "seeds"):
            assert attribute in found.attrs
        one = found.sel(gain=2.0, word="bc", seed=3)
        assert one.number.item() == tiny.measure({**PLAN.settings, "gain": 2.0, "word": "bc"}, 3).number.item()
        np.testing.assert_array_equal(one.curve.values, one.number.item() * np.arange(1, 4))
    page = write_summary([more], tmp_path).read_text()
    assert "![tiny](tiny.png)" in page
    assert "2 statements, 2 reproduced" in page


def test_a_killed_writer_leaves_no_result(tmp_path, monkeypatch):
    task = next(tasks(PLAN, tmp_path))
    left = task.file.parent / f".{task.key}.x.part"

    def killed(descriptor):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        complete(task)
    assert list(task.file.parent.iterdir()) == []
    monkeypatch.undo()
    left.touch()
    with workers(1) as parallel:
        run(PLAN, tmp_path, parallel)
    assert not left.exists()


def test_results_of_different_shapes_are_refused(tmp_path):
    with workers(1) as parallel:
        list(sweep(tasks(PLAN, tmp_path), parallel))
    last = list(tasks(PLAN, tmp_path))[-1]
    changed = last.read().isel(t=slice(0, 2))
    last.file.unlink()
    changed.to_netcdf(last.file, engine="h5netcdf")
    with pytest.raises(ValueError, match="expected results"):
        results.join(PLAN, tmp_path)
    assert not (tmp_path / "tiny.nc").exists()


@pytest.mark.parametrize("name", PLACES)
def test_every_experiment_is_described(name):
    one = experiment(name)
    assert one.name == name
    assert one.sources
    assert one.text
    assert set(one.quick) <= set(one.settings)
    for quick in (False, True):
        json.dumps(one.plan(quick=quick).settings)
