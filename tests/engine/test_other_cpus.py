"""The whole engine on vectors of other widths: processes for which numba compiles for a lesser CPU keep the budgets."""

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = """
import sys
sys.path.insert(0, "")
import numpy as np
from refseq.checks.problem import draw
from refseq.engine import vector
from tests.engine.problems import beyond_budget
from tests.engine.test_exact import Whole, agree, relu
from tests.variants import layer
assert vector.register_bytes() == int(sys.argv[1]), vector.register_bytes()
assert vector.has_fma() == bool(int(sys.argv[2]))
for units in (1, 5, 9, 33):
    agree(Whole(relu(5, units, bidirectional=True), 4, 6, np.array([4, 1, 0, 2, 4, 4])))
for dtype in sys.argv[3:]:
    print(beyond_budget(draw(layer(("lstm", {}), 3, 9), dtype, 4, 3)))
"""

CPUS = {
    "AVX2": (32, True, "haswell", "+avx2,+fma"),
    "SSE2": (16, False, "x86-64", "+sse2"),
    "FMA without AVX2": (16, True, "x86-64", "+avx,+fma"),
}
SELDOM = [*((name, ("float64", "float32")) for name in ("SSE2", "FMA without AVX2")), ("AVX2", ("float32",))]
"""What takes longer than a commit can wait: every precision is compiled anew."""


def flags() -> set[str]:
    described = Path("/proc/cpuinfo")
    return set(described.read_text().split()) if described.exists() else set()


@pytest.mark.skipif(platform.machine() not in ("x86_64", "AMD64"), reason="features of x86")
@pytest.mark.parametrize(
    ("name", "dtypes"), [("AVX2", ("float64",)), *(pytest.param(*given, marks=pytest.mark.slow) for given in SELDOM)]
)
def test_a_lesser_cpu_keeps_the_budgets(name, dtypes):
    width, fused, cpu, features = CPUS[name]
    missing = {feature.strip("+") for feature in features.split(",")} - flags()
    if missing:
        pytest.skip(f"this CPU has no {', '.join(sorted(missing))}")
    environment = os.environ | {"NUMBA_CPU_NAME": cpu, "NUMBA_CPU_FEATURES": features, "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(width), str(int(fused)), *dtypes],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout == "[]\n" * len(dtypes)


WITHOUT_JIT = """
import sys
sys.path.insert(0, "")
import numpy as np
from tests.engine.test_exact import Whole, agree, relu
agree(Whole(relu(5, 9, bidirectional=True), 4, 6, np.array([4, 1, 0, 2, 4, 4])))
"""


def test_the_engine_runs_where_numba_leaves_python_alone():
    """With NUMBA_DISABLE_JIT=1, as debuggers and coverage want it."""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_JIT], capture_output=True, text=True, cwd=ROOT, env=environment, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
