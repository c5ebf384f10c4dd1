"""Verdicts: any failure fails, any doubt is undecided, and nothing judged is not a pass."""

import itertools
import json

import pytest

from refseq.checks import OwnImplementation, verify
from refseq.checks.verdict import (
    FAIL,
    NOT_OFFERED,
    PASS,
    UNDECIDED,
    Finding,
    Outcome,
    Place,
    Sensitivity,
    Worst,
    combine,
)
from tests.examples import LAYERS

ORDER = (FAIL, UNDECIDED, PASS, NOT_OFFERED)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_the_gravest_verdict_wins(count):
    for verdicts in itertools.product(ORDER, repeat=count):
        assert combine(verdicts) == min(verdicts, key=ORDER.index)


def test_nothing_is_not_a_pass():
    assert combine([]) == NOT_OFFERED
    assert combine(iter([NOT_OFFERED, NOT_OFFERED])) == NOT_OFFERED


def test_a_place_says_what_it_knows():
    assert str(Place("dx", time=3, row=0)) == "dx, t = 3, row 0"
    assert str(Place("dW_hh_l1", gate="f", layer=1, direction="reverse", unit=2)) == (
        "dW_hh_l1, gate f, layer 1, direction reverse, unit 2"
    )
    assert str(Place("names")) == "names"


def test_a_finding_reads_as_a_sentence():
    finding = Finding("values", "generic T=5", Place("y", time=2), "expected 1, got 2", diagnosis="looks like M17")
    assert str(finding) == "values [generic T=5] y, t = 2: expected 1, got 2; looks like M17"
    assert (finding.tensor, finding.time, finding.gate) == ("y", 2, None)


@pytest.fixture(scope="module")
def report():
    return verify(OwnImplementation(LAYERS[2]), LAYERS[2], quick=True)


def with_outcomes(report, *outcomes):
    return type(report)(**{**vars(report), "outcomes": outcomes})


def test_a_report_adds_up(report):
    place = Place("y")
    finding = Finding("values", "p", place, "wrong")
    total = with_outcomes(
        report,
        Outcome("values", "p", FAIL, 1.5, (finding,), worst=(Worst(place, 3.0, 1.0, 1.0),)),
        Outcome("values", "q", UNDECIDED, 0.5, reason="too hard", worst=(Worst(place, 9.0, 1.0, 1.0),)),
        Outcome("gradients", "q", UNDECIDED, 0.5, reason="too hard", sensitivity=Sensitivity(place, 2e-9)),
        Outcome("gradients", "q", UNDECIDED, 0.5, reason="too hard", sensitivity=Sensitivity(place, 1e-9)),
    )
    assert total.verdict == FAIL
    assert total.findings == [finding]
    assert total.reasons == ["values: undecided: too hard", "gradients: undecided: too hard"]
    assert total.worst.sigma == 9.0
    assert total.worst_by_tensor == {"y": Worst(place, 9.0, 1.0, 1.0)}
    assert total.sensitivity.size == 2e-9
    assert total.seconds == 3.0


def test_an_empty_report_judges_nothing(report):
    empty = with_outcomes(report)
    assert empty.verdict == NOT_OFFERED
    assert (empty.findings, empty.reasons, empty.worst, empty.sensitivity, empty.seconds) == ([], [], None, None, 0)


def test_a_report_is_json(report):
    again = json.loads(json.dumps(report.to_dict()))
    assert again["verdict"] == PASS
    assert len(again["outcomes"]) == len(report.outcomes)
    assert {"check", "problem", "verdict", "findings", "worst", "sensitivity"} <= again["outcomes"][0].keys()
