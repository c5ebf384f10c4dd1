"""The method "finite field": what its theorems are about, and a few of them proved. ``refseq prove`` proves all."""

import json

import pytest

import refseq
from proofs import PROVED, Proved, Refuted, prove, theorems
from proofs.cells import every_variant
from proofs.finite_field import transposed
from proofs.finite_field.equalities import EQUALITIES
from proofs.finite_field.losses import KINDS
from refseq.checks.finite_field import not_transposed
from refseq.checks.problem import draw
from refseq.cli import main

ALL = {theorem.name: theorem for theorem in theorems("finite field")}


def test_every_variant_of_the_catalogue_has_its_theorem():
    names = [name for name, _, _ in every_variant()]
    assert set(refseq.catalogue()) <= {name.partition("(")[0] for name in names}
    assert {f"transposed/{name}" for name in names} <= set(ALL)
    assert {f"transposed/long/{name}" for name in refseq.catalogue()} <= set(ALL)
    assert {f"loss/{kind}" for kind in KINDS} | {f"equal/{name}" for name in EQUALITIES} <= set(ALL)


def test_every_theorem_has_a_planted_error():
    assert all(theorem.control for theorem in ALL.values())


QUICK = (
    *("transposed/lstm", "transposed/lstm(normalise=True)", "transposed/gru(reset=after)", "transposed/stack/1"),
    *(f"loss/{kind}" for kind in KINDS),
    *("equal/merged matrix", "equal/chain tree", "equal/pieces of time"),
)


@pytest.mark.parametrize("name", QUICK)
def test_a_few_are_proved_and_their_controls_refuted(name):
    result = prove(ALL[name])
    assert result.verdict == PROVED, result.detail
    assert result.planted


def test_networks_are_proved():
    for name, theorem in ALL.items():
        if name.startswith("transposed/network/"):
            assert isinstance(theorem.proof(), Proved), name


def test_the_culprits_are_named_and_nothing_else():
    layer = refseq.layer("lstm", 2, 3, normalise=True)
    answer = transposed.planted(layer, 3, 2)
    assert isinstance(answer, Refuted)
    assert answer.counterexample.endswith(f"with respect to {next(iter(layer.shapes))}")


@pytest.mark.parametrize("wrong", [["x"], ["W_hx", "state[c]"], ["b_h", "x", "state[h]"]])
def test_several_culprits(wrong):
    problem = draw(refseq.layer("lstm", 2, 3), "float64", 3, 2)
    function, names = problem.function, [f"d{name}" for name in wrong]

    class Posed:
        values, constants = problem.values, problem.constants

        class function:
            forward = staticmethod(function.forward)

            @staticmethod
            def backward(record, cotangents):
                found = function.backward(record, cotangents)
                return found | {name: found[name] * 2 for name in names}

    assert sorted(not_transposed(Posed)) == sorted(wrong)


def test_the_list(tmp_path, capsys):
    file = tmp_path / "theorems.json"
    assert main(["prove", "--method", "finite field", "--list", "--json", str(file)]) == 0
    listed = json.loads(file.read_text())["theorems"]
    assert {theorem["name"] for theorem in listed} == set(ALL)
    assert {theorem["method"] for theorem in listed} == {"finite field"}
    assert "Theorems" in capsys.readouterr().out
