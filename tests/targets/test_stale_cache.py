"""numba's disk cache must not bring back the numbers of a formula that has been edited in another file.

A copy of the package computes an LSTM in a process of its own, with a cache of its own; then one file is edited, and
the next process must compute the new formula.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import refseq

PROGRAM = """
import json, sys
import numpy as np
import refseq
from refseq.targets import host
layer = refseq.layer("lstm", 2, 3)
rng = np.random.default_rng(5)
params = {name: rng.normal(size=shape) for name, shape in layer.shapes.items()}
x, state = rng.normal(size=(3, 2, 2)), {name: rng.normal(size=(1, 2, 3)) for name in "hc"}
run = layer.forward(params, x, state)
loop = host.kernels(layer.cell, "float64").forward
print(json.dumps({"y": run.y.tolist(), "hits": sum(loop.stats.cache_hits.values()), "file": refseq.__file__}))
"""

EDITS = [
    # file, formula, another formula
    ("cells/lstm_memory.py", "return limit(f * c + i * g, p), i, f, g", "return limit(f * c + i * g + c, p), i, f, g"),
    (
        "primitives.py",
        'tanh = _primitive("tanh", lambda x, one: math.tanh(x)',
        'tanh = _primitive("tanh", lambda x, one: x',
    ),
    ("step.py", "choose(x, s0, s1, tape)[row], first", "choose(x, s0, s1, tape)[row] * 2, first"),
    ("rules.py", "return one / (one + math.exp(-x))", "return one / (one + one + math.exp(-x))"),
    ("linear.py", "        target[j] = source[j]\n", "        target[j] = source[j] + source[j]\n"),
    ("scan.py", "y[i, b, j] = s[n + 1, b, 0, j]", "y[i, b, j] = s[n, b, 0, j]"),
    ("pointwise.py", "function(gather(a, j, slots)", "function(gather(a, 0, slots)"),
    ("operand.py", "def _second(x, s0, s1, tape):\n    return s0", "def _second(x, s0, s1, tape):\n    return s1"),
    ("columns.py", "return ({items})", "return tuple(({items})[::-1])"),
]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package whose cache is warm, and what it computes."""
    root = tmp_path_factory.mktemp("stale")
    source = Path(refseq.__file__).parent
    shutil.copytree(source, root / "refseq", ignore=shutil.ignore_patterns("__pycache__", "checks", "adapters", "cli"))
    return root, compute(root)


def compute(root) -> dict:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(root / "cache"), "PYTHONPATH": str(root)}
    result = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM], capture_output=True, text=True, env=environment, cwd=root, check=False
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert Path(found["file"]).is_relative_to(root)
    return found


def test_an_unedited_process_hits_the_cache(copy):
    root, first = copy
    second = compute(root)
    assert first["hits"] == 0
    assert second["hits"] > 0
    assert second["y"] == first["y"]


@pytest.mark.parametrize(("name", "formula", "other"), EDITS, ids=[edit[0] for edit in EDITS])
def test_an_edit_is_seen(copy, name, formula, other):
    root, first = copy
    path = root / "refseq" / name
    source = path.read_text()
    assert formula in source
    try:
        path.write_text(source.replace(formula, other))
        edited = compute(root)
    finally:
        path.write_text(source)
    assert edited["y"] != first["y"]
    assert edited["hits"] == 0
