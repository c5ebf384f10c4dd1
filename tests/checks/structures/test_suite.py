"""Networks on trees and graphs pass, and an error planted in them is found where it is."""

import pytest

import refseq
from refseq.checks.structures import verify
from refseq.checks.structures.kinds import KINDS
from refseq.checks.verdict import FAIL, PASS
from refseq.networks import graph, tree

TREE = refseq.tree_layer("child_sum_tree_lstm", 3, 4)
GRAPH = refseq.graph_layer(2, 4, 3, reset="after")


def some_at_once():
    """The first example of every kind; the others are for the slow run, as `refseq verify refseq` judges them too."""
    for kind in KINDS.values():
        for number, network in enumerate(kind.examples(3, 5)):
            yield pytest.param(network, marks=pytest.mark.slow if number else [], id=str(network))


@pytest.mark.parametrize("network", list(some_at_once()))
def test_every_network_passes_on_the_reference_target(network):
    report = verify(network, "reference")
    assert report.verdict == PASS, (report.findings, report.reasons)
    assert {outcome.check for outcome in report.outcomes} == {"values", "gradients", "finite field"}
    assert report.sensitivity.size < 1e-10


@pytest.mark.parametrize("dtype", [pytest.param("float32", marks=pytest.mark.slow), "float64"])
@pytest.mark.parametrize("network", [TREE, GRAPH], ids=str)
def test_the_cpu_target_agrees(network, dtype):
    """Both run on the engine: within the budget."""
    report = verify(network, "cpu", dtype)
    assert report.verdict == PASS, (report.findings, report.reasons)
    assert "agreement" in {outcome.check for outcome in report.outcomes}


def planted_in_tree(recording, ds, right=tree.backward):
    pulled = right(recording, ds)
    pulled.weights[0].matrices[1][:] = pulled.weights[0].matrices[1] * pulled.weights[0].matrices[1]
    return pulled


def planted_in_graph(recording, ds, right=graph.backward):
    own, messages, ds, weights = right(recording, ds)
    return own, messages, ds, [value + value for value in weights]


def test_a_wrong_matrix_of_a_tree_is_named(monkeypatch):
    monkeypatch.setattr(tree, "backward", planted_in_tree)
    report = verify(TREE, "reference")
    assert report.verdict == FAIL
    assert {finding.tensor for finding in report.findings} == {"dW_hh"}
    assert {finding.gate for finding in report.findings if finding.check == "gradients"} == {"i", "o", "g"}
    assert {finding.check for finding in report.findings} == {"gradients", "finite field"}


def test_wrong_weights_of_edges_are_named(monkeypatch):
    monkeypatch.setattr(graph, "backward", planted_in_graph)
    report = verify(GRAPH, "reference")
    assert {finding.tensor for finding in report.findings} == {"dweights[0]"}
    assert all(finding.place.edge is not None for finding in report.findings if finding.check == "gradients")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((refseq.layer("lstm", 3, 4),), "network: expected one of TreeLayer, GraphLayer, .*; got Layer"),
        ((TREE, "gpu"), "target: expected one of reference, cpu, cuda; got 'gpu'"),
        ((TREE, "cpu", "float16"), "dtype: expected float32 or float64; got 'float16'"),
    ],
)
def test_wrong_arguments(arguments, message):
    with pytest.raises((TypeError, ValueError), match=message):
        verify(*arguments)
