"""``refseq verify refseq --target cuda`` turns red when a kernel writes a wrong number; run by test_target.py."""

import numpy as np
import pytest

from cuda_kernels import gpu
from refseq.checks.accuracy import GRADIENTS, VALUES
from refseq.checks.implementation import OwnImplementation
from refseq.checks.problem import draw
from refseq.checks.structures.kinds import KINDS
from refseq.checks.structures.suite import OwnNetwork
from refseq.checks.subject import Subject
from refseq.checks.verdict import FAIL, PASS
from refseq.cli import main
from refseq.cli.rows import Selection, rows
from refseq.layer import Layer
from tests.variants import layer

pytestmark = pytest.mark.skipif(not gpu.SIMULATOR, reason="plants errors in the simulator's arrays")
INPUTS, UNITS = 2, 3
LAYER = layer(("lstm_peephole", {}), INPUTS, UNITS, bidirectional=True)
OFF = 1 + 2.0**-10
"""What planted numbers are multiplied with: no kernel of float32 is as far off."""

LAYERS, NETWORKS = ("scan", "products", "memory", "arithmetic"), ("rowwise", "tree_scan")
"""Modules whose kernels are spoiled: in a layer, and in what is more than layers."""

ZEROS = {"memory clear", "rowwise tokens_clear_plain_kit"}
"""Kernels that write nothing else."""


def posed():
    """The layer, and the first example of every kind of network: its target "cuda", a problem in float32, modules."""
    yield Subject(OwnImplementation(LAYER, "cuda"), LAYER), draw(LAYER, "float32", 4, 3), LAYERS
    for kind in KINDS.values():
        network = next(iter(kind.examples(INPUTS, UNITS)))
        yield OwnNetwork(network, "cuda"), next(iter(kind.problems(network, "float32", 0))), NETWORKS


def name(kernel):
    return f"{kernel.py_func.__module__.rpartition('.')[2]} {kernel.py_func.__name__}"


def watched(monkeypatch):
    """The names of the kernels that are launched from now on."""
    launch, names = gpu.launch, {}

    def told(kernel, *rest, **options):
        names[name(kernel)] = None
        launch(kernel, *rest, **options)

    monkeypatch.setattr(gpu, "launch", told)
    return names


def plant(monkeypatch, wrong):
    """Of every array that kernels of this name write, the largest number is off."""
    launch = gpu.launch

    def planted(kernel, blocks, threads, arguments, *rest, **options):
        arrays = [array for array in map(numbers, arguments) if array is not None]
        before = [array.copy() for array in arrays] if name(kernel) == wrong else []
        launch(kernel, blocks, threads, arguments, *rest, **options)
        for array, old in zip(arrays, before, strict=False):
            changed = np.where((array == old) | np.isnan(array), 0, np.abs(array))
            array[np.unravel_index(np.argmax(changed), array.shape)] *= OFF if changed.any() else 1

    monkeypatch.setattr(gpu, "launch", planted)


def numbers(argument):
    """numpy's array behind one of the simulator's, if it holds floats."""
    found = getattr(argument, "_ary", None)
    return found if isinstance(found, np.ndarray) and found.dtype.kind == "f" and found.size else None


def verdicts(subject, problem):
    return {check.run(subject, problem).verdict for check in (VALUES, GRADIENTS)}


@pytest.mark.parametrize(
    ("subject", "problem", "modules"), [pytest.param(*given, id=str(given[0].layer)) for given in posed()]
)
def test_a_wrong_number_of_any_kernel_is_seen(subject, problem, modules, monkeypatch):
    with monkeypatch.context() as patch:
        names = watched(patch)
        assert verdicts(subject, problem) == {PASS}
    seen = {}
    for wrong in names.keys() - ZEROS:
        if wrong.partition(" ")[0] not in modules:
            continue
        with monkeypatch.context() as patch:
            plant(patch, wrong)
            seen[wrong] = FAIL in verdicts(subject, problem)
    assert seen
    assert all(seen.values()), seen


def test_nothing_is_left_out_that_the_cpu_is_asked():
    """Every option of every recurrence; every stack, network and system in both precisions."""
    recurrences, others = ([], []), ([], [])
    for at, where in enumerate(("cuda", "cpu")):
        for item in rows(Selection(["refseq"], (), (), [where], False)):
            if isinstance(item.layer, Layer):
                recurrences[at].append(item.layer.label)
            else:
                others[at].append((str(item.layer), item.dtype))
    assert set(recurrences[0]) == set(recurrences[1])
    assert others[0] == others[1]
    assert len(set(recurrences[0])) > 80
    assert len(others[0]) > 80


@pytest.mark.parametrize(
    ("cell", "wrong", "failed"),
    [("elman", "scan forward", 1), ("elman", "products sums", 1), ("ctc", "rowwise ctc_True", 2)],
)
def test_the_command_fails(cell, wrong, failed, monkeypatch, capsys):
    command = ["verify", "refseq", "--target", "cuda", "--cell", cell, "--dtype", "float32", "--jobs", "1"]
    assert main(command) == 0
    assert "refseq cuda ran on numba-cuda simulator\n" in capsys.readouterr().out
    plant(monkeypatch, wrong)
    assert main(command) == 1
    assert f"{failed} fail" in capsys.readouterr().out
