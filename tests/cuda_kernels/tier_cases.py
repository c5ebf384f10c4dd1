"""The tiers of the time loop against "reference" and against exact values.

test_target.py runs this file in a process of its own, in the simulator or on a device."""

from dataclasses import replace

import numpy as np
import pytest

import refseq
from cuda_kernels import columns, gpu, meeting, resident, resident_steps, tiers
from cuda_kernels.gpu import barrier, device, domain_barrier, thread
from cuda_kernels.machine import Machine
from refseq.checks.accuracy import GRADIENTS, VALUES
from refseq.checks.problem import draw
from refseq.checks.subject import Subject
from refseq.targets import run_info
from tests.cuda_kernels.cuda_cases import Solved, assert_bitwise, both_precisions, interpreted
from tests.variants import label, layer

STEPS, ROWS = 4, 5
ONE_SUM = [
    ("elman", {}),
    ("lstm", {}),
    ("lstm_peephole", {"output_sees": "new"}),
    ("gru", {}),
    ("gru", {"reset": "after"}),
]
"""Cells whose pre-activations have one recurrent product at most: forward has the bits of the reference."""

SEVERAL = [("leaky", {"learn": "layer"}), ("skip", {"delay": 3}), ("lstm_peephole_coupled", {"peephole": "full"})]
MASKED = ("gru", {"dropout": True, "zoneout": True})
FORWARD = ("y", "state[h]", "state[c]")
simulated = pytest.mark.skipif(not gpu.SIMULATOR, reason="about the simulator")


def problem(cell, units, dtype="float32"):
    """A bidirectional layer, rows in groups the last of which is not full; lengths of all kinds."""
    return draw(layer(cell, 2, units, bidirectional=True), dtype, STEPS, ROWS)


def solved(given, tier, **more):
    with tiers.using(tier):
        return Solved(given, "cuda", **more)


def verdicts(got, given):
    return [check.run(Subject(got, given.layer), given).verdict for check in (VALUES, GRADIENTS)]


@both_precisions
@pytest.mark.parametrize("cell", [*ONE_SUM, MASKED], ids=label)
def test_resident(cell, dtype):
    given = problem(cell, 3, dtype)
    got = solved(given, "resident")
    assert got.run.info["tier"] == "resident"
    assert verdicts(got, given) == ["pass", "pass"]
    if gpu.SIMULATOR:
        want = Solved(interpreted(given), "reference").tensors
        names = want if cell[0] == "elman" else [name for name in FORWARD if name in want]  # backward adds gates apart
        assert_bitwise({n: got.tensors[n] for n in names}, {n: want[n] for n in names}, dtype)


@pytest.mark.parametrize("cell", SEVERAL, ids=label)
def test_resident_with_several_sums(cell):
    given = problem(cell, 3)
    assert verdicts(solved(given, "resident"), given) == ["pass", "pass"]


@pytest.mark.parametrize("cell", [*ONE_SUM[:2], ("gru", {}), SEVERAL[2], MASKED], ids=label)
def test_persistent(cell):
    """Two blocks share the units and wait for one another."""
    given = problem(cell, 4)
    got = solved(given, "persistent")
    assert "units shared by 2 blocks" in got.run.info["why"]
    assert verdicts(got, given) == ["pass", "pass"]


@pytest.mark.parametrize("tier", ["resident", "persistent"])
def test_checkpoints_and_padding_do_not_change_a_bit_and_rows_do_not_meet(tier):
    given = problem(("gru", {}), 4)
    want = solved(given, tier).tensors
    assert_bitwise(solved(given, tier, checkpoint=2).tensors, want, "float32")
    x, dy = given.x.copy(), given.dy.copy()
    for row, length in enumerate(given.counts):
        x[length:, row] = dy[length:, row] = np.nan
    assert_bitwise(solved(replace(given, x=x, dy=dy), tier).tensors, want, "float32")
    x[0, 0] = np.nan
    got = solved(replace(given, x=x, dy=dy), tier).tensors
    for name in ("y", "dx", "state[h]", "dstate[h]"):
        assert np.isnan(got[name][:, 0]).any(), name
        assert got[name][:, 1:].tobytes() == want[name][:, 1:].tobytes(), name


