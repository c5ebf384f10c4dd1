"""The one door to numba-cuda."""

import ast
import warnings
from pathlib import Path

import pytest

import cuda_kernels
import refseq
from cuda_kernels import gpu
from tests.conftest import framework

SOURCES = [
    path for package in (refseq, cuda_kernels) for path in sorted(Path(str(package.__file__)).parent.rglob("*.py"))
]


def uses_numba_cuda(source):
    """Whether a module imports numba.cuda itself."""
    for node in ast.walk(ast.parse(source)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
        module = (node.module or "") if isinstance(node, ast.ImportFrom) else ""
        if any(f"{module}.{name}".lstrip(".").startswith(("numba.cuda", "numba_cuda", "cuda.")) for name in names):
            return True
    return False


def test_finds_every_way_to_import_it():
    for source in ("from numba import cuda", "import numba.cuda as c", "from numba.cuda import cg", "import cuda.core"):
        assert uses_numba_cuda(source), source
    assert not uses_numba_cuda("from cuda_kernels.gpu import cuda\nfrom numba import njit\nimport numba")


def test_nobody_else_imports_numba_cuda():
    assert [path.name for path in SOURCES if uses_numba_cuda(path.read_text())] == ["gpu.py"]


def test_small_grids_do_not_warn(monkeypatch):
    framework("numba_cuda")
    kernel = gpu.jit()(lambda x: None)
    if not gpu.SIMULATOR:
        with pytest.warns(match="under-utilization"):
            kernel[1, 32]

    class Configured:
        """A kernel that can be configured, here without a device, and launched."""

        def __getitem__(self, grid):
            kernel[grid]
            return launched.append

    launched = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        gpu.launch(Configured(), 1, 32, (7,))
    assert caught == []
    assert launched == [7]


def test_the_simulator_drops_what_only_steers_the_compiler(monkeypatch):
    """Its jit takes ten options; launch_bounds and the like would raise TypeError there."""
    taken = []

    class Simulated:
        @staticmethod
        def jit(device=False, cache=None):
            taken.append((device, cache))

    monkeypatch.setattr(gpu, "cuda", Simulated)
    monkeypatch.setattr(gpu, "_closed", None)
    monkeypatch.setattr(gpu, "SIMULATOR", True)
    gpu.jit(cache=True, launch_bounds=(256, 1), max_registers=64)
    assert taken == [(False, True)]
    monkeypatch.setattr(gpu, "SIMULATOR", False)
    with pytest.raises(TypeError, match="launch_bounds"):
        gpu.jit(launch_bounds=256)


def test_without_numba_cuda_everything_says_what_to_install(monkeypatch):
    monkeypatch.setattr(gpu, "_closed", "numba-cuda is not installed")
    monkeypatch.setattr(gpu, "SIMULATOR", False)
    assert gpu.missing() == "numba-cuda is not installed"
    for call in (gpu.jit, gpu.toolchain):
        with pytest.raises(RuntimeError, match="numba-cuda is not installed"):
            call()
