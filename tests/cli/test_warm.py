"""``refseq warm``: what it compiles is there for the next process."""

import os
import subprocess
import sys

import pytest

from refseq.cli import main

HITS = """
import sys
from refseq.cells import catalogue
from refseq.engine.forward import forward
from refseq.engine.stages import stage_functions
functions, others = (stage_functions(catalogue()[name].cell(), 0, "float32") for name in ("output", "additive"))
print(forward("float32").cache_hits, functions.run.cache_hits, functions.pull.cache_hits, others.run.cache_hits)
"""


def run(arguments, folder):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environment, check=True
    ).stdout


@pytest.mark.slow
def test_the_next_process_compiles_nothing(tmp_path):
    said = run(["-m", "refseq", "warm", "output", "--dtype", "float32"], tmp_path)
    assert said.startswith("1 compiled or found on disk in ")
    assert run(["-c", HITS], tmp_path).split() == ["1", "1", "1", "0"]  # the last one is of another recurrence


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["warm", "lstn"], "expected one of elman"),
        (["warm", "elman", "--dtype", "float16"], "expected float32 or float64; got 'float16'"),
        (["warm", "elman(activation=tan)"], "activation"),
    ],
)
def test_wrong_usage(arguments, words, capsys):
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
