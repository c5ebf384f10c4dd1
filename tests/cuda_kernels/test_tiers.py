"""The rule that chooses the tier of a time loop: a table, and what every launch owes a device."""

import re

import pytest

import refseq
from cuda_kernels import room, tiers
from cuda_kernels.tiers import Device

DEVICE = Device(132)
FULL, WHOLE = {"peephole": "full"}, "whole vectors"


def cell(name, **options):
    return refseq.catalogue()[name].cell(**options)


# fmt: off
TABLE = [  # cell, options, precision, units, rows, directions -> tier, rows of a block, threads, or the reason
    ("lstm", {}, "float32", 32, 16, 1, "resident", 1, 128),
    ("lstm", {}, "float32", 64, 100, 2, "resident", 2, 256),
    ("lstm", {}, "float32", 64, 10_000, 1, "resident", 4, 256),
    ("lstm", {}, "float32", 80, 16, 1, "generic", "194 registers of a thread, more than 170"),
    ("lstm", {}, "float32", 96, 16, 1, "generic", "210 registers of a thread, more than 170"),
    ("lstm", {}, "float64", 32, 16, 1, "resident", 1, 128),
    ("lstm", {}, "float64", 80, 16, 1, "generic", "276 registers of a thread, more than 170"),
    ("elman", {}, "float32", 128, 16, 1, "resident", 1, 128),
    ("elman", {}, "float32", 256, 16, 1, "generic", "370 registers of a thread, more than 255"),
    ("gru", {}, "float32", 64, 16, 1, "resident", 1, 128),
    ("gru", {"reset": "after"}, "float32", 64, 16, 1, "resident", 1, 192),
    ("lstm_peephole", FULL, "float32", 32, 16, 1, "resident", 1, 224),
    ("lstm_peephole", FULL, "float32", 64, 16, 1, "generic", "178 registers of a thread, more than 128"),
    ("lstm", {}, "float32", 160, 16, 1, "generic", "640 threads, more than 512"),
    ("lstm", {"normalise": True}, "float32", 32, 16, 1, "generic", "lstm(normalise=True) has operations on " + WHOLE),
    ("lstm", {"projection": 8}, "float32", 32, 16, 1, "generic", "lstm(projection=True) has vectors of other sizes: h"),
    ("output", {}, "float32", 32, 16, 1, "generic", None),
]
# fmt: on


@pytest.mark.parametrize("line", TABLE, ids=lambda line: "-".join(map(str, line[:4])))
def test_the_rule(line):
    name, options, dtype, units, rows, directions, tier, *rest = line
    plan = tiers.choose(cell(name, **options), dtype, units, rows, directions, DEVICE)
    assert plan.tier == tier, plan
    if tier == "generic":
        assert plan.launch is None
        assert plan.reason == (rest[0] or plan.reason)
    else:
        assert (plan.launch.rows, plan.launch.threads, plan.launch.blocks) == (*rest, 1)
        assert plan.reason == f"blocks of {rest[1]} threads for {rest[0]} rows, weights in registers"


def test_waiting_for_other_blocks_is_never_chosen_unless_asked():
    lstm = cell("lstm")
    for units in (1, 64, 128, 256, 512):
        assert tiers.choose(lstm, "float32", units, 16, 1, DEVICE).tier != "persistent"
        assert tiers.choose(lstm, "float32", units, 16, 1, Device(simulated=True)).tier == "generic"
    plan = tiers.choose(lstm, "float32", 256, 16, 1, DEVICE, "persistent")
    assert plan.tier == "persistent"
    assert plan.reason.endswith(f"units shared by {plan.launch.blocks} blocks")


@pytest.mark.parametrize("tier", ["resident", "persistent"])
@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "leaky", "lstm_coupled"])
@pytest.mark.parametrize("directions", [1, 2])
def test_a_launch_fits_a_device(name, tier, directions):
    found = 0
    for units in (1, 3, 32, 64, 100, 128, 256, 512, 1024):
        for dtype, size in (("float32", 4), ("float64", 8)):
            find = tiers.resident if tier == "resident" else tiers.persistent
            launch = find(cell(name), dtype, units, 1000, directions, DEVICE)
            if isinstance(launch, str):
                continue
            found += 1
            share = launch.share
            assert share.units * launch.blocks == units
            assert share.terms * launch.slices == units
            assert launch.threads % share.units == 0
            assert launch.threads <= room.MOST_THREADS
            assert share.terms * size // 4 < room.MOST_REGISTERS
            assert launch.blocks * directions <= DEVICE.multiprocessors
    assert found


