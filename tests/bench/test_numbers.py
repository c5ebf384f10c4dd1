"""Statistics, counts, shapes, plans, memory."""

import json
import math

import numpy as np
import pytest

from refseq.bench.ceiling import Ceiling
from refseq.bench.clock import LONG, Timing, interleaved
from refseq.bench.judge import limit, relative
from refseq.bench.libraries import LIBRARIES
from refseq.bench.memory import needed, peak
from refseq.bench.operations import OperationCase
from refseq.bench.plans import Plan, case, plan
from refseq.bench.shapes import BASE, CURVES, ODD, STANDARD, Shape, along, parse
from refseq.bench.spread import apart, exponent, ratio, summary
from refseq.bench.structures import StructureCase
from tests.bench.small import case as small
from tests.bench.small import measured


def test_summary_by_hand():
    found = summary([4.0, 1.0, 3.0, 2.0, 5.0])
    assert (found["median"], found["q1"], found["q3"], found["min"]) == (3.0, 2.0, 4.0, 1.0)
    assert found["samples"] == [4.0, 1.0, 3.0, 2.0, 5.0]
    with pytest.raises(ValueError, match="at least one sample"):
        summary([])


def test_the_ratio_is_theirs_over_ours():
    found = ratio(summary([2.0, 4.0, 6.0]), summary([1.0, 1.0, 2.0]))
    assert found == {"median": 4.0, "q1": 2.5, "q3": 3.5}


def test_a_change_needs_both_size_and_separation():
    old = summary([1.0, 1.0, 1.0])
    assert apart(summary([1.2, 1.2, 1.2]), old, 0.1) == "slower"
    assert apart(summary([0.8, 0.8, 0.8]), old, 0.1) == "faster"
    assert apart(summary([1.05, 1.05, 1.05]), old, 0.1) == "same"
    assert apart(summary([0.5, 1.2, 2.0]), old, 0.1) == "same"


def test_exponents():
    assert exponent([1, 2, 4], [3.0, 6.0, 12.0]) == pytest.approx(1)
    assert exponent([1, 2, 4], [1.0, 4.0, 16.0]) == pytest.approx(2)
    assert math.isnan(exponent([2, 2], [1.0, 1.0]))


def test_shapes():
    assert parse("64x8x32x16") == (Shape(64, 8, 32, 16),)
    assert str(Shape(64, 8, 32, 16)) == "64x8x32x16"
    assert parse("all") == (*STANDARD, *ODD)
    assert [shape.T for shape in along("T")] == list(CURVES["T"])
    assert all(shape.I == shape.H for shape in along("H"))
    assert along("threads") == (BASE,)
    for word in ("", "64x8x32", "64x8x32x0", "64x8x32x-1", "64x8x32x1.5", "huge", "6４x8x32x16"):
        with pytest.raises(ValueError, match="expected TxBxIxH"):
            parse(word)


def test_operations_of_matrix_products_by_hand():
    T, B, I, H = 3, 2, 4, 5  # noqa: E741
    for name, gates, options in (("elman", 1, {}), ("lstm", 4, {}), ("gru", 3, {"reset": "before"})):
        one = small(name, **options)
        assert one.flops("forward") == 2 * T * B * gates * (I * H + H * H)
        assert one.flops("both") == 3 * one.flops("forward")


def test_operations_of_trees_and_graphs_by_hand():
    """A balanced tree over 3 leaves has 5 nodes, 2 of which have 2 children each."""
    I, H = 4, 5  # noqa: E741
    for name, products in (
        ("recursive", 5 * I * H + 2 * 2 * H * H),
        ("tree_lstm", 5 * 4 * I * H + 2 * 2 * 5 * H * H),
        ("child_sum_tree_lstm", 5 * 3 * I * H + 2 * 3 * H * H + 2 * I * H + 4 * H * H),
    ):
        one = StructureCase(name, (6, 3, I, H), "float32")
        assert one.flops("forward") == 2 * 6 * products
        assert one.flops("both") == 3 * one.flops("forward")
    graph = StructureCase("graph", (9, 3, H, 2), "float64")
    assert graph.flops("forward") == 2 * 2 * 9 * 7 * H * H
    numbers = 7 * H * H + 5 * H + 2 * 9 * H + len(graph.ends[0])
    assert graph.traffic("forward") == 8 * numbers
    assert graph.traffic("both") == 8 * 2 * numbers


