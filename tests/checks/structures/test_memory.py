"""An error planted in a Turing machine or a memory network is found where it is; the target "cpu" agrees."""

import dataclasses

import pytest

import refseq
from refseq.checks.structures import memory_networks, verify
from refseq.checks.verdict import FAIL, PASS
from refseq.networks.memory_network import hard_passes
from refseq.networks.memory_network import passes as soft_passes
from refseq.networks.turing_machine import passes

MACHINE = refseq.turing_machine(2, 2, 3, 4, 3)
SOFT = refseq.memory_network(memory_networks.VOCABULARY, 3, hops=2, ages=4)
HARD = refseq.hard_memory_network(memory_networks.VOCABULARY, 3, facts=2, ages=4)


@pytest.mark.parametrize("network", [pytest.param(MACHINE, marks=pytest.mark.slow), SOFT, HARD], ids=str)
def test_the_cpu_target_agrees(network):
    """Of a Turing machine, which takes long to compile twice, ``tests/networks/test_turing_machine.py`` says it."""
    report = verify(network, "cpu")
    assert report.verdict == PASS, (report.findings, report.reasons)
    assert "agreement" in {outcome.check for outcome in report.outcomes}


@pytest.mark.slow
@pytest.mark.parametrize("network", [MACHINE, SOFT, HARD], ids=str)
def test_single_precision(network):
    report = verify(network, "cpu", "float32")
    assert report.verdict == PASS, (report.findings, report.reasons)


def named(network):
    """The tensors of all findings."""
    report = verify(network, "reference")
    assert report.verdict == FAIL
    assert {finding.check for finding in report.findings} == {"gradients", "finite field"}
    return {finding.tensor for finding in report.findings}


def test_a_memory_that_is_not_erased_backward(monkeypatch):
    def wrong(recording, dy, end, right=passes.backward):
        weights, first, dx = right(recording, dy, end)
        return weights, dataclasses.replace(first, memory=first.memory + first.memory), dx

    monkeypatch.setattr(passes, "backward", wrong)
    assert named(MACHINE) == {"dstate[memory]"}


def test_a_table_whose_gradients_do_not_add_up(monkeypatch):
    def wrong(recording, dlogits, right=soft_passes.backward):
        weights = right(recording, dlogits)
        weights.E[0] = weights.E[0] + weights.E[0]
        return weights

    monkeypatch.setattr(soft_passes, "backward", wrong)
    assert named(SOFT) == {"dE"}


def test_ages_that_are_forgotten(monkeypatch):
    def wrong(recording, dscores, dlogits, right=hard_passes.backward):
        dE, dT = right(recording, dscores, dlogits)
        return dE, dT + dT

    monkeypatch.setattr(hard_passes, "backward", wrong)
    assert named(HARD) == {"dT"}