def test_what_does_not_fit_is_refused_with_the_reason():
    given = problem(("lstm", {"normalise": True}), 3)
    with pytest.raises(ValueError, match=r"tier 'resident' cannot run .* of 3 units .*: .* has operations on whole"):
        solved(given, "resident")


@simulated
@pytest.mark.parametrize("tier", ["resident", "persistent"])
def test_planted_weights_of_a_wrong_gate_are_noticed(tier, monkeypatch):
    given, original = problem(("lstm", {}), 4), columns.pairs
    wrong = {0: 1, 1: 0}

    def swapped(cell, number):
        return [replace(pair, gate=wrong.get(pair.gate, pair.gate)) for pair in original(cell, number)]

    monkeypatch.setattr(columns, "pairs", swapped)
    monkeypatch.setattr(resident, "kernels", resident.kernels.__wrapped__)  # made anew, and forgotten
    assert verdicts(solved(given, tier), given) == ["fail", "fail"]


@simulated
def test_a_planted_missing_barrier_is_noticed(monkeypatch):
    """A thread then reads sums that others have not written: NaN."""
    for module in (resident, resident_steps, meeting):
        monkeypatch.setattr(module, "barrier", lambda: None)
    given = problem(("lstm", {}), 4)
    monkeypatch.setattr(resident, "kernels", resident.kernels.__wrapped__)
    assert "pass" not in verdicts(solved(given, "resident"), given)


@simulated
def test_a_planted_missing_wait_for_the_other_blocks_is_noticed(monkeypatch):
    monkeypatch.setattr(meeting, "domain_barrier", lambda *_: None)
    given = problem(("lstm", {}), 4)
    monkeypatch.setattr(resident, "kernels", resident.kernels.__wrapped__)
    got = solved(given, "persistent")
    assert "pass" not in verdicts(got, given)


def ring(counters, x, seen, extra):
    """Each block writes, waits for its domain, and reads what its neighbour wrote."""
    me = device.blockIdx.x
    memory = device.shared.array(1, np.float32)
    if thread() == 0:
        memory[0] = 1
        x[me] = me + memory[0]
    barrier()
    if thread() == 0:
        domain_barrier(counters, me // 2, 2 + extra)
    barrier()
    seen[me] = x[me ^ 1]


def test_the_barrier_of_a_domain():
    machine = Machine()
    arrays = [machine.place(np.zeros(n, kind)) for n, kind in ((2, "uint32"), (4, "float32"), (4, "float32"))]
    machine.run(gpu.jit()(ring), (4, 1), 2, (*arrays, 0), together=True)
    assert machine.fetch(arrays[0]).tolist() == [2, 2]
    assert machine.fetch(arrays[2]).tolist() == [2, 1, 4, 3]


@simulated
def test_blocks_that_wait_in_vain_are_noticed():
    arrays = np.zeros(2, "uint32"), np.zeros(4, "float32"), np.zeros(4, "float32")
    with pytest.raises(RuntimeError, match="all blocks wait for one another, and none comes"):
        gpu.launch(gpu.jit()(ring), (4, 1), 2, (*arrays, 1), together=True)


@simulated
def test_shared_memory_begins_as_nan_in_every_block():
    def kernel(x):
        memory = device.shared.array(1, np.float32)
        x[device.blockIdx.x] = memory[0]
        memory[0] = 7

    x = np.zeros(3, "float32")
    gpu.launch(gpu.jit()(kernel), 3, 1, (x,))
    assert np.isnan(x).all()


@simulated
def test_the_simulator_runs_the_generic_tier_unless_asked():
    run = Solved(problem(("elman", {}), 3), "cuda").run
    assert run.info["tier"] == "generic"
    assert "simulator" in run.info["why"]
    cell = refseq.catalogue()["elman"].cell()
    assert run_info("reference", cell, "float32", 3, 1, 1).keys() == {"target", "device"}
