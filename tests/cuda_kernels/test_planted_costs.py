"""The compile gate sees what a kernel must not have: float64, divisions, spills, no tensor core, all planted here."""

import math

import numpy as np
import pytest

from cuda_kernels import budget, cubin, gate, gpu, inventory, offline, tensor_cores
from cuda_kernels.budget import FAMILIES

pytestmark = pytest.mark.usefixtures("compiler")


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
    for t in range(x.shape[0]):
        for i in range(gpu.cuda.threadIdx.x, t, gpu.cuda.blockDim.x):  # the number of turns is a division
            x[i] = -x[i]


def division_ahead(x):
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


def test_gate_sees_a_division_in_a_loop():
    for report in compiled(runtime_step, X):
        assert any("64-bit integer division" in fault for fault in report.faults(single=True)), report
    (report,) = compiled(division_ahead, X, families=[(9, 0)])  # others lay it out behind the loop: counted, to be safe
    assert report.faults(single=True) == []


@pytest.mark.parametrize(
    ("ptx", "found"),
    [
        ("$A:\n\tdiv.u64 %rd1, %rd2, %rd3;\n\t@%p1 bra \t$A;\n", ("div.u64",)),
        ("$A:\n\t@!%p1 rem.s64 %rd1, %rd2, %rd3;\n\tbra.uni \t$A;\n", ("rem.s64",)),
        ("\tdiv.u64 %rd1, %rd2, %rd3;\n$A:\n\t@%p1 bra \t$A;\n", ()),
        ("$A:\n\t@%p1 bra \t$A;\n\tdiv.u64 %rd1, %rd2, %rd3;\n", ()),
        ("$A:\n\tbra \t$C;\n$B:\n\t@%p1 bra \t$A;\n\tret;\n$C:\n\tdiv.u64 %r, %s, %t;\n\tbra \t$B;\n", ("div.u64",)),
        ("$A:\n\tdiv.u32 %r1, %r2, %r3;\n\t@%p1 bra \t$A;\n", ()),
    ],
)
def test_what_is_in_a_loop(ptx, found):
    assert offline.divisions_in_loops(ptx) == found


def test_gate_sees_spills():
    for report in compiled(many_values, X, max_registers=128):  # fewer would do: ptxas first fills uniform registers
        assert report.registers <= 128
        assert any("spilled" in fault for fault in report.faults(single=True)), report


def test_shared_memory_is_counted():
    assert [report.shared for report in compiled(shared_memory, X, families=[(7, 5), (8, 0)])] == [400, 400]


def one_product(precision):
    """A kernel with one instruction of tensor cores."""
    pack, multiply, two = tensor_cores.pack[precision], tensor_cores.multiply[precision], precision == "bf16"

    def one(x):
        r = pack(x[gpu.cuda.threadIdx.x])
        x[gpu.cuda.threadIdx.x] = multiply((r, r, r, r), (r, r), (x[0], x[1], x[2], x[3]))[0]

    def half(x):
        r = pack(x[gpu.cuda.threadIdx.x], x[0])
        x[gpu.cuda.threadIdx.x] = multiply((r, r, r, r), (r, r), (x[0], x[1], x[2], x[3]))[0]

    kernel = half if two else one
    kernel.__dict__["capability"] = tensor_cores.CAPABILITY
    return inventory.Entry(f"planted {precision}", "float32", gpu.jit()(kernel), (X,))


@pytest.mark.parametrize("precision", tensor_cores.PRECISIONS)
def test_families_without_tensor_cores_are_skipped_with_the_reason(precision):
    entry, table = one_product(precision), []
    (kernel,) = gate.compiled([entry])
    assert kernel.skipped == ((7, 5),)
    assert [(report.capability, len(report.matrices)) for report in kernel.reports] == [(f, 1) for f in FAMILIES[1:]]
    assert gate.judge([kernel], None, table.append) == []
    assert table[-1] == "    sm_75: skipped, it needs tensor cores of compute capability 8.0"
    assert table[-2].split()[3] == "-"
    (old,) = gate.compiled([entry], [(7, 5)])
    assert (old.reports, old.red(None)) == ((), [])
    with pytest.raises(Exception, match="sm_80 or higher"):  # it is no choice of the gate
        offline.compile_kernel(entry.kernel, offline.signature(X), [(7, 5)])


def test_a_kernel_that_should_use_tensor_cores_and_does_not_is_red():
    good.__dict__["capability"] = tensor_cores.CAPABILITY
    entry = inventory.Entry("planted", "float32", gpu.jit()(good), (X,))
    (kernel,) = gate.compiled([entry], [(9, 0)])
    del good.__dict__["capability"]
    assert "it needs tensor cores, and has no mma.sync" in gate.Compiled(one_product("tf32"), kernel.reports).red(None)


def test_the_budget_of_a_kernel_that_is_too_new_for_a_family(tmp_path):
    (kernel,) = gate.compiled([one_product("bf16")], [(7, 5), (8, 0)])
    file = tmp_path / "budget.tsv"
    budget.write({kernel.key: budget.costs(kernel.reports)}, file)
    assert file.read_text().splitlines()[1].split("\t")[2] == "-"
    read = budget.read(file)
    assert read == {kernel.key: budget.costs(kernel.reports)}
    (newer,) = gate.compiled([one_product("bf16")], [(9, 0)])
    assert newer.red(read) == ["sm_90: its line in the budget has nothing for this family"]


def test_planted_faults_turn_the_gate_red():
    for function, fault in [(float_literal, "float64 in a float32 kernel"), (runtime_step, "64-bit integer division")]:
        entry = inventory.Entry("planted", "float32", gpu.jit()(function), (X,))
        table = []
        (red,) = gate.judge(gate.compiled([entry], [(9, 0)]), None, table.append)
        assert red.entry is entry
        assert any(text.startswith(f"    sm_90: {fault}") for text in table), table


def test_not_a_cubin():
    with pytest.raises(ValueError, match="expected a 64-bit little-endian ELF file"):
        cubin.section_sizes(b"MZ" + bytes(100))
