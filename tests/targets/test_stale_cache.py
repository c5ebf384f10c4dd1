"""numba's disk cache must not bring back the numbers of a formula that has been edited in another file.

A copy of the package computes an LSTM in a process of its own, with a cache of its own; then one file is edited, and
the next process must compute the new formula: on "reference" and on "cpu", which have caches of their own making.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import refseq
from refseq import kernels
from refseq.engine import compiling
from refseq.losses import cross_entropy_rows
from refseq.networks.turing_machine.backward import build_backward
from refseq.targets import digest

PROGRAM = """
import json, sys
import numpy as np
import refseq
from refseq.engine import stages
from refseq.targets import host
target = sys.argv[1]
layer = refseq.layer("lstm", 2, 3)
rng = np.random.default_rng(5)
params = {name: rng.normal(size=shape) for name, shape in layer.shapes.items()}
x, state = rng.normal(size=(3, 2, 2)), {name: rng.normal(size=(1, 2, 3)) for name in "hc"}
run = layer.forward(params, x, state, target=target)
grads = layer.backward(run, rng.normal(size=run.y.shape))
if target == "cpu":
    hits = stages.stage_functions(layer.cell, 0, "float64").run.cache_hits
else:
    hits = sum(host.kernels(layer.cell, "float64").forward.stats.cache_hits.values())
print(json.dumps({"y": [run.y.tolist(), grads.params["W_hh"].tolist()], "hits": hits, "file": refseq.__file__}))
"""

EDITS = [
    # file, formula, another formula
    ("cells/lstm_memory.py", "return limit(f * c + i * g, p), i, f, g", "return limit(f * c + i * g + c, p), i, f, g"),
    (
        "primitives.py",
        'tanh = _primitive("tanh", lambda x, one: math.tanh(x)',
        'tanh = _primitive("tanh", lambda x, one: x',
    ),
    ("step.py", "choose(x, s0, s1, tape)[row], first", "choose(x, s0, s1, tape)[row][::-1], first"),
    ("rules.py", "return one / (one + math.exp(-x))", "return one / (one + one + math.exp(-x))"),
    ("linear.py", "        target[j] = source[j]\n", "        target[j] = source[j] + source[j]\n"),
    ("scan.py", "y[i, b, j] = s[n + 1, b, 0, j]", "y[i, b, j] = s[n, b, 0, j]"),
    ("pointwise.py", "function(gather(a, j, slots)", "function(gather(a, 0, slots)"),
    ("operand.py", "def _second(x, s0, s1, tape):\n    return s0", "def _second(x, s0, s1, tape):\n    return s1"),
    ("columns.py", "return ({items})", "return tuple(({items})[::-1])"),
]


QUICK = {("reference", "step.py"), ("cpu", "cells/lstm_memory.py")}
"""Edits that every run tries, of the scan and of the cell; that the digest has all files is seen without a process for
each."""

OF_THE_ENGINE = [
    ("engine/rows.py", "store(target, j, load(source, j))", "store(target, j, load(source, j) + load(source, j))"),
    ("cells/lstm_memory.py", "return limit(f * c + i * g, p), i, f, g", "return limit(f * c + i * g + c, p), i, f, g"),
]
"""A file of the engine, whose digest has them all, and one of the cell's."""


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    """A copy of the package whose cache is warm, and what it computes."""
    root = tmp_path_factory.mktemp("stale")
    source = Path(refseq.__file__).parent
    shutil.copytree(source, root / "refseq", ignore=shutil.ignore_patterns("__pycache__", "checks", "adapters", "cli"))
    return root, {target: compute(root, target) for target in ("reference", "cpu")}


def compute(root, target) -> dict:
    environment = os.environ | {"NUMBA_CACHE_DIR": str(root / "cache"), "PYTHONPATH": str(root)}
    result = subprocess.run(
        [sys.executable, "-B", "-c", PROGRAM, target],
        capture_output=True,
        text=True,
        env=environment,
        cwd=root,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert Path(found["file"]).is_relative_to(root)
    return found


@pytest.mark.parametrize("target", ["reference", "cpu"])
def test_an_unedited_process_hits_the_cache(copy, target):
    root, first = copy
    second = compute(root, target)
    assert first[target]["hits"] == 0
    assert second["hits"] > 0
    assert second["y"] == first[target]["y"]


@pytest.mark.parametrize(
    ("target", "name", "formula", "other"),
    [
        pytest.param(target, *edit, marks=[] if (target, edit[0]) in QUICK else pytest.mark.slow)
        for target, edits in (("reference", EDITS), ("cpu", OF_THE_ENGINE))
        for edit in edits
    ],
    ids=[*(f"reference-{edit[0]}" for edit in EDITS), *(f"cpu-{edit[0]}" for edit in OF_THE_ENGINE)],
)
def test_an_edit_is_seen(copy, target, name, formula, other):
    root, first = copy
    path = root / "refseq" / name
    source = path.read_text()
    assert formula in source
    try:
        path.write_text(source.replace(formula, other))
        edited = compute(root, target)
    finally:
        path.write_text(source)
    assert edited["y"] != first[target]["y"]
    assert edited["hits"] == 0


def digest_of_a_layer():
    return digest.source_digest.__wrapped__(refseq.layer("lstm", 2, 3).cell)


def key_of_a_turing_machine():
    """Its controller is a cell, in a step that is written in other packages."""
    return kernels.source_key.__wrapped__(build_backward)


def key_of_a_loss():
    return kernels.source_key.__wrapped__(cross_entropy_rows.build)


OF_A_LOSS = [("exponentials.py", "part = exp(a[j] - top)", "part = exp(a[j])"), EDITS[3]]


@pytest.mark.parametrize(
    ("key", "edit"),
    [
        *((key, edit) for key in (digest_of_a_layer, key_of_a_turing_machine) for edit in EDITS),
        *((key_of_a_loss, edit) for edit in OF_A_LOSS),
    ],
    ids=lambda given: given[0] if isinstance(given, tuple) else given.__name__,
)
def test_an_edit_changes_the_digest(monkeypatch, key, edit):
    """As sources are read: file by file."""
    name, formula, other = edit
    edited, before, read = Path(refseq.__file__).parent / name, key(), Path.read_text

    def read_text(path, *more):
        text = read(path, *more)
        return text.replace(formula, other) if path.samefile(edited) else text

    monkeypatch.setattr(Path, "read_text", read_text)
    assert key() != before


def test_every_file_of_the_engine_is_in_its_digest():
    """Not one list of files for each function, which would miss one; and what it calculates with."""
    package = Path(refseq.__file__).parent
    files = sorted((package / "engine").glob("*.py"))
    assert len(files) > 15
    files += [package / name for name in ("lanes.py", "primitives.py", "rules.py")]
    assert all(path.read_text() in compiling._source() for path in files)
