"""What the simulator notices, planted: so that green cases mean something; and what every kernel owes it.

It raises at an index out of bounds. It lets a divergent barrier pass; ``cuda_kernels.simulator`` does not.
"""

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest

import cuda_kernels
from cuda_kernels import gpu
from cuda_kernels.gpu import barrier, device, thread, threads

pytestmark = pytest.mark.skipif(not gpu.SIMULATOR, reason="about the simulator")
SOURCES = sorted(Path(str(cuda_kernels.__file__)).parent.glob("*.py"))


def beyond(x):
    x[thread()] = x[thread() + 1]


def divergent(x):
    if thread() == 0:
        barrier()
    x[thread()] = threads()


def late(x):
    barrier()
    x[thread()] = threads()
    barrier()


def early(x):
    """A thread ends; the others still meet."""
    if thread() < 2:
        barrier()
        barrier()


def test_an_index_out_of_bounds_is_noticed():
    with pytest.raises(IndexError):
        gpu.launch(gpu.jit()(beyond), 1, 4, (np.zeros(4),))


def test_a_divergent_barrier_is_noticed():
    with pytest.raises(
        RuntimeError, match=r"1 of 4 threads met at a barrier in block \(0, 0, 0\), the others never came"
    ):
        gpu.launch(gpu.jit()(divergent), 1, 4, (np.zeros(4),))
    with pytest.raises(RuntimeError, match="2 of 4 threads met"):
        gpu.launch(gpu.jit()(early), 1, 4, (np.zeros(4),))
    x = np.zeros(4)
    gpu.launch(gpu.jit()(late), 1, 4, (x,))
    assert x.tolist() == [4.0] * 4


def test_two_shared_arrays_stand_on_two_lines():
    """On one line the simulator makes one of them."""
    for path in SOURCES:
        lines = [node.lineno for node in ast.walk(ast.parse(path.read_text())) if shared(node)]
        assert len(lines) == len(set(lines)), path.name


def shared(node):
    return isinstance(node, ast.Call) and ast.unparse(node.func).endswith((".shared.array", ".local.array"))


def test_the_device_is_known_in_any_file():
    """The simulator replaces the name ``cuda`` in the kernel's own file alone."""
    x = np.zeros(3)

    def kernel(x):
        x[thread()] = device.blockIdx.x + device.gridDim.x

    gpu.launch(gpu.jit()(kernel), 2, 3, (x,))
    assert x.tolist() == [3.0] * 3
    assert inspect.getmodule(thread) is not inspect.getmodule(kernel)