# fmt: off
PRECISIONS = [  # cell, precision, units, tier -> threads, blocks, tiles of a warp, slices of a sum, or the reason
    ("lstm", "bf16", 64, "resident", 512, 1, 1, 1),
    ("lstm", "bf16", 80, "resident", 384, 1, 2, 1),
    ("lstm", "bf16", 96, "resident", "288 registers of a thread, more than 255"),
    ("lstm", "tf32", 72, "resident", 256, 1, 3, 1),
    ("elman", "bf16", 216, "resident", 224, 1, 2, 1),
    ("elman", "tf32", 7, "resident", 32, 1, 1, 1),
    ("elman", "tf32", 144, "resident", 192, 1, 3, 2),
    ("gru", "tf32", 64, "resident", 256, 1, 1, 1),
    ("lstm", "bf16", 256, "persistent", 256, 8, 1, 1),
    ("lstm", "bf16", 320, "persistent", 128, 32, 1, 1),  # 16 blocks have room for slices: not asked, as without it fits
    ("lstm", "bf16", 352, "persistent", 256, 16, 2, 2),
    ("lstm", "bf16", 336, "persistent", "no division of the units among the blocks of a device has room"),
    ("lstm", "bf16", 512, "persistent", 256, 32, 1, 2),
    ("lstm", "bf16", 500, "persistent", "no division of the units among the blocks of a device has room"),
    ("lstm", "bf16", 1024, "persistent", 256, 64, 1, 2),
    ("gru", "bf16", 384, "persistent", 256, 16, 1, 2),
    ("gru", "bf16", 512, "persistent", 256, 32, 1, 4),
    ("gru", "bf16", 896, "persistent", 256, 64, 1, 4),
    ("gru", "bf16", 1024, "persistent", "no division of the units among the blocks of a device has room"),
    ("elman", "bf16", 512, "persistent", 256, 4, 1, 1),
    ("elman", "tf32", 1024, "persistent", 256, 32, 1, 4),
    ("lstm", "tf32", 1024, "persistent", "no division of the units among the blocks of a device has room"),
]
# fmt: on


@pytest.mark.parametrize("line", PRECISIONS, ids=lambda line: "-".join(map(str, line[:4])))
def test_the_rule_of_precisions(line):
    name, precision, units, tier, *rest = line
    if isinstance(rest[0], str):
        words = f"tier '{tier}' and precision '{precision}' cannot run {cell(name).label} of {units} units in float32: "
        with pytest.raises(ValueError, match=re.escape(words + rest[0])):
            tiers.choose(cell(name), "float32", units, 16, 1, DEVICE, tier, precision)
        return
    plan = tiers.choose(cell(name), "float32", units, 16, 1, DEVICE, tier, precision)
    assert (plan.tier, plan.precision, plan.launch.rows) == (tier, precision, 8)
    assert [plan.launch.threads, plan.launch.blocks, plan.launch.tiles, plan.launch.slices] == rest
    assert (f"every sum shared by {plan.launch.slices} warps" in plan.reason) == (plan.launch.slices > 1)
    assert f"as {precision}, recurrent products on tensor cores" in plan.reason
    assert tiers.choose(cell(name), "float32", units, 16, 1, DEVICE, None, None).precision is None


@pytest.mark.parametrize(
    ("dtype", "device", "tier", "reason"),
    [
        ("float64", DEVICE, None, "precision is a choice for float32, this layer has float64"),
        ("float32", Device(capability=(7, 5)), None, "it needs compute capability 8.0, this device has 7.5"),
        ("float32", DEVICE, "generic", "the generic tier has no products on tensor cores"),
    ],
)
def test_a_precision_that_there_is_not_is_refused(dtype, device, tier, reason):
    for precision in ("tf32", "bf16"):
        with pytest.raises(ValueError, match=rf"precision '{precision}' cannot run elman.* of 5 units .*: {reason}"):
            tiers.choose(cell("elman"), dtype, 5, 4, 1, device, tier, precision)
    if dtype == "float64":
        with pytest.raises(ValueError, match="precision 'float32' cannot run"):
            tiers.choose(cell("elman"), dtype, 5, 4, 1, device, tier, "float32")
    else:
        assert tiers.choose(cell("elman"), dtype, 5, 4, 1, device, tier, "float32").precision is None


def test_a_precision_is_asked_for_with_a_tier_or_without():
    with tiers.using(precision="bf16"):
        assert tiers.asked() == (None, "bf16")
        with tiers.using("persistent"):
            assert tiers.asked() == ("persistent", "bf16")
            with tiers.using(precision="float32"):
                assert tiers.asked() == ("persistent", "float32")
        assert tiers.asked() == (None, "bf16")
    assert tiers.asked() == (None, None)
    with pytest.raises(ValueError, match="precision: expected one of float32, tf32, bf16; got 'float16'"):
        tiers.using(precision="float16").__enter__()


def test_what_is_asked_for():
    assert tiers.asked() == (None, None)
    with tiers.using("generic"):
        assert tiers.choose(cell("elman"), "float32", 3, 4, 1, DEVICE, *tiers.asked()).reason == "asked for"
        with tiers.using("resident"):
            assert tiers.asked() == ("resident", None)
        assert tiers.asked() == ("generic", None)
    with (
        pytest.raises(ValueError, match="tier: expected one of generic, resident, persistent; got 'fast'"),
        tiers.using("fast"),
    ):
        pass
    with pytest.raises(ValueError, match=r"tier 'persistent' cannot run lstm of 7 units in float32: no division"):
        tiers.choose(cell("lstm"), "float32", 7, 4, 1, DEVICE, "persistent")
