"""The gradient is linear in the cotangents, and flows backward in time only."""

from dataclasses import replace

import numpy as np

from refseq.checks.problem import Problem
from refseq.checks.properties.claim import Claim, Claims, asks
from refseq.checks.properties.sequence import one_way_and_long
from refseq.checks.properties.spread import noise, quadrature
from refseq.checks.properties.variants import cotangents, cut, few, rows
from refseq.checks.subject import Subject

Arrays = dict[str, np.ndarray]


def early(problem: Problem, k: int) -> np.ndarray:
    """The cotangents of the outputs at t < k."""
    dy = np.zeros_like(problem.dy)
    dy[:k] = problem.dy[:k]
    return dy


@asks("zero cotangent", "Without cotangents, are all gradients exactly zero?")
def zero_cotangent(subject: Subject, problem: Problem) -> Claims:
    """Sums of products with 0."""
    found = subject.vjp(cotangents(problem))
    yield Claim("no cotangents", found, {name: np.zeros_like(value) for name, value in found.items()}, None)


@asks("scaled cotangent", "Do gradients scale with the cotangents, to the bit for powers of two?")
def scaled_cotangent(subject: Subject, problem: Problem) -> Claims:
    """-4 times the cotangents give -4 times the gradients. A change of sign and of exponent rounds nothing, except
    below the normal range, where each of the multiplications and additions may lose up to the smallest normal."""
    factor = np.array(-4, problem.dtype)
    scaled = replace(
        problem, dy=problem.dy * factor, dstate={name: value * factor for name, value in problem.dstate.items()}
    )
    found, whole = subject.vjp(scaled), subject.vjp(problem)
    steps, rows, _ = problem.x.shape
    operations = 2 * steps * rows * sum(value.size for value in problem.params.values())
    lost = operations * np.finfo(problem.dtype).tiny
    spread = {name: np.full(value.shape, lost) for name, value in whole.items()}
    yield Claim("cotangents times -4", {n: v / factor for n, v in found.items()}, whole, spread)


@asks("sum of cotangents", "Do the gradients of early, of late and of final cotangents add up?")
def sum_of_cotangents(subject: Subject, problem: Problem) -> Claims:
    """Cotangents of y before T/2, of y after it, and of the final state: each alone, and all together."""
    # one row and few steps are enough for a linear map, and keep its four budgets cheap
    whole = cut(rows(problem, [int(np.argmax(problem.counts))]), 0, 3)
    first = early(whole, (len(whole.x) + 1) // 2)
    parts = [
        cotangents(whole, first),
        cotangents(whole, whole.dy - first),  # exact: one of the two is 0
        cotangents(whole, dstate=whole.dstate),
    ]
    grads = [subject.vjp(part) for part in parts]
    total = {name: np.stack([grad[name].astype(np.float64) for grad in grads]).sum(axis=0) for name in grads[0]}
    spread = quadrature(*(_gradient_noise(subject, part) for part in (whole, *parts)))
    yield Claim("early, late and final cotangents, added up", subject.vjp(whole), total, spread)


def _gradient_noise(subject: Subject, problem: Problem) -> Arrays:
    return {name: v for name, v in noise(subject, problem, gradients=True).items() if name.startswith("d")}


@asks(
    "causality of the gradient", "Do cotangents of early outputs leave later inputs without gradient?", one_way_and_long
)
def causality_of_the_gradient(subject: Subject, problem: Problem) -> Claims:
    """dx[k:] is zero, to the bit, if only y[:k] has cotangents."""
    k = len(problem.x) // 2
    dx = subject.vjp(cotangents(problem, early(problem, k)))["dx"]
    expected = dx.copy()
    expected[k:] = 0
    yield Claim(f"cotangents at t < {k} only", {"dx": dx}, {"dx": expected}, None)


@asks("gradient of the prefix", "Is the gradient of early outputs that of the sequence cut short?", one_way_and_long)
def gradient_of_the_prefix(subject: Subject, problem: Problem) -> Claims:
    """Steps after the last cotangent add nothing to any gradient."""
    whole = few(problem)
    k = len(whole.x) // 2
    whole = cotangents(whole, early(whole, k))
    short = cut(whole, 0, k)
    found, expected = subject.vjp(short), subject.vjp(whole)
    expected["dx"] = expected["dx"][:k]
    spread = noise(subject, short, gradients=True)
    yield Claim(f"the first {k} steps alone", found, expected, quadrature(spread, spread))
