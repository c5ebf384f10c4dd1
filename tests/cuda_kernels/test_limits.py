"""What the rule of ``cuda_kernels.room`` admits does not spill: the largest layers of every kind. Minutes each."""

import pytest

import refseq
from cuda_kernels import fragments, inventory, offline, recorder, room, tensor_cores, tiers
from cuda_kernels.budget import FAMILIES

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("compiler")]


@pytest.mark.parametrize("dtype", inventory.DTYPES)
@pytest.mark.parametrize("tier", ["resident", "persistent"])
@pytest.mark.parametrize("name", ["elman", "lstm", "gru", "leaky"])
def test_weights_on_chip_do_not_spill_at_the_limit(name, tier, dtype):
    """The largest layer that the rule admits; a persistent one of a block's share as large, which several have."""
    cell = refseq.catalogue()[name].cell()
    find = tiers.resident if tier == "resident" else tiers.persistent
    sizes = [16 * k for k in range(1, 17)]
    units = max(n for n in sizes if not isinstance(find(cell, dtype, n, 1000, 1, tiers.Device()), str))
    for label, kernel, arguments in recorder.of_tier((name, {}), tier, units, dtype=dtype):
        for report in offline.compile_kernel(kernel, offline.signature(*arguments), FAMILIES):
            assert report.faults(single=dtype == "float32") == [], (label, report)


@pytest.mark.parametrize("precision", tensor_cores.PRECISIONS)
@pytest.mark.parametrize("tier", ["resident", "persistent"])
@pytest.mark.parametrize("name", ["elman", "lstm", "gru"])
def test_fragments_do_not_spill_at_the_limit(name, tier, precision):
    """The largest layers that the rule admits in this precision: with as many slices of every sum, those of whole
    instructions and those that are filled up; and with as many registers of a thread."""
    cell, families = refseq.catalogue()[name].cell(), [one for one in FAMILIES if one >= tensor_cores.CAPABILITY]
    find = tiers.resident if tier == "resident" else tiers.persistent
    largest = {}
    for units in range(8, 2049, 8):
        launch = find(cell, "float32", units, 1000, 1, tiers.Device(), precision)
        if not isinstance(launch, str):
            filled = launch.slices > 1 and fragments.span(launch) * launch.slices > units
            largest[launch.slices, filled, -(-launch.threads // room.PARTS)] = units
    for units in largest.values():
        for label, kernel, arguments in recorder.of_tier((name, {}), tier, units, precision):
            for report in offline.compile_kernel(kernel, offline.signature(*arguments), families):
                assert report.faults(single=True) == [], (label, report)
                assert report.matrices, label
