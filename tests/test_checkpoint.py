"""Checkpoints save memory and change no bit."""

import numpy as np
import pytest

import refseq
from refseq.checks.problem import draw
from refseq.checks.tensors import forward_tensors, gradient_tensors
from tests.variants import KINDS, label, layer

STEPS, ROWS = 7, 5


def everything(problem, target, checkpoint):
    stack = problem.layer
    arguments = (problem.params, problem.x, problem.state, problem.lengths, target)
    run = stack.forward(*arguments, masks=problem.masks, checkpoint=checkpoint)
    grads = stack.backward(run, problem.dy, problem.dstate)
    return forward_tensors(run.y, run.state) | gradient_tensors(grads.params, grads.x, grads.state)


@pytest.mark.parametrize("checkpoint", [True, 1, 2, 6, 7, 100])
@pytest.mark.parametrize("variant", KINDS, ids=label)
def test_every_piece_gives_the_bits_of_the_whole(variant, checkpoint):
    """Pieces that do not divide the time, rows that end inside one, both directions, stacked."""
    problem = draw(layer(variant, layers=2, bidirectional=True), "float64", STEPS, ROWS)
    whole, pieces = (everything(problem, "cpu", value) for value in (False, checkpoint))
    different = [name for name in whole if whole[name].tobytes() != pieces[name].tobytes()]
    assert different == []


def test_also_in_float32_and_on_the_reference_target():
    problem = draw(layer(("lstm", {}), bidirectional=True), "float32", STEPS, ROWS)
    for target in ("cpu", "reference"):
        whole, pieces = (everything(problem, target, value) for value in (False, 3))
        assert all(whole[name].tobytes() == pieces[name].tobytes() for name in whole)


@pytest.mark.parametrize(("steps", "rows"), [(0, 3), (3, 0)])
def test_no_steps_and_no_rows(steps, rows):
    problem = draw(layer(("gru", {})), "float64", steps, rows)
    whole, pieces = (everything(problem, "cpu", value) for value in (False, 1))
    assert all(np.array_equal(whole[name], pieces[name]) for name in whole)


def test_what_is_kept_is_of_the_order_of_the_square_root():
    stack = layer(("lstm", {}))
    problem = draw(stack, "float64", 100, 2, padded=False)
    for target in ("cpu", "reference"):
        run = stack.forward(problem.params, problem.x, problem.state, target=target, checkpoint=True)
        ((_, _, tape),) = run._recording.entries
        assert (len(tape.checkpoints), tape.every) == (10, 10)
        assert (tape.kept if target == "cpu" else tape.s) is None


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        (0, ValueError, "checkpoint: expected at least 1, got 0"),
        ("yes", TypeError, "checkpoint: expected an integer, got str 'yes'"),
        (2.0, TypeError, "checkpoint: expected an integer, got float 2.0"),
        (None, TypeError, "checkpoint: expected an integer, got NoneType None"),
    ],
)
def test_bad_input(value, error, words):
    stack = refseq.layer("elman", 2, 3)
    with pytest.raises(error, match=words):
        stack.forward(stack.initialise(), np.zeros((2, 1, 2)), checkpoint=value)
