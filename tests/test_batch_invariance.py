"""A row of a batch has the same bits alone, in any batch, with any number of threads, on "cpu" and on "reference"."""

from dataclasses import replace

import numba
import numpy as np
import pytest

from refseq.checks.problem import draw
from refseq.checks.properties.variants import by_row, rows
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.engine import setup
from refseq.engine.target import forget
from tests.variants import KINDS, label, layer


def everything(problem, target):
    arguments = (problem.params, problem.x, problem.state, problem.lengths, target)
    run = problem.layer.forward(*arguments, masks=problem.masks)
    grads = problem.layer.backward(run, problem.dy, problem.dstate)
    return forward_tensors(run.y, run.state) | gradient_tensors(grads.params, grads.x, grads.state)


def bits(tensors):
    return {name: value.tobytes() for name, value in tensors.items()}


@pytest.fixture(params=[1, 2])
def threads(request, monkeypatch):
    """So many threads, however small the problem."""
    if request.param > numba.config.NUMBA_NUM_THREADS:
        pytest.skip(f"numba has {numba.config.NUMBA_NUM_THREADS} thread")
    monkeypatch.setattr(setup, "WORTH_A_THREAD", 1)
    forget()
    before = numba.get_num_threads()
    numba.set_num_threads(request.param)
    yield request.param
    numba.set_num_threads(before)
    forget()


@pytest.mark.parametrize("variant", KINDS, ids=label)
def test_a_row_alone_is_the_row_in_a_batch(variant, threads):
    """Outputs, states and their gradients; a row's part of the gradients of parameters is not seen apart."""
    holds(draw(layer(variant, layers=2, bidirectional=True), "float64", 6, 5), "cpu")


def test_a_row_alone_is_the_row_in_a_batch_on_the_reference():
    holds(draw(layer(("lstm", {"normalise": True}), layers=2, bidirectional=True), "float64", 6, 5), "reference")


def holds(problem, target):
    whole = everything(problem, target)
    for row in range(5):
        assert bits(by_row(everything(rows(problem, [row]), target))) == bits(by_row(whole, [row]))
    shuffled = [3, 0, 4, 2, 1]
    assert bits(by_row(everything(rows(problem, shuffled), target))) == bits(by_row(whole, shuffled))


@pytest.mark.parametrize("variant", KINDS, ids=label)
def test_nan_in_a_row_stays_there(variant):
    """Also where a whole vector is normalised: vectors are of one row."""
    problem = draw(layer(variant, layers=2, bidirectional=True), "float64", 6, 5)
    x = problem.x.copy()
    x[2, 0] = np.nan
    others = [1, 2, 3, 4]
    clean, spoiled = (everything(replace(problem, x=value), "cpu") for value in (problem.x, x))
    assert bits(by_row(spoiled, others)) == bits(by_row(clean, others))
    assert np.isnan(spoiled["y"][:, 0]).any()
