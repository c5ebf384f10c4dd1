"""What is not judged is never a pass: gradients, lengths and dtypes that are not offered, doubts, and crashes."""

from dataclasses import replace

import numpy as np
import pytest

import refseq
from refseq.checks import NotOffered, OwnImplementation, budget
from refseq.checks.check import Check
from refseq.checks.compare import THRESHOLD
from refseq.checks.exact import Unenclosed
from refseq.checks.problem import Problem, draw
from refseq.checks.properties import PROPERTIES
from refseq.checks.properties.claim import Claim, asks, judge, unpadded
from refseq.checks.properties.relabelling import Labels
from refseq.checks.properties.spread import noise, of_one, quadrature
from refseq.checks.subject import Subject
from refseq.checks.verdict import FAIL, NOT_OFFERED, PASS, UNDECIDED
from tests.checks.properties.planted import LSTM, PLANTS
from tests.checks.properties.plants import Planted, nothing, scaled

PROBLEM = draw(LSTM, "float64", 5, 4)
NEEDS_GRADIENTS = {
    "gradient of one row",
    "backward twice",
    "zero cotangent",
    "scaled cotangent",
    "sum of cotangents",
    "causality of the gradient",
    "gradient of the prefix",
    "balance of features",
}
NEEDS_LENGTHS = {
    "sorted by length",
    "zeros in the padding",
    "padding is ignored",
    "NaN in the padding",
    "more padding",
    "trimmed rows",
    "full lengths",
    "rows without a step",
    "rows without a step are inert",
    "all rows without a step",
}


def run_all(implementation, problem: Problem) -> dict[str, str]:
    subject = Subject(implementation, problem.layer)
    return {c.name: c.run(subject, problem).verdict for c in PROPERTIES if c.applies(subject, problem)}


def named(name: str) -> Check:
    return next(check for check in PROPERTIES if check.name == name)


class NoGradients(Planted):
    def vjp(self, *_):
        raise NotOffered("inference only")


class NoLengths(Planted):
    def forward(self, params, x, state, lengths):
        if lengths is not None:
            raise NotOffered("no lengths")
        return super().forward(params, x, state, lengths)

    def vjp(self, params, x, state, lengths, dy, dstate):
        if lengths is not None:
            raise NotOffered("no lengths")
        return super().vjp(params, x, state, lengths, dy, dstate)


class Nothing(Planted):
    def forward(self, params, x, state, lengths):
        if x.size:  # as an adapter that answers for a batch of nothing itself
            raise NotOffered("not this dtype")
        return super().forward(params, x, state, lengths)

    def vjp(self, *_):
        raise NotOffered("not this dtype")


class Crashes(Planted):
    def forward(self, *_):
        raise RuntimeError("out of order")

    vjp = forward


def test_without_gradients_the_forward_part_is_judged():
    found = run_all(NoGradients(LSTM), PROBLEM)
    assert {name for name, verdict in found.items() if verdict == NOT_OFFERED} == NEEDS_GRADIENTS
    assert set(found.values()) == {PASS, NOT_OFFERED}


@pytest.mark.parametrize(
    "name", ["hidden permutation", "row order", "memory is held", "splitting", "full lengths", "inert feature"]
)
def test_without_gradients_the_forward_part_may_fail(name):
    layer, where, plant = PLANTS[name]
    spoilt = {"memory is held": scaled("state[c]"), "full lengths": PLANTS["trimmed rows"][2]}.get(name, plant)
    plants = (spoilt, nothing) if where == "given" else (nothing, spoilt)
    assert named(name).run(Subject(NoGradients(layer, *plants), layer), PROBLEM).verdict == FAIL


def test_without_lengths_the_unpadded_problem_is_judged():
    found = run_all(NoLengths(LSTM), PROBLEM)
    assert {name for name, verdict in found.items() if verdict == NOT_OFFERED} == NEEDS_LENGTHS
    assert set(found.values()) == {PASS, NOT_OFFERED}
    plant = Subject(NoLengths(LSTM, nothing, PLANTS["hidden permutation"][2]), LSTM)
    (finding,) = named("hidden permutation").run(plant, PROBLEM).findings[:1]
    assert "lengths" not in unpadded(PROBLEM).label
    assert finding.tensor == "y"


