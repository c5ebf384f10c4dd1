"""benchmarks/device.py from outside, and the table of what is known."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cuda_kernels import __main__ as command
from cuda_kernels import budget, gpu, inventory, offline, table
from cuda_kernels.bench import ceilings
from refseq.checks.structures.kinds import KINDS
from refseq.tree_layer import TreeLayer
from tests.conftest import framework

ROOT = Path(__file__).parents[2]


def device_command(*arguments):
    command = [sys.executable, "-W", "error::RuntimeWarning", str(ROOT / "benchmarks" / "device.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow  # its parts are in bench_cases.py
def test_it_runs_in_the_simulator(tmp_path):
    framework("numba_cuda")
    result = device_command("--simulator", str(tmp_path))
    assert result.returncode == 0, result.stdout + result.stderr
    content = json.loads((tmp_path / "numba-cuda-simulator.json").read_text())
    assert content["unchecked"] == 0
    assert not any(check["trouble"] for check in content["checks"])
    assert content["reached"]["missed"] == ["norms total float32"]  # adds up more sums than a tiny problem has
    own = [one["status"] for one in content["speed"]["measurements"] if one["peer"] == "refseq"]
    assert own == ["timed", "timed", "not offered"]
    assert "| launch |" in (tmp_path / "numba-cuda-simulator.md").read_text()


def test_without_a_device_it_says_so(tmp_path):
    framework("numba_cuda")
    if gpu.missing() is None:
        pytest.skip("there is a device, or the simulator")
    result = device_command(str(tmp_path))
    assert (result.returncode, list(tmp_path.iterdir())) == (2, [])
    assert result.stderr.startswith("no device: numba-cuda finds no CUDA device")
    assert device_command("--simulator").returncode == 2


@pytest.mark.usefixtures("compiler")
def test_the_kernels_of_the_ceilings_compile():
    x = np.zeros(4, "float32")
    for kernel, arguments in (
        (ceilings.nothing, (x,)),
        (ceilings.blocks_meet, (x, 3)),
        (ceilings.threads_meet, (x, 3)),
        (ceilings.copy, (x, x)),
    ):
        (report,) = offline.compile_kernel(gpu.jit()(kernel), offline.signature(*arguments), [(9, 0)])
        assert report.faults(single=True) == []


def test_the_table_says_yes_no_and_not_run(tmp_path):
    allowed = {key: {} for key in budget.read()}
    checked = [
        {"name": "lstm", "trouble": "x"},
        {"name": "lstm", "trouble": ""},
        {"name": "child_sum_tree_lstm", "trouble": ""},
    ]
    (tmp_path / "a.json").write_text(json.dumps({"device": {"name": "A"}, "checks": checked}))
    said = table.devices(tmp_path)
    del allowed["lstm backward", "float64"]

    def found(good, name):
        return table.Found(good, frozenset((f"{name} backward", dtype) for dtype in inventory.DTYPES))

    agreed = {"lstm": found(True, "lstm"), "lstm_coupled": found(False, "lstm_coupled")}
    agreed["child_sum_tree_lstm"] = found(True, "child_sum_tree_lstm")
    rows = {row[0]: row[1:] for row in table.rows(agreed, allowed, said)}
    assert rows["lstm"] == ["yes", "NO", "A: NO"]
    assert rows["lstm_coupled"] == ["NO", "yes", "not run"]
    assert rows["child_sum_tree_lstm"] == ["yes", "yes", "A: yes"]
    assert rows["elman(activation=tanh)"] == ["not run", "not run", "not run"]
    assert not (found(True, "lstm") & found(False, "lstm")).good
    bad = table.faults([name, *row] for name, row in rows.items())
    assert {"lstm", "lstm_coupled", "elman(activation=tanh)"} <= set(bad)
    assert "child_sum_tree_lstm" not in bad


def test_a_no_in_the_table_is_the_exit_status(monkeypatch, capsys):
    for said, status in (("not run", 0), ("A: yes, B: NO", 1)):
        monkeypatch.setattr(table, "whole", lambda said=said: [["lstm", "yes", "yes", said]])
        assert command.main(["--table"]) == status
        assert capsys.readouterr().out.splitlines()[2] == f"| lstm | yes | yes | {said} |"


@pytest.mark.slow
def test_the_table_has_a_row_for_everything_and_no_is_in_none():
    framework("numba_cuda")
    cells = table.whole()
    assert table.faults(cells) == []
    names = {row[0] for row in cells}
    assert {"cross_entropy", "clipping", "adam", "viterbi", "beam", "recall"} < names
    kinds = [known for kind, known in KINDS.items() if kind is not TreeLayer]  # of trees those of the inventory
    assert {network.label for known in kinds for network in known.examples(2, 3)} < names
