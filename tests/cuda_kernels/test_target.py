"""The target "cuda" from outside: in the simulator, on a device if there is one, and where it cannot run at all."""

import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import refseq
from cuda_kernels import gpu
from cuda_kernels.machine import Machine
from refseq.targets.digest import source_digest
from tests.conftest import framework

ROOT = Path(__file__).parents[2]
CASES = {
    "layers": ("cuda",),
    "tiers": ("tier", "simulator"),
    "precisions": ("instruction", "tensor", "slice"),
    "systems": ("tree", "training", "markov", "attention", "memory"),
    "arrays": ("interop", "interop_errors", "interop_products", "interop_streams", "interop_guests", "decoding"),
    "benchmark": ("bench", "system_check"),
    "verify": ("verify",),
}
"""Files of cases by the process that they run in: each takes seconds to begin."""

FORWARD = """
import numpy, refseq
layer = refseq.layer("lstm", inputs=2, units=3)
run = layer.forward(layer.initialise(), numpy.ones((2, 1, 2)), target="cuda")
print(run.info["device"], run.y.shape)
"""

WITHOUT_NUMBA_CUDA = """
import sys
import importlib.util
find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "numba_cuda" else find_spec(name, *rest)
import refseq
assert not any(name.startswith(("numba.cuda", "cuda_kernels")) for name in sys.modules), "refseq alone imports CUDA"
"""


def python(*arguments, simulator):
    """Run a fresh interpreter, as numba-cuda chooses between device and simulator once, at import."""
    environment = {name: value for name, value in os.environ.items() if name != "NUMBA_ENABLE_CUDASIM"}
    if simulator:  # and references that Python runs: compiling them would take most of the time
        environment |= {"NUMBA_ENABLE_CUDASIM": "1", "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


def test_no_case_is_forgotten():
    files = [path.name.removesuffix("_cases.py") for path in Path(__file__).parent.glob("*_cases.py")]
    assert sorted(name for names in CASES.values() for name in names) == sorted(files)


@pytest.mark.parametrize("simulator", [True, False], ids=["simulator", "device"])
@pytest.mark.parametrize("cases", CASES)
def test_every_case(cases, simulator):
    framework("numba_cuda")
    if not simulator:
        reason = "this process itself has the simulator" if gpu.SIMULATOR else gpu.missing()
        if reason:
            pytest.skip(reason)
    files = [str(Path(__file__).with_name(f"{name}_cases.py")) for name in CASES[cases]]
    result = python("-m", "pytest", *files, "-q", "-p", "no:cacheprovider", simulator=simulator)
    assert result.returncode == 0, result.stdout + result.stderr
    summary = result.stdout.splitlines()[-1]
    skipped = "" if simulator else r"(, \d+ skipped)?"  # what is about the simulator
    assert re.fullmatch(rf"\d+ passed{skipped} in .*", summary), summary  # none missing


def test_simulator_from_outside():
    framework("numba_cuda")
    result = python("-c", FORWARD, simulator=True)
    assert result.stdout == "numba-cuda simulator (2, 1, 3)\n", result.stderr


def test_no_numba_cuda():
    """refseq imports, and the target says what to install."""
    result = python("-c", WITHOUT_NUMBA_CUDA + FORWARD, simulator=False)
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1] == (
        "RuntimeError: target 'cuda' cannot run here: numba-cuda is not installed; pip install 'refseq[cuda]'"
    )


def test_no_device():
    framework("numba_cuda")
    if gpu.missing() is None:
        pytest.skip("there is a device, or the simulator")
    layer = refseq.layer("gru", inputs=2, units=3)
    with pytest.raises(RuntimeError, match=r"target 'cuda' cannot run here: .*no CUDA device.*NUMBA_ENABLE_CUDASIM=1"):
        layer.forward(layer.initialise(), np.ones((2, 1, 2)), target="cuda")


def test_blocks_are_whole_warps_that_cover_the_units(monkeypatch):
    monkeypatch.setattr(gpu, "SIMULATOR", False)
    machine = Machine()
    assert [machine.block(units) for units in (1, 32, 33, 256, 1000)] == [32, 32, 64, 256, 256]
    assert [machine.grid((pieces, pieces)) for pieces in (0, 100, 10**7)] == [(1, 1), (100, 100), (2**20, 2**15)]


def test_kernels_carry_the_digest_of_their_source():
    """numba's disk cache sees neither an edit in another file nor the cell's options: the digest makes it."""
    framework("numba_cuda")
    from cuda_kernels import scan

    cells = [refseq.catalogue()["elman"].cell(activation=name) for name in ("tanh", "relu")]
    for cell in cells:
        for kernel in vars(scan.kernels(cell, "float32")).values():
            captured = [part.cell_contents for part in kernel.py_func.__closure__]
            assert source_digest(cell, scan, gpu) in captured
    assert len({source_digest(cell, scan, gpu) for cell in cells}) == len(cells)
