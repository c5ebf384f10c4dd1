"""Products on tensor cores whose sums are divided among warps, against the truth of ``tensor_cases``.

The rule has slices only for layers that are too large to test; here it is told how many. test_target.py runs this file
in a process of its own, in the simulator or on a device.
"""

from dataclasses import replace

import pytest

import refseq
from cuda_kernels import columns, fragments, meeting, resident, room, rounding, tensor_cores, tensor_products, tiers
from refseq.bench.judge import relative
from refseq.checks.problem import draw
from tests.cuda_kernels import tensor_cases
from tests.cuda_kernels.tensor_cases import agrees, every_precision, problem, simulated, solved
from tests.variants import label, layer

TIERS = ("resident", "persistent")


@pytest.fixture
def divided(monkeypatch):
    """divided(slices): the rule then divides every sum so."""

    def divide(slices):
        monkeypatch.setattr(tiers, "SLICES", (slices,))
        tiers.choose.cache_clear()

    yield divide
    tiers.choose.cache_clear()


def units_of(precision, slices, tier):
    """In one block so many that the last slice has two terms, and is filled up; in several, where it is not, is not."""
    return (
        tensor_cores.depth(precision) * slices
        if tier == "persistent"
        else tensor_cores.depth(precision) * (slices - 1) + 2
    )


def terms(given):
    return len(given.x) * (given.layer.units + 4)


FEW = [
    (("elman", {}), 2, 2, 9),
    (("elman", {}), 3, 2, 2),
    (("lstm", {}), 2, 2, 3),
    (("gru", {}), 2, 2, 3),
    (("gru", {"reset": "after"}), 2, 2, 2),
    (("skip", {"delay": 3}), 2, 4, 2),
]
"""Cells, slices, steps, and rows of one group and of two; lengths of all kinds."""


@every_precision
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("case", FEW, ids=lambda case: f"{label(case[0])}-{case[1]}-{case[3]}")
def test_layers(case, tier, precision, divided):
    cell, slices, steps, rows = case
    units = units_of(precision, slices, tier)
    given, want = problem(cell, units, precision, steps, rows)
    divided(slices)
    got = solved(given, precision, tier)
    assert f"every sum shared by {slices} warps" in got.run.info["why"]
    assert ("units shared by 2 blocks" in got.run.info["why"]) == (tier == "persistent")
    assert agrees(got.tensors, want, terms(given))


@pytest.mark.parametrize("tier", TIERS)
def test_vectors_of_every_kind(tier, divided):
    """Full peepholes: the old cell, and the new one of the same step."""
    given, want = problem(("lstm_peephole_coupled", {"peephole": "full"}), units_of("tf32", 2, tier), "tf32", 2, 2)
    divided(2)
    assert agrees(solved(given, "tf32", tier).tensors, want, terms(given))


@pytest.mark.parametrize(("tier", "units"), [("resident", 16), ("resident", 22), ("persistent", 32)])
def test_two_directions_whole_slices_and_several_tiles(tier, units, divided, monkeypatch):
    """Slices that are full; and two instructions of a slice, with two tiles where there are no more warps."""
    given, want = problem(("elman", {}), units, "tf32", 2, 3, bidirectional=True)
    divided(2)
    monkeypatch.setattr(room, "MOST_THREADS", 64)
    got = solved(given, "tf32", tier)
    assert "blocks of 64 threads" in got.run.info["why"]
    assert agrees(got.tensors, want, terms(given))


@every_precision
@pytest.mark.parametrize("tier", TIERS)
def test_checkpoints_padding_and_other_rows_do_not_change_a_bit(tier, precision, divided):
    divided(2)
    given = draw(layer(("gru", {}), 2, units_of(precision, 2, tier)), "float32", 4, 5)
    tensor_cases.hold_their_bits(given, precision, tier)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("rows", [1, 8, 9])
def test_a_row_has_the_same_bits_in_any_batch(rows, tier, divided):
    divided(2)
    given = draw(layer(("elman", {}), 2, units_of("tf32", 2, tier)), "float32", 2, 9, padded=False)
    tensor_cases.last_rows_have_their_bits(given, rows, "tf32", tier)


def test_more_slices_than_the_sums_have_instructions_are_refused(divided):
    given = draw(layer(("elman", {}), 2, 8), "float32", 2, 2)
    divided(2)
    with pytest.raises(ValueError, match=r"cannot run elman.* of 8 units .*: 2 slices of 8 terms, more than the sums"):
        solved(given, "tf32")


def test_two_stages_and_several_tiles_of_each_in_several_blocks(divided):
    given, want = problem(("gru", {}), 48, "tf32", 2, 2)
    divided(2)
    got = solved(given, "tf32", "persistent")
    assert "every sum shared by 2 warps" in got.run.info["why"]
    assert agrees(got.tensors, want, terms(given))


def test_slices_that_are_not_of_whole_instructions_are_refused_where_they_are_direct():
    launch = columns.Launch(10, 8, 256, 2, 2, "tf32", 1)
    assert room.lacking(refseq.catalogue()["elman"].cell(), "float32", launch).startswith("10 terms are no 2 slices")


# ---- what must be noticed


def _swapped(monkeypatch):
    """The weights of one slice beside the vector of another."""

    def other(M, d, gate, k, j, inside):
        k = (k + 8) % 16
        return M, d, gate, k, j, inside and k < M[0].shape[1]

    monkeypatch.setattr(fragments, "_weight", tensor_cases.changed(fragments._weight, other))


def _left_out(monkeypatch):
    """The last part of every sum."""
    total = columns.build_total
    fewer = lambda positions, share: total(positions, replace(share, slices=share.slices - 1))  # noqa: E731
    monkeypatch.setattr(columns, "build_total", fewer)


def _all_one(monkeypatch):
    """Every warp has the first slice."""
    place = fragments.build_place

    def first(launch):
        found = place(launch)
        return lambda me: (found(me)[0], 0, *found(me)[2:])

    for module in (fragments, tensor_products):
        monkeypatch.setattr(module, "build_place", first)


def _row_of_the_vector(monkeypatch):
    def other(x, d, n, r, v, k):
        return x, d, n, r ^ 1, v, k

    monkeypatch.setattr(tensor_products, "_operand", tensor_cases.changed(tensor_products._operand, other))


@simulated
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("plant", [_swapped, _left_out, _all_one, _row_of_the_vector])
def test_planted_errors_of_slices_are_noticed(plant, tier, divided, monkeypatch):
    given, want = problem(("elman", {}), 16, "tf32", 2, 2)
    divided(2)
    monkeypatch.setattr(resident, "kernels", resident.kernels.__wrapped__)
    assert agrees(solved(given, "tf32", tier).tensors, want, terms(given))
    plant(monkeypatch)
    got = solved(given, "tf32", tier).tensors
    for name in ("y", "dstate[h]"):
        assert not relative(got[name].astype(float), want[name]) <= 8 * rounding.ROUNDOFF["tf32"], name


@simulated
def test_a_planted_missing_wait_for_the_other_blocks_is_noticed(divided, monkeypatch):
    """What the other block has not yet written is then read from the arrays themselves."""
    given, want = problem(("elman", {}), 16, "tf32", 4, 2)
    divided(2)
    monkeypatch.setattr(meeting, "domain_barrier", lambda *_: None)
    monkeypatch.setattr(resident, "kernels", resident.kernels.__wrapped__)
    assert not agrees(solved(given, "tf32", "persistent").tensors, want, terms(given))
