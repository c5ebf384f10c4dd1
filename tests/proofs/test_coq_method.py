"""Coq's verdicts as answers of ``refseq prove``, without Coq."""

import pytest

from proofs import PROVED, UNDECIDED, coq_method, coq_theorems, prove
from proofs.coq_theorems import Verdict


@pytest.fixture
def verdicts(monkeypatch):
    """Lets a test say what the check answers."""

    def say(answer):
        monkeypatch.setattr(coq_theorems, "verdicts", answer)
        coq_method._answers.cache_clear()

    yield say
    coq_method._answers.cache_clear()


def test_every_theorem_is_listed():
    found = coq_method.METHOD.theorems()
    names = [theorem.name for theorem in found]
    assert names == [f"coq/{theorem.file}.{theorem.name}" for theorem in coq_theorems.theorems()]
    by_name = dict(zip(names, found, strict=True))
    assert by_name["coq/DoubleSum.bptt_is_double_sum"].sources == ("L4.1",)


def test_the_check_runs_once(verdicts):
    runs = []

    def all_proved():
        runs.append(1)
        return [Verdict(theorem, True, "none", 0.5, "") for theorem in coq_theorems.theorems()]

    verdicts(all_proved)
    results = [prove(theorem) for theorem in coq_method.METHOD.theorems()]
    assert {result.verdict for result in results} == {PROVED}
    assert results[0].detail == "axioms: none; 0.5 s of its file"
    assert len(runs) == 1


def test_what_is_not_proved_is_undecided(verdicts):
    verdicts(lambda: [Verdict(theorem, False, "", 0.0, "unproved") for theorem in coq_theorems.theorems()])
    result = prove(coq_method.METHOD.theorems()[0])
    assert (result.verdict, result.detail) == (UNDECIDED, "unproved")


def test_a_check_that_cannot_run_is_undecided(verdicts):
    def absent():
        raise RuntimeError("skipped: mathcomp 1 is not installed")

    verdicts(absent)
    result = prove(coq_method.METHOD.theorems()[0])
    assert (result.verdict, result.detail) == (UNDECIDED, "skipped: mathcomp 1 is not installed")
