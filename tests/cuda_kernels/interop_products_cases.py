"""Products of a layer's arrays on the device by the caller's library, and by tiles. Run by test_target.py."""

import numpy as np
import pytest

from cuda_kernels import gpu
from cuda_kernels.interop import guest_machine, kinds, library_products, own_products
from cuda_kernels.machine import Machine
from cuda_kernels.tiled_products import NOTHING, PRESENT
from refseq.checks.problem import draw
from tests.cuda_kernels.callers import KINDS, host
from tests.cuda_kernels.interop_cases import LAYERS, ROWS, STEPS, simulated, solved


def as_numpy(flat, shape, strides, device):
    """numpy's arrays, which index and multiply as cupy's do."""
    steps = [step * flat._ary.itemsize for step in strides]
    return np.lib.stride_tricks.as_strided(flat._ary, shape, steps)


@simulated
@pytest.mark.parametrize(("library", "given"), list(zip(["torch", "cupy"] * 2, LAYERS, strict=True)))
def test_products_by_the_caller_s_library(library, given, monkeypatch):
    pytest.importorskip("torch")
    problem = draw(given, "float64", STEPS, ROWS)
    tiles, asked = solved(problem, KINDS["torch"])[0], []
    monkeypatch.setattr(guest_machine, "by_library", lambda kind: not asked.append(kind))
    if library == "cupy":
        monkeypatch.setattr(kinds.Torch, "native", lambda self, *given: as_numpy(*given))
    for more in ({}, {"checkpoint": 2}):
        got = solved(problem, KINDS["torch"], **more)[0]
        for name, array in tiles.items():
            np.testing.assert_allclose(host(got[name]), host(array), rtol=1e-12, atol=1e-13, err_msg=name)
    assert asked


def test_products_by_a_library_are_those_of_the_tiles():
    """Of numbers in all their arguments: two directions, blocks in any order, sums that go on, shifted rows."""
    rng, machine = np.random.default_rng(5), Machine()
    K, G, H, W, A, V = 3, 4, 2, 5, 6, 7
    M, bias, x = (rng.normal(size=shape) for shape in [(2, K, G, H), (2, 3, W), (9, 1, K)])
    da, v = rng.normal(size=(2, 9, A, W)), rng.normal(size=(2, 11, 4, W))
    times, rows = np.array([rng.permutation(9)[:V] for _ in range(2)]), rng.permutation(9)[:V]
    blocks = np.array([[0, 2, 5, 1], [1, 2, 5, NOTHING], [0, 0, 1, PRESENT], [1, 1, 3, 2]])
    gates, slots = np.array([1, 2]), np.array([4, 0])
    calls = [
        ("project", (blocks,), [M, bias, x, times, rows], rng.normal(size=(2, 9, A, W))),
        ("pull", (gates, slots), [M, da, times, rows], rng.normal(size=(2, 9, 1, K))),
        ("outer", (blocks,), [v, 1, 3, times, 2, da, rows], rng.normal(size=(2, K, G, H))),
        ("outer", (blocks,), [v, 0, 3, times, 2, da, rows], rng.normal(size=(2, K, G, H))),
    ]
    for name, tables, given, start in calls:
        placed = [machine.place(array) if isinstance(array, np.ndarray) else array for array in given]
        to, want = machine.place(start), start.copy()
        getattr(machine, name)(*tables, *placed, to)
        getattr(library_products, name)(*tables, *given, want)
        assert not np.array_equal(want, start)
        np.testing.assert_allclose(machine.fetch(to), want, rtol=1e-14, atol=1e-14, err_msg=name)


def test_whose_products_they_are(monkeypatch):
    assert not kinds.by_library(kinds.Torch()) or not gpu.SIMULATOR
    monkeypatch.setattr(gpu, "SIMULATOR", False)
    assert [kinds.by_library(kind) for kind in kinds.KINDS] == [True, True, False]
    with own_products():
        assert not any(map(kinds.by_library, kinds.KINDS))
