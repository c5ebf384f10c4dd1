"""Kernels of several recurrences in one disk cache: what a process computes does not depend on who compiled what when.

numba names machine code by a count of the functions of a process; see ``refseq.symbols``. With equal names, a kernel
that comes from the cache is linked to the code of another recurrence: wrong numbers, or a crash.
"""

import itertools
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import refseq
from refseq.arrays import lift

PROGRAM = """
import json, sys
sys.path.insert(0, "")
from tests.targets.test_shared_cache import outputs
print(json.dumps({name: outputs(name, "cpu") for name in sys.argv[1:]}))
"""
ROOT = Path(__file__).parents[2]
NAMES = ("elman", "lstm", "gru")


def outputs(name: str, target: str) -> list[float]:
    """One row of outputs; on "reference" interpreted, without numba."""
    layer, rng = refseq.layer(name, 3, 4), np.random.default_rng(7)
    params = {key: rng.normal(size=shape) for key, shape in layer.shapes.items()}
    x = rng.normal(size=(4, 1, 3))
    if target == "reference":
        params, x = {key: lift(value, float) for key, value in params.items()}, lift(x, float)
    return layer.forward(params, x, target=target).y.reshape(-1).tolist()


def compute(names, cache) -> dict[str, list[float]]:
    """The outputs of the recurrences, computed in this order by a process of its own."""
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM, *names],
        capture_output=True,
        text=True,
        env=os.environ | {"NUMBA_CACHE_DIR": str(cache)},
        cwd=ROOT,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("first", [NAMES[0], *(pytest.param(name, marks=pytest.mark.slow) for name in NAMES[1:])])
def test_the_order_of_processes_and_of_recurrences_is_irrelevant(first, tmp_path):
    """One process fills the cache with one recurrence; the next uses all three, in another order each."""
    expected = {name: pytest.approx(outputs(name, "reference"), rel=1e-12, abs=1e-14) for name in NAMES}
    assert compute([first], tmp_path)[first] == expected[first]
    others = [name for name in NAMES if name != first]
    assert compute([*others, first], tmp_path) == expected
    assert compute([first, *others], tmp_path) == expected


NUMBERS = """
import multiprocessing, sys
import refseq
from numba.core.bytecode import FunctionIdentity

def number(queue):
    queue.put(next(FunctionIdentity._unique_ids))

if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    queue = context.Queue()
    print(next(FunctionIdentity._unique_ids))
    for _ in range(2):
        process = context.Process(target=number, args=(queue,))
        process.start()
        print(queue.get(timeout=60))
        process.join()
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_processes_count_from_different_numbers(method, tmp_path):
    """In a process of its own: forking this one would fork the threads of the frameworks that other tests loaded."""
    program = tmp_path / "count_functions.py"
    program.write_text(NUMBERS)
    done = subprocess.run([sys.executable, program, method], capture_output=True, text=True, check=True, cwd=ROOT)
    numbers = [int(line) for line in done.stdout.split()]
    assert len(numbers) == 3
    assert all(abs(one - other) > 2**30 for one, other in itertools.combinations(numbers, 2))
