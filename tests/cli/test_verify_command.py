"""refseq verify as a person uses it: exit status, output, JSON, Ctrl-C, wrong usage."""

import json
import subprocess
import sys

import pytest

from refseq.adapters import PEERS
from refseq.cli import main
from refseq.cli.work import Row

QUICK = ["verify", "refseq", "--target", "reference", "--cell", "lstm", "--dtype", "float64", "--quick"]

WRONG_USAGE = {
    "unknown target": (["verify", "tensorflow"], ["TARGET", "refseq, torch", "'tensorflow'"]),
    "unknown cell": (["verify", "--cell", "lstn"], ["--cell", "gru(reset=after)", "'lstn'"]),
    "unknown dtype": (["verify", "--dtype", "float16"], ["--dtype", "float32 or float64", "'float16'"]),
    "unknown refseq target": (["verify", "refseq", "--target", "gpu"], ["--target", "reference, cpu, cuda", "'gpu'"]),
    "unknown option": (["verify", "--fast"], ["--fast"]),
    "no such file": (["verify", "missing.py:Mine"], ["missing.py:Mine", "No such file"]),
    "no such module": (["verify", "no_module_of_this_name:Mine"], ["no_module_of_this_name"]),
    "no such name": (["verify", "json:Mine"], ["json:Mine", "no attribute"]),
    "no folder for JSON": ([*QUICK, "--json", "/no/such/folder/file.json"], ["--json", "/no/such/folder"]),
}


@pytest.mark.parametrize("case", WRONG_USAGE)
def test_wrong_usage_is_one_line_and_status_2(case, capsys):
    arguments, words = WRONG_USAGE[case]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    for word in words:
        assert word in told


def test_missing_framework_is_wrong_usage(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["verify", "torch"]) == 2
    assert "pip install 'refseq[torch]'" in capsys.readouterr().err


def test_a_correct_layer_passes_and_the_json_has_everything(tmp_path, capsys):
    file = tmp_path / "result.json"
    assert main([*QUICK, "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    for word in ("refseq reference", "lstm", "pass", "Worst error in float64", "dW_hx", "dstate[c]", "planted"):
        assert word in printed
    content = json.loads(file.read_text())
    assert content["environment"]["packages"]["numba"]
    assert [report["verdict"] for report in content["reports"]] == ["pass"]
    assert {outcome["check"] for outcome in content["reports"][0]["outcomes"]} >= {
        "values",
        "gradients",
        "finite field",
    }
    assert list(tmp_path.iterdir()) == [file]


def test_nothing_judged_is_not_a_pass(capsys):
    assert main(["verify", "jax", "--cell", "gru"]) in (1, 2)  # 2 where JAX is not installed


def test_control_c_prints_what_was_done(monkeypatch, tmp_path, capsys):
    run, done = Row.run, []

    def interrupted(row, progress):
        if done:
            raise KeyboardInterrupt
        done.append(row)
        return run(row, progress)

    monkeypatch.setattr(Row, "run", interrupted)
    file = tmp_path / "result.json"
    arguments = [
        "verify",
        "refseq",
        "--target",
        "reference",
        "--cell",
        "lstm",
        "--quick",
        "--jobs",
        "1",
        "--json",
        str(file),
    ]
    assert main(arguments) == 130
    printed = capsys.readouterr().out
    assert "interrupted after 1 of 2" in printed
    assert "refseq reference" in printed
    content = json.loads(file.read_text())
    assert content["interrupted"]
    assert len(content["reports"]) == 1


def test_module_of_the_users_own(tmp_path, monkeypatch, capsys):
    text = (
        "from refseq.checks import OwnImplementation\n\ndef make(layer): return OwnImplementation(layer, 'reference')\n"
    )
    (tmp_path / "mine.py").write_text(text)
    monkeypatch.chdir(tmp_path)
    arguments = ["--cell", "elman(activation=tanh)", "--dtype", "float32", "--quick"]
    assert main(["verify", "mine:make", *arguments]) == 0
    assert main(["verify", "mine.py:make", *arguments]) == 0


def test_an_implementation_with_a_layer_of_its_own_takes_no_cell(tmp_path, capsys):
    file = tmp_path / "fixed.py"
    text = "import refseq\nfrom refseq.checks import OwnImplementation\n"
    file.write_text(f"{text}mine = OwnImplementation(refseq.layer('elman', 2, 3), 'reference')\n")
    assert main(["verify", f"{file}:mine", "--cell", "gru"]) == 2
    printed = capsys.readouterr().err
    assert "Invalid value for --cell" in printed
    assert "fixed.py:mine has a layer of its own, elman(activation=tanh) 2->3" in printed


def test_an_implementation_may_have_a_stack(tmp_path, capsys):
    file = tmp_path / "stacked.py"
    text = "import refseq\nfrom refseq.checks import OwnImplementation\n"
    layers = "refseq.layer('elman', 2, 3), refseq.layer('gru', 3, 2)"
    file.write_text(f"{text}mine = OwnImplementation(refseq.stack({layers}), 'reference')\n")
    assert main(["verify", f"{file}:mine", "--dtype", "float64", "--quick"]) == 0
    assert "elman(activation=tanh) + gru(reset=before)" in capsys.readouterr().out


def test_an_implementation_that_cannot_be_built_fails(tmp_path, capsys):
    file = tmp_path / "broken.py"
    file.write_text("def make(layer):\n    raise RuntimeError('no weights file')\n")
    assert main(["verify", f"{file}:make", "--cell", "lstm"]) == 1
    assert "no weights file" in capsys.readouterr().out


def test_doctor_says_what_is_missing(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("refseq.cli.environment.version", lambda name: None if name == "torch" else "1.0")
    file = tmp_path / "doctor.json"
    assert main(["doctor", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "pip install 'refseq[torch]'" in printed
    content = json.loads(file.read_text())
    assert content["packages"]["torch"] is None
    assert set(content["targets"]) == {"reference", "cpu", "cuda"}
    assert set(content["peers"]) == set(PEERS)


def test_version_and_help():
    for arguments, words in ((["--version"], ["refseq 0."]), (["--help"], ["verify", "catalogue", "doctor"])):
        done = subprocess.run(
            [sys.executable, "-m", "refseq", *arguments], capture_output=True, text=True, check=True, timeout=120
        )
        for word in words:
            assert word in done.stdout
