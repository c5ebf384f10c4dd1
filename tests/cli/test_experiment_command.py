"""refseq experiment as a person uses it: list, show, run, files, JSON, wrong usage, Ctrl-C, a missing extra."""

import importlib
import json
import subprocess
import sys

import pytest

from refseq import experiments
from refseq.cli import main
from tests.conftest import framework

command = importlib.import_module("refseq.cli.experiment")
POWER = ["experiment", "run", "power", "--set", "w=0.99,1,1.01", "--jobs", "1"]

WRONG_USAGE = {
    "no name": (["experiment", "run"], ["NAME", "--all"]),
    "both": (["experiment", "run", "power", "--all"], ["NAME", "--all"]),
    "unknown": (["experiment", "run", "pwoer"], ["NAME", "relu_gain", "'pwoer'"]),
    "unknown to show": (["experiment", "show", "pwoer"], ["NAME", "'pwoer'"]),
    "unknown setting": (["experiment", "run", "power", "--set", "n=3"], ["--set", "'n'"]),
    "no value": (["experiment", "run", "power", "--set", "w"], ["--set", "NAME=VALUE"]),
    "no number": (["experiment", "run", "power", "--set", "w=x"], ["--set", "power: w: expected a number"]),
    "no axis": (["experiment", "run", "error_surface", "--set", "size=3,4"], ["--set", "size: expected one value"]),
    "no range": (["experiment", "run", "power", "--set", "w=0:1:x"], ["--set", "first:last:count"]),
    "no folder": ([*POWER, "--out", "/dev/null/x"], ["--out", "/dev/null/x"]),
    "no folder for JSON": ([*POWER, "--json", "/no/such/file.json"], ["--json", "/no/such"]),
}


@pytest.fixture(autouse=True, scope="module")
def packages():
    for name in experiments.PACKAGES:
        framework(name)


@pytest.mark.parametrize("case", WRONG_USAGE)
def test_wrong_usage_is_one_line_and_status_2(case, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, words = WRONG_USAGE[case]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    for word in words:
        assert word in told


def test_list_and_show(capsys, tmp_path):
    assert main(["experiment", "list"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in experiments.PLACES)
    assert main(["experiment", "show", "power", "--out", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "w^999 (L1.14)" in printed
    assert "not run yet" in printed


def test_run_writes_everything_and_is_not_done_twice(tmp_path, capsys):
    out, file = tmp_path / "out", tmp_path / "file.json"
    assert main([*POWER, "--out", str(out), "--json", str(file)]) == 0
    assert "3 measurements, 3 of them now" in " ".join(capsys.readouterr().out.split())
    assert {path.name for path in out.iterdir()} == {"tasks", "power.nc", "power.png", "power.svg", "summary.md"}
    content = json.loads(file.read_text())
    assert [one["verdict"] for one in content["outcomes"][0]["statements"]] == ["reproduced"] * 6
    assert content["environment"]["packages"]["xarray"]
    assert main([*POWER, "--out", str(out)]) == 0
    assert "3 measurements, 0 of them now" in " ".join(capsys.readouterr().out.split())
    assert main(["experiment", "show", "power", "--out", str(out)]) == 0
    assert "20752" in capsys.readouterr().out.replace("2.075e+04", "20752")


def test_what_is_not_reproduced_is_a_failure(tmp_path, monkeypatch, capsys):
    power = importlib.import_module("refseq.experiments.landscape.power")
    exactly = power.exactly
    monkeypatch.setattr(power, "exactly", lambda *a: exactly(*a[:3], 1.1 * a[3], a[4]))  # a wrong theory
    assert main([*POWER, "--out", str(tmp_path)]) == 1
    assert "not reproduced" in " ".join(capsys.readouterr().out.split())


def test_control_c_keeps_what_was_measured(tmp_path, monkeypatch, capsys):
    real = command.run

    def interrupted(plan, out, parallel, progress):
        def once(seconds):
            progress(seconds)
            raise KeyboardInterrupt

        return real(plan, out, parallel, once)

    monkeypatch.setattr(command, "run", interrupted)
    assert main([*POWER, "--out", str(tmp_path)]) == 130
    assert "what was measured is kept" in capsys.readouterr().out
    assert len(list((tmp_path / "tasks" / "power").glob("*.nc"))) >= 1


def test_a_missing_extra_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(experiments.importlib.util, "find_spec", lambda name: None if name == "xarray" else object())
    assert main([*POWER, "--out", str(tmp_path)]) == 2
    assert "xarray not installed: pip install 'refseq[experiments]'" in capsys.readouterr().err


def test_the_command_line_loads_none_of_it():
    code = f"import sys, refseq.cli; print(*set({experiments.PACKAGES!r}) & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.split() == []
