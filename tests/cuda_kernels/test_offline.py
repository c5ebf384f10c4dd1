"""The compile gate: every kernel becomes machine code for every device family, without spills, without float64 in
float32 kernels and without 64-bit divisions. It needs the compiler libraries of numba-cuda[cu13], no device."""

import math

import numpy as np
import pytest

from cuda_kernels import cubin, gpu, offline
from cuda_kernels.scan import kernels
from refseq.targets import Feed
from refseq.targets.base import ScanTarget
from tests.conftest import REQUIRE_ALL, framework
from tests.variants import KINDS, label, layer

FAMILIES = [(7, 5), (8, 0), (9, 0), (10, 0)]  # Turing, Ampere, Hopper, Blackwell
STEP_KINDS = [("lstm", {}), ("gru", {})]


@pytest.fixture(autouse=True, scope="module")
def compiler():
    """Skips without the compiler libraries, fails under REFSEQ_REQUIRE_ALL=1."""
    framework("numba_cuda")
    try:
        gpu.toolchain()
    except RuntimeError as error:
        if REQUIRE_ALL:
            pytest.fail(f"{error}, and REFSEQ_REQUIRE_ALL=1 forbids skipping", pytrace=False)
        pytest.skip(str(error))


class Recorder(ScanTarget):
    """Runs nothing; keeps the jobs, whose arguments have the types of a real launch."""

    def __init__(self):
        self.jobs = []

    def _run(self, cell, jobs, results):
        self.jobs += jobs


def jobs(variant, dtype):
    part = layer(variant, 3, 2).parts[0]
    weights = part.pack({name: np.zeros(shape, dtype) for name, shape in part.shapes().items()})

    def array(*shape):
        return np.zeros(shape, dtype)

    recorder, states = Recorder(), len(part.cell.state)
    feed = Feed(array(4, 5, 3), array(4, 5, len(part.cell.masks), part.wide), np.full(5, 4), False)
    tape = recorder.forward(part.cell, weights, feed, array(5, states, part.wide))
    recorder.backward(part.cell, weights, tape, np.zeros_like(tape.y), array(5, states, part.wide))
    return part.cell, recorder.jobs


def assert_clean(variant, dtype, families):
    single = dtype == "float32"
    done = []
    cell, recorded = jobs(variant, dtype)
    for job in recorded:
        kernel = getattr(kernels(cell, dtype), job.loop)
        for report in offline.compile_kernel(kernel, offline.signature(*job.arguments), families):
            assert report.faults(single) == [], report
            assert bool(report.float64) != single, report  # the search would not find nothing in a float64 kernel
            assert (report.stack, report.shared) == (0, 0), report
            # a block of 256 threads must fit: from compute capability 7.5 on, 64K registers for each multiprocessor
            assert report.registers * 256 <= 65536, report
            done.append((report.kernel, report.capability))
    assert done == [(loop, family) for loop in ("forward", "backward", "gradient") for family in families]


both_precisions = pytest.mark.parametrize("dtype", ["float32", "float64"])


@both_precisions
@pytest.mark.parametrize("variant", KINDS, ids=label)
def test_every_cell_on_hopper(variant, dtype):
    assert_clean(variant, dtype, [(9, 0)])


@both_precisions
@pytest.mark.parametrize("variant", STEP_KINDS, ids=label)
def test_every_kind_of_step_on_every_family(variant, dtype):
    assert_clean(variant, dtype, FAMILIES)


@pytest.mark.slow
@both_precisions
@pytest.mark.parametrize("variant", KINDS, ids=label)
def test_every_cell_on_every_family(variant, dtype):
    assert_clean(variant, dtype, FAMILIES)


def compiled(function, *arguments, families=FAMILIES, **options):
    return offline.compile_kernel(gpu.jit(**options)(function), offline.signature(*arguments), families)


X = np.zeros(8, "float32")


def good(x):
    i = gpu.cuda.threadIdx.x
    if i < x.shape[0]:
        x[i] = math.exp(x[i])


def float_literal(x):
    i = gpu.cuda.threadIdx.x
    if i < x.shape[0]:
        x[i] = 1.0 / (1.0 + math.exp(-x[i]))


def runtime_step(x):
    for i in range(gpu.cuda.threadIdx.x, x.shape[0], gpu.cuda.blockDim.x):
        x[i] = -x[i]


def many_values(x):
    a = gpu.cuda.local.array(200, gpu.cuda.float32)
    for i in range(200):
        a[i] = x[i]
    for k in range(x.shape[0]):
        for i in range(200):
            a[i] = a[i] * x[k] + a[(7 * i + 1) % 200]  # no part of it can be computed apart
    for i in range(200):
        x[i] = a[i]


def shared_memory(x):
    a = gpu.cuda.shared.array(100, gpu.cuda.float32)
    a[gpu.cuda.threadIdx.x] = x[0]
    gpu.cuda.syncthreads()
    x[gpu.cuda.threadIdx.x] = a[99 - gpu.cuda.threadIdx.x]


def test_gate_is_green_for_a_good_kernel():
    assert [report.faults(single=True) for report in compiled(good, X)] == [[]] * len(FAMILIES)


def test_gate_sees_a_float_literal():
    for report in compiled(float_literal, X):
        (fault,) = report.faults(single=True)
        assert "float64 in a float32 kernel" in fault
        assert "cvt." in fault
        assert report.faults(single=False) == []


def test_gate_sees_a_division():
    for report in compiled(runtime_step, X):
        assert any("64-bit integer division" in fault for fault in report.faults(single=True)), report


def test_gate_sees_spills():
    for report in compiled(many_values, X, max_registers=128):  # fewer would do: ptxas first fills uniform registers
        assert report.registers <= 128
        assert any("spilled" in fault for fault in report.faults(single=True)), report


def test_shared_memory_is_counted():
    assert [report.shared for report in compiled(shared_memory, X, families=[(7, 5), (8, 0)])] == [400, 400]


def test_not_a_cubin():
    with pytest.raises(ValueError, match="expected a 64-bit little-endian ELF file"):
        cubin.section_sizes(b"MZ" + bytes(100))
