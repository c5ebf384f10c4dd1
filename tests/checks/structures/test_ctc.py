"""The CTC loss is judged like networks, and what is planted in it is found."""

import pytest

from refseq.checks.structures import ctc, verify
from refseq.checks.verdict import FAIL, PASS
from refseq.losses import ctc_mixture, ctc_rows

SYSTEMS = list(ctc.examples(3, 5))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("system", SYSTEMS, ids=str)
def test_vectors_agree(system, dtype):
    report = verify(system, "cpu", dtype)
    assert report.verdict == PASS, (report.findings, report.reasons)
    assert {outcome.check for outcome in report.outcomes} >= {"values", "gradients", "agreement"}
    assert set(report.worst_by_tensor) == {"loss", f"d{system.wrt}"}
    assert report.sensitivity.size < (1e-4 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize("system", SYSTEMS, ids=str)
def test_the_gradient_of_the_other_form_is_found(system, monkeypatch):
    """By its enclosure and over the finite field."""
    right = ctc.sequences
    other = {"logits": "log_probs", "log_probs": "logits"}

    def planted(wrt, *given):
        return right(wrt, *given)[0], right(other[wrt], *given)[1]

    monkeypatch.setattr(ctc, "sequences", planted)
    report = verify(system, "reference")
    assert report.verdict == FAIL
    assert {finding.check for finding in report.findings} == {"gradients", "finite field"}
    assert {finding.tensor for finding in report.findings} == {f"d{system.wrt}"}
    place = next(finding.place for finding in report.findings if finding.check == "gradients")
    assert place.time is not None
    assert place.row is not None
    assert dict(place.along).keys() == {"class"}


def test_a_wrong_share_is_found_over_the_finite_field(monkeypatch):
    """Interpreted numbers take the planted function, floats the compiled one."""

    def three(a, b, c, has_a, has_b, has_c):
        value, of_a, of_b, of_c = ctc_mixture.three(a, b, c, has_a, has_b, has_c)
        return value, of_b, of_a, of_c

    monkeypatch.setattr(ctc_rows, "three", three)
    report = verify(SYSTEMS[0], "reference")
    assert {finding.check for finding in report.findings} == {"finite field"}
    assert {finding.tensor for finding in report.findings} == {"dlogits"}