def test_bytes_by_hand():
    T, B, I, H = 3, 2, 4, 5  # noqa: E741
    given = T * B * I + (I * H + H * H + H) + B * H
    assert small().traffic("forward") == 4 * (given + T * B * H + B * H)
    assert small(dtype="float64").traffic("both") == 8 * (2 * given + 2 * T * B * H + B * H)
    assert OperationCase("adam", (100,), "float64").traffic("call") == 7 * 100 * 8
    assert OperationCase("adam", (100,), "float64").flops("call") is None


def test_errors_are_relative_to_the_largest():
    assert relative(np.array([1.0, 0.1]), np.array([1.0, 0.0])) == pytest.approx(0.1)
    assert relative(np.array([0.5]), np.array([0.0])) == 0.5
    assert relative(np.array([np.nan]), np.array([0.0])) == math.inf
    assert limit(small(dtype="float64")) == 16 * 2.0**-52 * (3 * (2 + 4 + 5)) ** 0.5


def test_a_plan_survives_json():
    cases = (
        small("gru", reset="after"),
        OperationCase("clip", (40,), "float64"),
        StructureCase("graph", (9, 3, 4, 2), "float32"),
    )
    given = Plan(cases, ("refseq", "torch"), 2, Timing(rounds=3, hostile=True), "both", "T")
    assert plan(json.loads(json.dumps(given.to_dict()))) == given
    assert case(small().to_dict()) == small()


def test_every_library_has_its_turn_in_every_round_in_a_random_order():
    seen = []
    turns = {name: {"call": lambda name=name: seen.append(name)} for name in "abc"}
    timing = Timing(rounds=8, pause=0.0, slice=0.0, calls=1)
    found = interleaved(turns, timing, lambda: None)
    assert {name: len(samples["call"]) for name, samples in found.items()} == dict.fromkeys("abc", 8)
    rounds = ["".join(seen[6 + 3 * k : 9 + 3 * k]) for k in range(8)]  # two calls each to warm up
    assert all(sorted(one) == ["a", "b", "c"] for one in rounds)
    assert len(set(rounds)) > 2


def test_a_turn_ends_with_its_slice_or_its_calls(monkeypatch):
    now, cost = [0.0], [2.0**-10]

    def tick():
        now[0] += cost[0]

    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    count = []
    turns = {"a": {"call": lambda: (count.append(1), tick())}}
    interleaved(turns, Timing(rounds=1, pause=0.0, slice=10 * 2.0**-10, calls=50), lambda: None)
    assert len(count) == 2 + 4 + 11  # to warm up, unmeasured, until more than the slice has gone
    count.clear()
    cost[0] = 2 * LONG
    interleaved(turns, Timing(rounds=1, pause=0.0, slice=0.01, calls=50), lambda: None)
    assert len(count) == 2 + 1


def test_a_slow_library_has_fewer_rounds():
    timing = Timing(rounds=6, pause=0.0, slice=0.0, calls=1, budget=0.0)
    found = interleaved({"slow": {"call": lambda: None}}, timing, lambda: None)
    assert len(found["slow"]["call"]) == 3


def test_the_ceiling_keeps_the_best():
    top = Ceiling(["float32"], 2, size=4, moved=1024)
    top.measure()
    first = top.to_dict()
    top.measure()
    again = top.to_dict()
    assert again["gemm"]["float32"]["gflops"] >= first["gemm"]["float32"]["gflops"] > 0
    assert again["memory"]["bytes_per_second"] >= first["memory"]["bytes_per_second"] > 0
    assert "numpy" in again["gemm"]["float32"]["by_library"]


def test_memory_that_a_call_needs_is_seen():
    size = 64 * 2**20
    found = needed(lambda: np.ones(size // 8))
    assert size * 0.9 < found < size * 1.5
    assert size * 0.9 < needed(lambda: np.ones(size // 8).sum()) < size * 1.5  # free again when the call ends
    assert needed(lambda: None) < size / 8


def test_peak_memory_of_a_layer_and_of_what_is_not_there():
    assert peak(LIBRARIES["refseq"], small(), "both", 1) is not None
    events = measured(Plan((small("lstm"),), ("torch-loop",), 1, memory="both"))
    assert [event["event"] for event in events] == ["title"]
    (_, found) = measured(Plan((small(),), ("refseq",), 1, memory="both"))
    assert (found["event"], found["library"], found["pass"]) == ("memory", "refseq", "both")
