"""``refseq warm``: what it compiles is there for the next process."""

import os
import subprocess
import sys

import pytest

import refseq
from refseq.checks.structures.kinds import networks
from refseq.cli import main
from refseq.cli.warm import Selection, compilations

HITS = """
import sys
from refseq.cells import catalogue
from refseq.engine.forward import forward
from refseq.engine.stages import stage_functions
functions, others = (stage_functions(catalogue()[name].cell(), 0, "float32") for name in ("output", "additive"))
print(forward("float32").cache_hits, functions.run.cache_hits, functions.pull.cache_hits, others.run.cache_hits)
"""

COUNTED = """
import sys
import numpy as np
import refseq
from numba.core import event
from refseq.engine.compiling import CFunction
from refseq.losses import ctc_of_logits

compiled, compile = [], CFunction._compile_uncached
CFunction._compile_uncached = lambda self: compiled.append(self.__name__) or compile(self)
one = np.float32(1)
with event.install_recorder("numba:compile") as heard:
    if "tree" in sys.argv:
        layer, forest = refseq.tree_layer("child_sum_tree_lstm", 24, 40), refseq.trees.balanced(300)
        run = layer.forward(layer.initialise(dtype="float32"), np.full((forest.nodes, 24), one), forest)
        layer.backward(run, run.y)
    if "ctc" in sys.argv:
        ctc_of_logits(np.full((50, 9, 30), one), np.ones((9, 10), int), lengths=[50] * 9)
    if "recall" in sys.argv:
        refseq.recall(*np.full((3, 2, 2), one), one)
print(len(compiled) + len(heard.buffer))
"""
"""How much is compiled by a first call, at other sizes than those that are compiled ahead."""


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


@pytest.mark.slow
def test_networks_and_systems_are_there_too(tmp_path):
    said = run(["-m", "refseq", "warm", "child_sum_tree_lstm", "ctc", "--dtype", "float32", "--jobs", "1"], tmp_path)
    assert said.startswith("4 compiled or found on disk in ")  # with and without inputs; two forms
    assert int(run(["-c", COUNTED, "tree", "ctc"], tmp_path)) == 0
    assert int(run(["-c", COUNTED, "recall"], tmp_path)) > 0  # which nobody asked for


def test_what_names_stand_for():
    def titles(*names):
        return [item.title for item in compilations(Selection(names, ["float32"]))]

    assert titles("gru") == ["gru(reset=before) float32", "gru(reset=after) float32"]
    assert titles("ctc") == ["ctc(wrt=logits) float32", "ctc(wrt=log_probs) float32"]
    assert titles("tree_lstm(arity=3)", "elman") == ["tree_lstm(arity=3) float32", "elman(activation=tanh) float32"]
    every = titles()
    assert {"lstm float32", "hmm(Gaussian, scaled) float32", "additive attention float32"} < set(every)
    assert len(every) == len(refseq.catalogue()) + 1 + len(networks(3, 5))  # gru has two usual forms


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["warm", "lstn"], "expected one of elman"),
        (["warm", "tree_lstn"], "hard_memory_network, with options like gru(reset=after)"),
        (["warm", "elman", "--dtype", "float16"], "expected float32 or float64; got 'float16'"),
        (["warm", "elman(activation=tan)"], "activation"),
    ],
)
def test_wrong_usage(arguments, words, capsys):
    assert main(arguments) == 2
    assert words in capsys.readouterr().err
