"""Kernels of losses and optimisers in numba's disk cache: an edit in any file they are made of is seen.

A copy of the package computes a loss and a step of Adam in a process of its own, with a cache of its own; then one file
is edited, and the next process must compute the new formula.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import refseq
from refseq.kernels import compiled
from refseq.losses import cross_entropy, cross_entropy_rows

PROGRAM = """
import json
import numpy as np
import refseq
from refseq.engine.compiling import CFunction
made = []
def note(function, compile=CFunction.compile):
    made.append(function)
    compile(function)
CFunction.compile = note
from refseq import losses, optimisers
a = np.random.default_rng(5).normal(size=(2, 3, 4))
loss = losses.cross_entropy(a, np.array([[0, 1, 3], [2, 2, 0]]))
adam, p = optimisers.Adam(0.1), {"a": a}
after = adam.step(p, {"a": a - 1}, adam.initialise(p))[0]["a"]
hits = [function._cache_hits for function in made]
print(json.dumps({"loss": float(loss.value), "adam": after.tolist(), "hits": hits, "file": refseq.__file__}))
"""

EDITS = [
    # file, formula, another formula, what it changes
    ("exponentials.py", "total = total + apart(part, j, m)", "total = total + part + part", "loss"),
    ("engine/vector_math.py", "0.16666666666", "0.26666666666", "loss"),
    # Adam's rule uses a function of this file
    ("optimisers/sgd.py", "return g + decay * p", "return g + p", "adam"),
]


def compute(root) -> dict:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(root / "cache"), "PYTHONPATH": str(root)}
    result = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM], capture_output=True, text=True, env=environment, cwd=root, check=False
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert Path(found["file"]).is_relative_to(root)
    return found


def test_edits_are_seen_and_unedited_kernels_come_from_the_cache(tmp_path):
    shutil.copytree(
        Path(refseq.__file__).parent,
        tmp_path / "refseq",
        ignore=shutil.ignore_patterns("__pycache__", "checks", "adapters", "cli"),
    )
    first, second = compute(tmp_path), compute(tmp_path)
    assert first.pop("hits") == [0, 0]
    assert second.pop("hits") == [1, 1]
    assert second == first
    for name, formula, other, changed in EDITS:
        path = tmp_path / "refseq" / name
        source = path.read_text()
        assert formula in source
        path.write_text(source.replace(formula, other))
        assert compute(tmp_path)[changed] != first[changed], name
        path.write_text(source)


def test_objects_run_uncompiled():
    token_loss = cross_entropy_rows.build()
    assert compiled(token_loss, "object") is token_loss


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_kernels_keep_the_precision(dtype):
    loss = cross_entropy(np.ones((1, 1, 2), dtype), np.zeros((1, 1), int))
    assert loss.value.dtype == loss.gradient.dtype == loss.tokens.dtype == loss.scale.dtype == dtype