def test_who_offers_nothing_passes_nothing():
    assert set(run_all(Nothing(LSTM), PROBLEM).values()) == {NOT_OFFERED}


def test_a_crash_is_a_failure_or_at_an_edge_a_refusal():
    edges = {check.name for check in PROPERTIES if check.edge}
    for name, verdict in run_all(Crashes(LSTM), PROBLEM).items():
        assert verdict == (NOT_OFFERED if name in edges else FAIL)


def test_without_exact_values_the_budget_is_in_doubt(monkeypatch):
    def enclose(_):
        raise Unenclosed("on a kink")

    monkeypatch.setattr(budget, "enclose", enclose)
    found = run_all(OwnImplementation(LSTM), replace(PROBLEM))  # a copy, whose budget is not known yet
    assert found["hidden permutation"] == UNDECIDED
    assert found["determinism"] == PASS  # bits can be compared without a budget


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["actual", "expected"])
def test_what_is_not_a_number_is_a_finding(wrong, side):
    y = np.ones_like(PROBLEM.dy)
    spoilt = y.copy()
    spoilt[2, 3, 1] = wrong
    sides = {"actual": {"y": y}, "expected": {"y": y}} | {side: {"y": spoilt}}
    for spread in (None, {"y": np.ones_like(y)}):
        (finding,) = judge("any", PROBLEM, Claim("words", **sides, spread=spread))
        assert (finding.time, finding.row) == (2, 3)
        assert finding.message.startswith("words: ")


def test_a_claim_is_judged_at_the_threshold():
    zero, spread = np.zeros_like(PROBLEM.dy), {"y": np.full_like(PROBLEM.dy, 0.5)}
    at = {"y": zero + 0.5 * THRESHOLD}
    assert not judge("any", PROBLEM, Claim("", at, {"y": zero}, spread))
    above = {"y": np.nextafter(at["y"], np.inf)}
    assert judge("any", PROBLEM, Claim("", above, {"y": zero}, spread))
    assert judge("any", PROBLEM, Claim("", {"y": zero + 5e-324}, {"y": zero}, None))


def test_a_finding_made_by_the_property_itself_counts():
    @asks("fails", "Is this never so?")
    def fails(subject, problem):
        yield from judge("fails", problem, Claim("", {"y": problem.dy}, {"y": -problem.dy}, None))

    assert fails.run(Subject(Planted(LSTM), LSTM), PROBLEM).verdict == FAIL


def test_the_noise_is_the_budget_without_the_exact_values():
    subject = Subject(OwnImplementation(LSTM), LSTM)
    expected, measured = of_one(subject, PROBLEM), noise(subject, PROBLEM, gradients=True)
    assert expected.keys() == measured.keys()
    for name, spread in expected.items():
        assert np.array_equal(spread == 0, measured[name] == 0)
        live = spread > 0
        # two estimates of a standard deviation from 32 samples each, and one real rounding against twice the noise
        assert np.all(measured[name][live] < 4 * spread[live])
        assert np.all(measured[name][live] > spread[live] / 4)


def test_variances_add():
    summed = quadrature({"y": np.array([3.0, 0.0])}, {"y": np.array([4.0, 0.0])})
    assert np.array_equal(summed["y"], [5.0, 0.0])


def test_labels_have_an_inverse():
    labels = Labels(np.array([2, 0, 1, 3]), np.array([1.0, -1.0, -1.0, 1.0]))
    values = np.arange(1.0, 13.0).reshape(3, 4)
    there = labels.along(1, values)
    assert np.array_equal(there[0], [3, -1, -2, 4])
    assert np.array_equal(labels.inverse().along(1, there), values)


def test_properties_leave_the_problem_as_it_is():
    problem = draw(refseq.layer("lstm", 3, 4, layers=2, bidirectional=True), "float64", 5, 4, seed=11)
    arrays = [*problem.params.values(), problem.x, *problem.state.values(), problem.dy, *problem.dstate.values()]
    before = [array.tobytes() for array in arrays]
    run_all(OwnImplementation(problem.layer), problem)
    assert [array.tobytes() for array in arrays] == before
    assert all(array.flags.writeable for array in arrays)
