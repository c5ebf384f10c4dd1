"""Turing machines and memory networks on the target "cuda" against "reference"; run by test_target.py."""

import numpy as np
import pytest

import refseq
from cuda_kernels.machine import Machine
from refseq.checks.structures.memory_networks import FACTS, QUERY, STORY, of_choices, of_stories
from refseq.checks.structures.turing_machines import machine_problem
from refseq.targets import target
from tests.cuda_kernels.callers import floats, plain

MACHINES = [
    refseq.turing_machine(2, 2, 3, 5, 3),
    refseq.turing_machine(1, 2, 2, 3, 2, controller="lstm", reads=2, writes=2),
]
NETWORKS = [
    refseq.memory_network(6, 3, hops=2, ages=4),
    refseq.memory_network(6, 3, hops=2, tying="layerwise", encoding="bag"),
]
HARD = refseq.hard_memory_network(6, 3, facts=2, ages=4)


def launches(monkeypatch):
    """The target with several grids, one block of one thread among them."""
    for blocks, threads in [(1, 1), (3, 3), (40, 7)]:
        monkeypatch.setattr(target("cuda"), "machine", Machine(blocks, threads))
        yield


def agree(function, values, cotangents, monkeypatch):
    """As the reference up to rounding, and the same bits on any launch."""
    want = function.everything(plain(values), {}, plain(cotangents), "reference")
    before = None
    for _ in launches(monkeypatch):
        got = function.everything(values, {}, cotangents, "cuda")
        for name, value in want.items():
            np.testing.assert_allclose(got[name], floats(value), rtol=1e-10, atol=1e-12, err_msg=name)
            assert before is None or got[name].tobytes() == before[name].tobytes(), name
        before = got


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_a_turing_machine(machine, monkeypatch):
    posed = machine_problem(machine, steps=2)
    agree(posed.function, posed.values, posed.cotangents, monkeypatch)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_a_memory_network(network, monkeypatch):
    dlogits = np.random.default_rng(0).normal(size=(2, 6))
    agree(of_stories(network), network.initialise(deviation=0.7), {"logits": dlogits}, monkeypatch)


@pytest.mark.parametrize("facts", [FACTS, None], ids=["given", "chosen"])
def test_a_network_that_chooses(facts, monkeypatch):
    rng = np.random.default_rng(0)
    cotangents = {"scores": rng.normal(size=(2, 2, 4)), "logits": rng.normal(size=(2, 6))}
    agree(of_choices(HARD, facts), HARD.initialise(deviation=0.7), cotangents, monkeypatch)


@pytest.mark.parametrize("kind", ["margin", "cross_entropy"])
def test_losses_of_choices(kind):
    params, found = HARD.initialise(deviation=0.7), []
    for where, given in (("reference", plain(params)), ("cuda", params)):
        run = HARD.forward(given, STORY, QUERY, FACTS, where)
        found.append(HARD.fact_loss(run, FACTS, kind, margin=0.3))
    np.testing.assert_allclose(found[1].gradient, floats(found[0].gradient), rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(found[1].facts, floats(found[0].facts), rtol=1e-12)


def test_recall():
    keys, values = np.random.default_rng(0).normal(size=(2, 4, 3))
    got = refseq.recall(keys, values, keys[:2], 3.0, target="cuda")
    want = refseq.recall(plain(keys), plain(values), plain(keys[:2]), 3.0, target="reference")
    np.testing.assert_allclose(got.values, floats(want.values), rtol=1e-12)
