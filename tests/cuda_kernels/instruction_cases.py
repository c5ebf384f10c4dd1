"""The instructions of tensor cores and their twins: products of one warp, and the layout of its fragments.

test_target.py runs this file in a process of its own, in the simulator or on a device.
"""

import itertools

import numpy as np
import pytest

from cuda_kernels import gpu, rounding, simulated_tensor_cores, tensor_cores
from cuda_kernels.gpu import thread
from cuda_kernels.machine import Machine

simulated = pytest.mark.skipif(not gpu.SIMULATOR, reason="about the simulator")
every_precision = pytest.mark.parametrize("precision", tensor_cores.PRECISIONS)


def matrices(seed=0):
    """A (16, 16), B (16, 8), C (16, 8); tf32 takes the first 8 of k."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype("float32") for shape in ((16, 16), (16, 8), (16, 8))]


def one_instruction(precision, depth):
    """A kernel: d = a b + c, with fragments as the text of ``tensor_cores`` has them."""
    pack, multiply, n = tensor_cores.pack[precision], tensor_cores.multiply[precision], depth // 8

    def one(x, r, k):
        return pack(x[r, k])

    def two(x, r, k):
        return pack(x[r, k], x[r, k + 1])

    operand = gpu.cuda.jit(device=True)(one if n == 1 else two) if not gpu.SIMULATOR else (one if n == 1 else two)

    def kernel(a, across, c, d):  # across: b transposed, (8, K)
        g, s = thread() // 4, thread() % 4
        left = (
            operand(a, g, n * s),
            operand(a, g + 8, n * s),
            operand(a, g, n * (s + 4)),
            operand(a, g + 8, n * (s + 4)),
        )
        right = (operand(across, g, n * s), operand(across, g, n * (s + 4)))
        begin = (c[g, 2 * s], c[g, 2 * s + 1], c[g + 8, 2 * s], c[g + 8, 2 * s + 1])
        made = multiply(left, right, begin)
        for i in range(4):
            d[g + 8 * (i // 2), 2 * s + i % 2] = made[i]

    return kernel


def multiplied(precision, a, b, c):
    machine, depth = Machine(), tensor_cores.depth(precision)
    arrays = [machine.place(x) for x in (a[:, :depth].copy(), b[:depth].T.copy(), c, np.zeros_like(c))]
    machine.run(gpu.jit()(one_instruction(precision, depth)), (1, 1), 32, tuple(arrays))
    return machine.fetch(arrays[3])


@every_precision
def test_an_instruction(precision):
    """Within the errors of float32 sums of the product of the rounded operands; not that of others."""
    a, b, c = matrices()
    depth = tensor_cores.depth(precision)
    left, right = (rounding.rounded(x, precision).astype(float) for x in (a[:, :depth], b[:depth]))
    allowed = (depth + 1) * 2.0**-23 * (np.abs(left) @ np.abs(right) + np.abs(c))
    got = multiplied(precision, a, b, c)
    assert (np.abs(got - (left @ right + c)) <= allowed).all()
    exact = a[:, :depth].astype(float) @ b[:depth].astype(float) + c
    assert not (np.abs(got - exact) <= allowed).all()


@every_precision
def test_columns_do_not_meet(precision):
    a, b, c = matrices()
    want = multiplied(precision, a, b, c)
    b[3, 2], c[5, 6] = np.nan, np.inf
    got = multiplied(precision, a, b, c)
    others = [0, 1, 3, 4, 5, 7]
    assert got[:, others].tobytes() == want[:, others].tobytes()
    assert np.isnan(got[:, 2]).all()
    assert np.isinf(got[5, 6])


STRIDES = {  # (lane % 4, lane // 4), then the bits of the number of an element, each with its stride
    "tf32": (((16, 1), (8, 64)), ((8, 1), (32,))),
    "bf16": (((32, 1), (16, 8, 128)), ((16, 1), (8, 64))),
}
"""Another description of the fragments: strides in A (16, K) and in B transposed (8, K), both column by column."""
ACCUMULATOR_STRIDES = ((32, 1), (16, 8))


def by_strides(strides, height):
    (along, across), bits = strides
    for lane, element in itertools.product(range(32), range(2 ** len(bits))):
        place = lane % 4 * along + lane // 4 * across + sum(step * (element >> n & 1) for n, step in enumerate(bits))
        yield lane, element, place % height, place // height


@simulated
@every_precision
def test_the_twins_have_the_layout_of_the_instructions(precision):
    _, a, b = simulated_tensor_cores.LAYOUTS[precision]
    assert a == list(by_strides(STRIDES[precision][0], 16))
    assert b == [(lane, i, k, n) for lane, i, n, k in by_strides(STRIDES[precision][1], 8)]
    assert list(by_strides(ACCUMULATOR_STRIDES, 16)) == simulated_tensor_cores.ACCUMULATOR


@simulated
def test_a_warp_that_is_not_complete_is_noticed():
    multiply = tensor_cores.multiply["tf32"]

    def kernel(x):
        if thread() != 5:
            x[thread()] = multiply((0, 0, 0, 0), (0, 0), (0, 0, 0, 0))[0]

    with pytest.raises(RuntimeError, match="31 of 32 threads of a warp met, the others never came"):
        gpu.launch(gpu.jit()(kernel), 1, 32, (np.zeros(32),))
    with pytest.raises(RuntimeError, match="4 of 32 threads of a warp met"):
        gpu.launch(gpu.jit()(kernel), 1, 4, (np.zeros(32),))

    def wrong(x):
        multiply((0, 0, 0, 0), (0, 0), (0, 0, 0, 0))
        x[thread() + 1] = 0

    with pytest.raises(IndexError):  # and not that the others wait
        gpu.launch(gpu.jit()(wrong), 1, 32, (np.zeros(32),))
