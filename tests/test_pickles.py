"""Runs of every kind, pickled and copied: backward from them gives the same bits, in a process of its own too."""

import copy
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import refseq
from refseq.checks.structures import kinds
from refseq.engine import vector
from refseq.engine.workspace import free

Case = tuple[str, Callable[[], Any], Callable[[Any], dict[str, np.ndarray]]]
"""A label, what makes a run, and the gradients of a run."""

LENGTHS = [5, 0, 3]
LAYERS = [
    (refseq.layer("lstm", 3, 4), {}),
    (refseq.layer("lstm", 3, 4, projection=2), {"lengths": LENGTHS}),
    (refseq.layer("gru", 3, 4, layers=2, bidirectional=True), {"lengths": LENGTHS, "checkpoint": 2}),
    (refseq.layer("leaky", 3, 4, learn="unit", bias=False), {}),
    (refseq.layer("elman", 3, 4, zoneout=True), {"masks": {"zoneout_h": np.ones((1, 1, 3, 4))}}),
    (refseq.layer("elman", 3, 4), {"target": "reference"}),
    (refseq.stack(refseq.layer("lstm", 3, 4), refseq.layer("output", 4, 2)), {}),
]


def of_layer(layer: Any, how: dict[str, Any]) -> Any:
    """A run of float32 from states that are not zero."""
    params, rng = layer.initialise(seed=1, dtype="float32"), np.random.default_rng(2)
    x = rng.normal(size=(5, 3, 3)).astype("float32")
    state = {name: rng.normal(size=layer.state_shape(3, name)).astype("float32") for name in layer.states}
    given = how | {"masks": {n: m.astype("float32") for n, m in how["masks"].items()}} if "masks" in how else how
    return layer.forward(params, x, state, **given)


def back_of_layer(layer: Any, run: Any) -> dict[str, np.ndarray]:
    grads = layer.backward(run, np.arange(run.y.size, dtype=run.y.dtype).reshape(run.y.shape))
    return {**grads.params, "x": grads.x, **{f"state {name}": value for name, value in grads.state.items()}}


def cases() -> Iterator[Case]:
    for layer, how in LAYERS:
        yield f"{layer} {list(how)}", partial(of_layer, layer, how), partial(back_of_layer, layer)
    for network in kinds.networks(2, 3):
        for problem in kinds.problems(network, "float64"):
            function, given = problem.function, (problem.values, problem.constants, "cpu")
            label = f"{network} {problem.label}"
            yield label, lambda f=function, g=given: f.forward(*g)[1], partial(_back, function, problem.cotangents)


def _back(function: Any, cotangents: Any, run: Any) -> dict[str, np.ndarray]:
    return function.backward(run, cotangents)


def child(given: str, made: str) -> None:
    """Goes back from every pickled run, in a process that has seen none of them."""
    runs = pickle.loads(Path(given).read_bytes())
    found = [back(pickle.loads(run)) for run, (_, _, back) in zip(runs, cases(), strict=True)]
    Path(made).write_bytes(pickle.dumps(found))


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_runs_of_every_kind_are_pickled_and_copied(tmp_path):
    wanted, pickles, copies = [], [], []
    for _, forward, back in cases():
        run = forward()
        wanted.append(back(run))
        pickles.append(pickle.dumps(run))
        copies.append(copy.deepcopy(run))
        del run
    free()  # what runs were in goes back to the system, or to the next runs
    for (label, _, back), want, pickled, copied in zip(cases(), wanted, pickles, copies, strict=True):
        assert same(back(pickle.loads(pickled)), want), label
        assert same(back(copied), want), label
    given, made = tmp_path / "given", tmp_path / "made"
    given.write_bytes(pickle.dumps(pickles))
    code = f"from tests.test_pickles import child; child({str(given)!r}, {str(made)!r})"
    subprocess.run([sys.executable, "-c", code], check=True)
    for (label, _, _), want, found in zip(cases(), wanted, pickle.loads(made.read_bytes()), strict=True):
        assert same(found, want), label


def test_results_are_pickled_as_they_are():
    layer = refseq.layer("lstm", 3, 4)
    run = of_layer(layer, {})
    again = pickle.loads(pickle.dumps(run))
    assert (again.layer, again.info) == (layer, run.info)
    assert same({"y": again.y, **again.state}, {"y": run.y, **run.state})


def test_a_cpu_with_other_vectors_refuses_what_is_laid_out_for_these(monkeypatch):
    attention, x = refseq.attention("dot", 3, 3), np.ones((4, 2, 3))
    pickled = pickle.dumps(attention.forward({}, x, x, x))
    monkeypatch.setattr(vector, "register_bytes", lambda: 8)
    with pytest.raises(RuntimeError, match=r"pickled where vectors have \d+ bytes, and here they have 8"):
        pickle.loads(pickled)


def test_a_cell_that_is_not_the_catalogues_is_refused():
    cell = replace(refseq.layer("gru", 3, 4).cell)
    with pytest.raises(TypeError, match="cannot be pickled or copied: it is none of the catalogue's"):
        pickle.dumps(cell)
