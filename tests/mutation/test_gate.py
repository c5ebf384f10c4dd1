"""The gate itself: two cells whole, a sample of everything, and holes that it must show."""

import pytest

from refseq.mutation import Equivalents, Report, Request, load, run
from refseq.mutation.modules import MODULES

SMALL = ("refseq.cells.activated", "refseq.cells.additive")
VECTORS = ("refseq.linear", "refseq.softmax", "refseq.operations", "refseq.scan")


def judged(*modules, **options):
    return run(Report(Request(modules, **options), load()))


@pytest.fixture(scope="module")
def small():
    return judged(*SMALL)


def test_nothing_survives_in_two_small_cells(small):
    assert small.survivors == []
    assert small.complaints == []
    assert small.passed
    assert len(small.verdicts) == len(small.all) > 25
    assert {mutant.operator for mutant in small.all} >= {"arithmetic", "drop operand", "name", "slots", "drop call"}


def test_what_kills_is_told(small):
    """The forward function is killed by its values, the backward function by the finite field."""
    killers = {}
    for verdict in small.verdicts:
        killers.setdefault(verdict.mutant.function.split(".")[-1], set()).add(verdict.oracle)
    assert "values" in killers["forward"] <= {"values", "raised"}
    assert "finite field" in killers["backward"] <= {"finite field", "raised"}


@pytest.mark.parametrize(
    ("modules", "limit"), [(VECTORS, 40), pytest.param(MODULES, 300, marks=pytest.mark.slow)], ids=["vectors", "all"]
)
def test_nothing_survives_in_a_sample(modules, limit):
    """All of it: ``refseq mutate``."""
    found = judged(*modules, limit=limit, seed=4)
    assert found.survivors == []
    assert found.complaints == []
    assert len(found.verdicts) == limit < len(found.all)
    assert {mutant.module for mutant in found.all} == set(modules)


def test_without_a_question_about_gradients_wrong_ones_survive():
    found = judged("refseq.cells.additive", without=("finite field", "gradients"))
    assert {verdict.mutant.function for verdict in found.survivors} == {"build.backward"}
    assert not found.passed


def test_without_a_question_about_values_what_fits_together_survives():
    """A bias that is left out forward and backward: VJP is still the transposed JVP."""
    found = judged("refseq.cells.additive", without=("values", "gradients", "description"))
    (survivor,) = found.survivors
    assert survivor.mutant.operator == "arguments"
    assert "biases=(Bias('b_h', ('h',)),)" in survivor.mutant.edit.split(" -> ")[0]
    assert not found.passed


def test_a_gate_that_dies_is_an_error():
    with pytest.raises(RuntimeError, match=r"the gate ended after 0 of 0 mutants, status 1"):
        run(Report(Request(("refseq.no_such_module",)), Equivalents([])))
