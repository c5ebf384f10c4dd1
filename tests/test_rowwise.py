"""Functions of one row: every target, numbers of any field, any launch, the cache."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest
from numba.extending import register_jitable

from refseq import rowwise
from refseq.arrays import lift, zeros
from refseq.fields.residue import Residue
from refseq.linear import add
from refseq.rowwise import run_rows
from refseq.softmax import softmax
from refseq.team import Team


def build(power: int, team: Team):
    """y[b] = power x[b] and p[b] its softmax, for the rows whose flag is set."""
    index, size, barrier = team.index, team.size, team.barrier

    @register_jitable
    def row(b, x, flags, y, p):
        if flags[b]:
            for _ in range(power):
                add(y[b], x[b], x.shape[1], index(), size())
            barrier()
            softmax(p[b], y[b], index(), size())

    return row


def build_sum(team: Team):
    """Without transcendental functions, for any field: s[b, 0] = sum over k of x[b, k] x[b, k]."""
    index = team.index

    @register_jitable
    def row(b, x, s):
        if index() == 0:
            for k in range(x.shape[1]):
                s[b, 0] = s[b, 0] + x[b, k] * x[b, k]

    return row


def results(target, dtype="float64", rows=7, work=0):
    x = np.random.default_rng(3).normal(size=(rows, 5)).astype(dtype)
    flags = (np.arange(rows) % 3 != 1).astype(np.int64)
    y, p = np.zeros_like(x), np.zeros_like(x)
    run_rows(build, (3,), rows, [x[:, ::-1], flags], [y], [p], target=target, work=work)
    return x[:, ::-1], flags, y, p


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_rows(target, dtype):
    x, flags, y, p = results(target, dtype)
    assert y.dtype == dtype
    np.testing.assert_allclose(y, 3 * x * flags[:, None], rtol=1e-6)
    np.testing.assert_allclose(p.sum(axis=1), flags, rtol=1e-6)
    assert not y[flags == 0].any()


def test_threads_change_no_bit():
    want = results("cpu", rows=50)
    got = results("cpu", rows=50, work=10**6)
    before = numba.get_num_threads()
    numba.set_num_threads(1)
    try:
        alone = results("cpu", rows=50, work=10**6)
    finally:
        numba.set_num_threads(before)
    for a, b, c in zip(want, got, alone, strict=True):
        assert a.tobytes() == b.tobytes() == c.tobytes()


def test_numbers_of_any_field():
    x = lift(np.arange(6).reshape(2, 3), Residue)
    s = zeros((2, 1), x)
    run_rows(build_sum, (), 2, [x], [s], target="reference")
    assert s[:, 0].tolist() == [Residue(5), Residue(50)]


def test_no_rows():
    run_rows(build_sum, (), 0, [np.zeros((0, 3))], [np.zeros((0, 1))])


PROGRAM = """
import numpy as np
from refseq.rowwise import run_rows
from tests import test_rowwise
from refseq.engine.compiling import CFunction
made = []
def note(function, compile=CFunction.compile):
    made.append(function)
    compile(function)
CFunction.compile = note
x, s = np.ones((2, 3)), np.zeros((2, 1))
run_rows(test_rowwise.build_sum, (), 2, [x], [s])
assert (s == 3).all(), s
print(*[function._cache_hits for function in made if "sum" in function.__name__])
"""


def test_code_is_kept_on_disk(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    for hits in "01":
        result = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        assert result.stdout.split() == [hits]


def test_source_is_part_of_the_key():
    """Of the function's own package, and of what all rows are made of."""
    assert rowwise.described(build, (3, add)) == (build, add)
