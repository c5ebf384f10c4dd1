"""Every property is seen to fail on an error of its own, and to pass without it."""

import pytest

from refseq.checks.problem import Problem, draw
from refseq.checks.properties import PROPERTIES
from refseq.checks.subject import Subject
from refseq.checks.verdict import FAIL, PASS
from tests.checks.properties.planted import GIVEN, PLANTS
from tests.checks.properties.plants import Planted, nothing

BY_NAME = {check.name: check for check in PROPERTIES}


def test_every_property_has_a_plant():
    assert len(BY_NAME) == len(PROPERTIES)
    assert set(PLANTS) == set(BY_NAME)


def case(name: str, honest: bool) -> tuple[Subject, Problem]:
    layer, where, plant = PLANTS[name]
    plants = (plant, nothing) if where == GIVEN else (nothing, plant)
    implementation = Planted(layer) if honest else Planted(layer, *plants)
    return Subject(implementation, layer), draw(layer, "float32" if name == "double precision" else "float64", 5, 4)


@pytest.mark.parametrize("name", PLANTS)
def test_the_plant_is_found(name):
    subject, problem = case(name, honest=False)
    assert BY_NAME[name].applies(subject, problem)
    outcome = BY_NAME[name].run(subject, problem)
    assert outcome.verdict == FAIL
    for finding in outcome.findings:
        assert finding.check == name
        assert finding.problem == problem.label
        assert finding.place.tensor
        assert finding.message
        assert "raised" not in finding.message  # the property was judged, the plant did not merely crash


@pytest.mark.parametrize("name", PLANTS)
def test_without_the_plant_it_passes(name):
    subject, problem = case(name, honest=True)
    outcome = BY_NAME[name].run(subject, problem)
    assert outcome.verdict == PASS, (outcome.reason, outcome.findings)


@pytest.mark.parametrize("check", PROPERTIES, ids=lambda check: check.name)
def test_the_question_is_one_question(check):
    assert check.question.endswith("?")
    assert check.question.count("?") == 1
    assert not check.everywhere
