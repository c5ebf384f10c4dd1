"""refseq prove as a person uses it."""

import importlib.util
import json

import pytest

import proofs
from proofs import Deferred, Theorem
from refseq.cli import main


def test_a_few_theorems_and_json(tmp_path, capsys):
    file = tmp_path / "proofs.json"
    assert main(["prove", "range/slopes", "product/", "gates/lstm_writes", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    for word in (
        "range/slopes",
        "product/lanes",
        "every real x",
        "proved",
        "symbolic: 2 proved; 2 planted errors refuted",
    ):
        assert word in printed
    assert "4 theorems" in printed
    content = json.loads(file.read_text())
    assert [each["verdict"] for each in content["theorems"]] == ["proved"] * 4
    assert {each["name"] for each in content["theorems"]} == {
        "range/slopes",
        "product/adjoint",
        "product/lanes",
        "gates/lstm_writes",
    }
    assert all(each["planted"] and each["code"] for each in content["theorems"])
    assert set(content["methods"]) == {"symbolic", "intervals", "smt"}
    assert "python-flint" in content["methods"]["intervals"]["trusted"]


def test_the_list_proves_nothing(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("proofs.prove", None)
    file = tmp_path / "list.json"
    assert main(["prove", "--list", "--method", "smt", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "invariant/gru" in printed
    assert "backward/" not in printed
    assert len(json.loads(file.read_text())["theorems"]) == len(proofs.theorems("smt"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["no/such"], ["NAME", "'no/such'", "backward/, "]),
        (["--method", "magic"], ["--method", "symbolic, finite field, intervals, smt", "'magic'"]),
        (["step/lstm", "--method", "symbolic"], ["NAME", "'step/lstm'"]),
        (["--json", "/no/such/folder/file.json"], ["--json", "/no/such/folder"]),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(arguments, words, capsys):
    assert main(["prove", *arguments]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    for word in words:
        assert word in told


def test_what_is_not_installed_is_shown_and_is_no_success(monkeypatch, capsys):
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "z3" else found(name))
    assert main(["prove", "gates/", "range/slopes"]) == 1
    printed = capsys.readouterr().out
    count = sum(theorem.name.startswith("gates/") for theorem in proofs.theorems("smt"))
    assert printed.count("not available") >= count
    assert f"smt: {count} theorems not available: z3-solver is not installed: pip install 'refseq[proofs]'" in printed
    assert "intervals: 1 proved" in printed


def test_a_large_tool_may_be_missing_unless_it_is_asked_for(monkeypatch, capsys):
    monkeypatch.setattr("shutil.which", lambda name: None)
    count = len(proofs.theorems("coq"))
    assert main(["prove", "range/slopes", "coq/"]) == 0
    printed = capsys.readouterr().out
    assert f"coq: {count} theorems not available" in printed
    assert "coq/Linear.vjp_is_unique" not in printed
    assert main(["prove", "--method", "coq"]) == 1


def test_a_refutation_is_told_with_its_counterexample(monkeypatch, tmp_path, capsys):
    wrong = Theorem(
        "invariant/wrong",
        "smt",
        "|c| stays",
        "scope",
        "code",
        Deferred("proofs.smt:decided", ("invariants:coupled", True)),
    )
    monkeypatch.setattr("proofs.theorems", lambda: [wrong])
    file = tmp_path / "refuted.json"
    assert main(["prove", "--json", str(file)]) == 1
    printed = capsys.readouterr().out
    for word in ("invariant/wrong: refuted", "|c| stays", "sigmoid#1 = ", "smt: 1 refuted"):
        assert word in printed
    assert json.loads(file.read_text())["theorems"][0]["verdict"] == "refuted"


def test_control_c_prints_what_was_done(monkeypatch, tmp_path, capsys):
    prove, done = proofs.prove, []

    def interrupted(theorem, missing):
        if done:
            raise KeyboardInterrupt
        done.append(theorem)
        return prove(theorem, missing)

    monkeypatch.setattr("proofs.prove", interrupted)
    file = tmp_path / "result.json"
    assert main(["prove", "range/", "--json", str(file)]) == 130
    assert "interrupted after 1 of 7" in capsys.readouterr().out
    assert json.loads(file.read_text())["interrupted"]


def test_several_processes_prove_the_same(tmp_path):
    found = []
    for jobs in ("1", "2"):
        file = tmp_path / f"{jobs}.json"
        assert main(["prove", "gates/", "clipping/", "--jobs", jobs, "--json", str(file)]) == 0
        theorems = json.loads(file.read_text())["theorems"]
        found.append([{key: value for key, value in each.items() if key != "seconds"} for each in theorems])
    assert found[0] == found[1]
