"""Errors planted in the models of ``refseq.markov`` are found where they are."""

import numpy as np
import pytest

from refseq.checks.structures import verify
from refseq.checks.verdict import FAIL, PASS
from refseq.markov import autoregressive, chain, emissions, hmm

NETWORKS = [hmm(5, symbols=3), hmm(4, features=2, sums="direct"), autoregressive(2, 3)]


@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.slow), "float64"])
@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_the_cpu_target_agrees(network, dtype):
    report = verify(network, "cpu", dtype)
    assert report.verdict == PASS, (report.findings, report.reasons)
    assert "agreement" in {outcome.check for outcome in report.outcomes}


@pytest.mark.parametrize("sums", ["scaled", "direct"])
def test_wrong_counts_of_pairs_are_named(sums, monkeypatch):
    def planted(run, dvalue, counted=True, right=chain.backward):
        counts = right(run, dvalue, counted)
        if counted:
            counts.pairs[0] = counts.pairs[0] + counts.pairs[0]
        return counts

    monkeypatch.setattr(chain, "backward", planted)
    report = verify(hmm(3, symbols=4, sums=sums), "reference")
    assert report.verdict == FAIL
    assert {finding.tensor for finding in report.findings} == {"dtransition"}
    assert {finding.check for finding in report.findings} == {"gradients", "finite field"}


def test_a_wrong_slope_of_the_variance_is_named(monkeypatch):
    def planted(self, de, target, right=emissions.Emissions.backward):
        made, x = right(self, de, target)
        return made | {"log_variance": made["log_variance"] + made["log_variance"]}, x

    monkeypatch.setattr(emissions.Emissions, "backward", planted)
    report = verify(hmm(3, features=2), "reference")
    assert {finding.tensor for finding in report.findings} == {"dlog_variance"}
    assert np.all([dict(finding.place.along) for finding in report.findings if finding.check == "gradients"])
