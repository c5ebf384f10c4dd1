"""A second opinion on ordinary numbers, for refutations by formal functions that may have known too little.

It has to be sure of an error: differences count from a part in 10^6 of what is compared, where rounding and the error
estimate of central differences are far below.
"""

from collections.abc import Callable

import numpy as np

from refseq.checks.function import Named
from refseq.checks.problem import Problem, inputs, with_inputs
from refseq.checks.ridders import derivative
from refseq.checks.subject import Subject
from refseq.checks.tensors import forward_tensors

SURE, NOISE = 1e-6, 2.0**-40
"""Parts of the sizes that are compared: what is a difference, and how inexact a computed loss is taken to be."""

Opinion = Callable[[Subject, Problem], str | None]
"""What is wrong, in words; None where nothing is seen."""


def gradient(subject: Subject, problem: Problem) -> str | None:
    """vjp against central differences of forward, input by input, along a random direction."""
    weights = forward_tensors(problem.dy, problem.dstate)

    def terms(results: Named) -> list[np.ndarray]:
        return [weights[name] * value for name, value in results.items()]

    rng, at = np.random.default_rng(7), inputs(problem)
    noise = NOISE * sum(float(np.abs(term).sum()) for term in terms(subject.forward(problem)))
    for name, grad in subject.vjp(problem).items():
        direction = rng.normal(size=grad.shape)

        def loss(h: float, name: str = name, direction: np.ndarray = direction) -> float:
            moved = with_inputs(problem, at | {name: at[name] + h * direction})
            return sum(float(term.sum()) for term in terms(subject.forward(moved)))

        numeric, estimate = derivative(loss, noise)
        analytic, size = float(np.sum(grad * direction)), float(np.sum(np.abs(grad * direction)))
        if abs(numeric - analytic) > SURE * max(size, abs(numeric)) + 16 * estimate:
            return f"{name} along a random direction: central differences {numeric:.9g}, vjp {analytic:.9g}"
    return None


def forward(subject: Subject, problem: Problem) -> str | None:
    """Results against those of refseq."""
    ours, _ = problem.function.forward(problem.values, problem.constants, "reference")
    for name, yours in subject.forward(problem).items():
        wrong = np.argwhere(np.abs(yours - ours[name]) > SURE * np.abs(ours[name]).max(initial=0.0))
        if len(wrong):
            first = tuple(map(int, wrong[0]))
            return f"{name} at {first} is {yours[first]:.9g}, refseq's {ours[name][first]:.9g}"
    return None
