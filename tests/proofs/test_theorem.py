"""The frame: what a verdict needs, controls, methods that are missing, theorems that are listed."""

import importlib.util
import time

import pytest

import proofs
from proofs import NOT_AVAILABLE, PROVED, REFUTED, UNDECIDED, Deferred, Proved, Refuted, Theorem, Undecided


def theorem(answer, control=None) -> Theorem:
    return Theorem("a/b", "symbolic", "statement", "scope", "code", lambda: answer, control and (lambda: control))


WRONG = Refuted("1 = 2", "at x = 0")


@pytest.mark.parametrize(
    ("answer", "control", "verdict", "words"),
    [
        (Proved("3 identities"), WRONG, PROVED, "3 identities"),
        (Proved("3 identities"), None, PROVED, "3 identities"),
        (WRONG, WRONG, REFUTED, "1 = 2; at x = 0"),
        (Undecided("z3 gave up"), WRONG, UNDECIDED, "z3 gave up"),
        (Proved("3 identities"), Proved("3 identities"), UNDECIDED, "with an error planted, was proved as well"),
        (Proved("3 identities"), Undecided("too wide"), UNDECIDED, "with an error planted, is undecided: too wide"),
    ],
)
def test_verdicts(answer, control, verdict, words):
    result = proofs.prove(theorem(answer, control))
    assert result.verdict == verdict
    assert words in result.detail
    assert result.planted == (str(WRONG) if verdict == PROVED and control else "")


def test_the_control_runs_only_where_there_is_a_proof():
    def control():
        raise AssertionError

    assert proofs.prove(Theorem("a/b", "smt", "", "", "", lambda: WRONG, control)).verdict == REFUTED


def test_seconds_are_those_of_proof_and_control():
    def slow():
        time.sleep(0.02)
        return WRONG

    result = proofs.prove(Theorem("a/b", "smt", "", "", "", lambda: Proved(""), slow))
    assert 0.02 <= result.seconds < 2


def test_a_missing_tool_is_said_and_nothing_runs(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "z3" else found(name))
    missing = proofs.method("smt").missing()
    assert missing == "z3-solver is not installed: pip install 'refseq[proofs]'"
    result = proofs.prove(Theorem("a/b", "smt", "", "", "", Deferred("no.such.module:f")), missing)
    assert (result.verdict, result.detail) == (NOT_AVAILABLE, missing)
    assert proofs.method("symbolic").missing() is None


def test_every_theorem_says_what_it_is_about():
    found = proofs.theorems()
    assert len(found) > 200
    for each in found:
        assert each.method in proofs.PROVIDERS
        assert all((each.statement, each.scope, each.code)), each.name
        assert each.control or each.method == "coq", each.name  # Coq's kernel needs no plant
        assert each.name.count("/") >= 1, each.name
    assert {each.method for each in found} == set(proofs.PROVIDERS)


def test_unknown_methods_and_names_that_stand_twice(monkeypatch):
    with pytest.raises(ValueError, match=r"method: expected one of symbolic, .*; got 'magic'"):
        proofs.theorems("magic")
    twice = proofs.method("smt")
    monkeypatch.setattr("proofs.registry.method", lambda name: twice)
    with pytest.raises(ValueError, match=r"theorem step/lstm: there are \d of this name"):
        proofs.theorems()


def test_listing_imports_no_tool():
    import subprocess
    import sys

    code = "import sys, proofs; proofs.theorems(); print(*{'z3', 'sympy'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_what_is_for_users_own_runs_is_found_at_once():
    from proofs.intervals.certificate import certify

    assert proofs.certify is certify
    assert proofs.verified_norm
    assert proofs.verified_gamma
    with pytest.raises(AttributeError, match="no attribute 'guess'"):
        _ = proofs.guess
