"""The compile gate: every kernel becomes machine code for every device family, without spills, without float64 in
float32 kernels and without 64-bit divisions. It needs the compiler libraries of numba-cuda[cu13], no device."""

from pathlib import Path

import pytest

import refseq
from cuda_kernels import budget, gate, gpu, inventory, offline
from cuda_kernels.budget import FAMILIES
from cuda_kernels.machine import MOST_THREADS
from refseq.operations import OPERATIONS

pytestmark = pytest.mark.usefixtures("compiler")


@pytest.fixture(scope="module")
def kernels(compiler):
    """The kernels that a commit waits for."""
    several, once = inventory.awaited()
    return [*gate.compiled(several), *gate.compiled(once, [(9, 0)])]


def test_no_kernel_is_red(kernels):
    table = []
    assert gate.judge(kernels, budget.read(), table.append) == [], "\n".join(table)


def test_the_representatives_have_every_part(kernels):
    """Every driver; every operation on whole vectors; an operand of every kind."""
    known = {kernel.entry.name for kernel in kernels}
    assert {entry.name for entry in inventory.entries([]) if not entry.system} <= known
    assert all(any(name.startswith(system) for name in known) for system in inventory.SYSTEMS)
    modules = {kernel.entry.kernel.py_func.__module__ for kernel in kernels}
    files = Path(inventory.__file__).parent.glob("*.py")
    launched = {f"cuda_kernels.{file.stem}" for file in files if "gpu.jit(" in file.read_text()}
    assert modules == launched
    cells = [refseq.layer(name, 2, 3, **options).cell for name, options in inventory.REPRESENTATIVES]
    stages = [stage for cell in cells for stage in cell.stages]
    assert {stage.operation for stage in stages} == {None, *OPERATIONS}
    kinds = {cell.layout.place(product.operand).kind for cell in cells for s in cell.stages for product in s.products}
    assert kinds == {"x", "old", "new", "tape"}


def test_loops_whose_blocks_wait_are_cooperative_and_no_others(kernels):
    for kernel in kernels:
        wanted = "persistent" in kernel.entry.name
        assert [report.cooperative for report in kernel.reports] == [wanted] * len(kernel.reports), kernel.entry
    assert any("persistent" in kernel.entry.name for kernel in kernels)


def test_tensor_cores_are_used_where_they_are_asked_for_and_nowhere_else(kernels):
    wanted = {"bf16": "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", "tf32": "mma.sync.aligned.m16n8k8.row.col"}
    found = set()
    for kernel in kernels:
        precision = next((one for one in wanted if one in kernel.entry.name.split()), None)
        assert (kernel.entry.capability > (0, 0)) == (precision is not None), kernel.entry.name
        for report in kernel.reports:
            assert bool(report.matrices) == (precision is not None), kernel.entry.name
            assert all(opcode.startswith(wanted[str(precision)]) for opcode in report.matrices), report
        found.add(precision)
    assert found == {None, *wanted}


def test_the_search_finds_float64_where_it_is(kernels):
    for kernel in kernels:
        if not kernel.entry.single and kernel.entry.name != "memory clear":
            assert all(report.float64 for report in kernel.reports), kernel.entry


def test_a_block_of_most_threads_fits(kernels):
    """From compute capability 7.5 on a multiprocessor has 64K registers."""
    for kernel in kernels:
        assert all(report.registers * MOST_THREADS <= 65536 for report in kernel.reports), kernel.entry


def test_every_kernel_has_its_line_and_every_line_its_kernel():
    known = [(entry.name, entry.dtype) for entry in inventory.entries(inventory.catalogue())]
    assert budget.differences(known, budget.read()) == []


@pytest.mark.slow
def test_no_kernel_of_the_whole_catalogue_is_red():
    table = []
    whole = gate.compiled(inventory.entries(inventory.catalogue()))
    assert gate.judge(whole, budget.read(), table.append) == [], "\n".join(table)


def test_a_kernel_beyond_its_budget_is_red_and_says_by_how_much(kernels):
    kernel = next(kernel for kernel in kernels if kernel.entry.name == "products outer")
    allowed = {kernel.key: budget.costs(kernel.reports)}
    assert kernel.red(allowed) == []
    cost = allowed[kernel.key][9, 0]
    for less, text in [
        (budget.Cost(cost.registers - 3, cost.shared), f"{cost.registers} registers, 3 beyond the budget of"),
        (budget.Cost(cost.registers, cost.shared - 8), f"{cost.shared} bytes of shared memory, 8 beyond the budget of"),
    ]:
        (fault,) = kernel.red({kernel.key: allowed[kernel.key] | {(9, 0): less}})
        assert fault.startswith(f"sm_90: {text}"), fault
    assert kernel.red({}) == ["it has no line in the budget"]


@pytest.mark.slow
def test_ptx_is_the_same_for_families_of_one_generation():
    """So that a report reads one text for all of them."""
    tools, some = gpu.toolchain(), [entry for entry in inventory.awaited()[0] if entry.dtype == "float32"][::3]
    for entry in some:
        texts = {}
        with offline._device(tools, FAMILIES[0]):
            kernel = tools.dispatcher._Kernel(entry.kernel.py_func, offline.signature(*entry.arguments), lto=True)
            for family in FAMILIES:
                text = offline.ptx(kernel, family).partition(".address_size")[2]
                texts.setdefault(offline.generation(family), set()).add(text)
        assert [len(each) for each in texts.values()] == [1, 1], entry.name
