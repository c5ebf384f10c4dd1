"""Layers, problems and all results of a run, for the tests of the engine."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from refseq.arrays import lift
from refseq.checks.budget import THRESHOLD, sigma
from refseq.checks.compare import in_sigmas
from refseq.checks.exact import enclose
from refseq.checks.problem import Problem
from refseq.checks.tensors import forward_tensors, gradient_tensors
from refseq.engine import setup, threads
from refseq.engine.target import forget

Arrays = dict[str, np.ndarray]


def everything(problem: Problem, target: str = "cpu", **options) -> Arrays:
    """Outputs, final states and all gradients."""
    arguments = (problem.params, problem.x, problem.state, problem.lengths, target)
    run = problem.layer.forward(*arguments, masks=problem.masks, **options)
    grads = problem.layer.backward(run, problem.dy, problem.dstate)
    return forward_tensors(run.y, run.state) | gradient_tensors(grads.params, grads.x, grads.state)


def interpreted(problem: Problem, number: type) -> Arrays:
    """The same on the reference target over numpy scalars of this type, which costs no compilation."""

    def lifted(arrays):
        return {name: lift(value.astype(number), number) for name, value in arrays.items()}

    x, dy = lift(problem.x.astype(number), number), lift(problem.dy.astype(number), number)
    arguments = (lifted(problem.params), x, lifted(problem.state), problem.lengths, "reference")
    run = problem.layer.forward(*arguments, masks=lifted(problem.masks))
    grads = problem.layer.backward(run, dy, lifted(problem.dstate))
    found = forward_tensors(run.y, run.state) | gradient_tensors(grads.params, grads.x, grads.state)
    return {name: value.astype(number) for name, value in found.items()}


def beyond_budget(problem: Problem) -> list[str]:
    """The names of what is further from the rigorous values than the error budget allows."""
    ours, exact, spread = everything(problem), enclose(problem), sigma(problem)
    assert ours.keys() == exact.keys()
    sizes = {name: in_sigmas(np.abs(ours[name] - exact[name].high), spread[name]) for name in exact}
    return [name for name, size in sizes.items() if size.max(initial=0) > THRESHOLD]


def bits(arrays: Arrays) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in arrays.items()}


def different(ours: Arrays, theirs: Arrays) -> list[str]:
    """The names of what is not bitwise the same."""
    assert ours.keys() == theirs.keys()
    return [name for name, value in bits(theirs).items() if bits(ours)[name] != value]


@contextmanager
def shared_between(count: int, monkeypatch) -> Iterator[None]:
    """So many threads, however small the work and the machine."""
    with monkeypatch.context() as patch:
        patch.setattr(threads, "count", lambda: count)
        patch.setattr(threads._PROCESS, "_pool", threads._Pool(count - 1))
        patch.setattr(setup, "WORTH_A_THREAD", 1)
        forget()
        yield
    forget()
