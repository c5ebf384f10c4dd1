"""The gradient along directions, against other derivatives of the loss sum(dy * y) + sum(dstate * final state).

adjoint       <cotangents, J v> = <J^T cotangents, v>, J v from forward mode over rigorous balls, and from the
              implementation's own jvp if it has one
differences   central differences of the implementation's own forward, extrapolated (Ridders), with an error estimate
complex step  Im f(x + ih v)/h through refseq's compiled loop: a derivative without cancellation
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace

import numpy as np

from refseq.checks.budget import THRESHOLD, sigma
from refseq.checks.check import Answer, Check, Undecided
from refseq.checks.exact import directional
from refseq.checks.implementation import NotOffered, OwnImplementation
from refseq.checks.own import is_own
from refseq.checks.problem import Problem, inputs, with_inputs
from refseq.checks.ridders import derivative
from refseq.checks.subject import Subject
from refseq.checks.verdict import Finding, Place

Arrays = Mapping[str, np.ndarray]


def _directions(problem: Problem) -> Iterator[tuple[str, np.ndarray]]:
    """For every input a random direction of about length 1, zero in the padding, exact in the problem's precision."""
    rng = np.random.default_rng(2)
    padding = np.arange(problem.x.shape[0])[:, None] >= problem.counts
    for name, value in inputs(problem).items():
        direction = rng.normal(size=value.shape)
        if name == "dx":
            direction[padding] = 0.0
        length = np.linalg.norm(direction)
        if length:
            yield name, (direction / length).astype(problem.dtype).astype(np.float64)


def _loss(problem: Problem, tensors: Mapping[str, np.ndarray]) -> complex:
    total = np.sum(problem.dy * tensors["y"])
    return total + sum(np.sum(problem.dstate[name] * tensors[f"state[{name}]"]) for name in problem.state)


def _loss_sigma(problem: Problem) -> float:
    spread = sigma(problem)
    parts = [np.sum((problem.dy * spread["y"]) ** 2)]
    parts += [np.sum((problem.dstate[name] * spread[f"state[{name}]"]) ** 2) for name in problem.state]
    return float(np.sqrt(sum(parts)))


Directions = dict[str, np.ndarray]


def _dot(
    check: str, subject: Subject, problem: Problem, grads: Arrays, words: str, along: Callable[[Directions], float]
) -> list[Finding]:
    """Findings where <gradient, v> is not ``along(v)``, the derivative of the loss along v by other means.

    One v goes through all inputs at once; input by input only to name the culprit. Both sides are sums of rounded
    terms: the gradient's own budget, and as much again for the other derivative.
    """
    budget, every = sigma(problem, subject.activations == "absolute"), dict(_directions(problem))

    def wrong(directions: Directions) -> tuple[float, float] | None:
        expected, actual, variance, size = along(directions), 0.0, 0.0, 0.0
        for name, direction in directions.items():
            terms = grads[name].astype(np.float64) * direction
            actual, size = actual + float(np.sum(terms)), size + float(np.sum(np.abs(terms)))
            variance += float(np.sum((budget[name] * direction) ** 2))
        spread = 2 * np.sqrt(variance) + np.finfo(np.float64).eps * size
        return None if abs(expected - actual) <= THRESHOLD * spread else (expected, actual)

    together = wrong(every)
    if together is None:
        return []
    found = {name: wrong({name: direction}) for name, direction in every.items()}
    culprits = {name: values for name, values in found.items() if values} or {"all inputs": together}
    return [
        Finding(
            check,
            problem.label,
            Place(name),
            f"along a random direction: {words} {expected:.17g}, vjp {actual:.17g}",
            expected=expected,
            actual=actual,
        )
        for name, (expected, actual) in culprits.items()
    ]


def _adjoint(subject: Subject, problem: Problem) -> Answer:
    grads = subject.vjp(problem)
    exact = "forward mode over rigorous balls"
    findings = _dot("adjoint", subject, problem, grads, exact, lambda v: directional(problem, v))

    def pushed(directions: Directions) -> float:
        return float(np.real(_loss(problem, subject.jvp(problem, directions))))

    with suppress(NotOffered):  # it is an extra
        findings += _dot("adjoint", subject, problem, grads, "the implementation's own jvp", pushed)
    return Answer(tuple(findings))


def _differences(subject: Subject, problem: Problem) -> Answer:
    grads, base, findings, doubts = subject.vjp(problem), inputs(problem), [], []
    sizes = {name: float(np.linalg.norm(grad)) for name, grad in grads.items()}
    for name, direction in _directions(problem):

        def along(h: float, name: str = name, direction: np.ndarray = direction) -> float:
            moved = with_inputs(problem, base | {name: base[name] + h * direction})
            return float(np.real(_loss(problem, subject.forward(moved))))

        numeric, estimate = derivative(along, _loss_sigma(problem))
        analytic = float(np.sum(grads[name] * direction))
        size = abs(numeric - analytic) / estimate if estimate else float(numeric != analytic) * np.inf
        if not size <= THRESHOLD:
            message = f"along a random direction: central differences {numeric:.12g} +- {estimate:.1g}, vjp"
            message += f" {analytic:.12g}"
            findings.append(Finding("differences", problem.label, Place(name), message, None, None, numeric, analytic))
        elif estimate > 1e-3 * (sizes[name] or max(sizes.values())):  # a gradient of 0 is small beside the others
            doubts.append(name)
    if doubts and not findings:
        raise Undecided(f"the error estimate of the differences is too large for {', '.join(doubts)}")
    return Answer(tuple(findings))


def _complex_step(subject: Subject, problem: Problem) -> Answer:
    base, step = inputs(problem), 1e-100
    own = Subject(OwnImplementation(subject.layer, "reference"), subject.layer)

    def along(directions: Directions) -> float:
        moved = {name: value.astype(complex) for name, value in base.items()}
        moved |= {name: moved[name] + 1j * step * direction for name, direction in directions.items()}
        masks = {name: value.astype(complex) for name, value in problem.masks.items()}
        shifted = replace(with_inputs(problem, moved), dtype="complex128", masks=masks)
        return _loss(problem, own.forward(shifted)).imag / step

    return Answer(tuple(_dot("complex step", subject, problem, subject.vjp(problem), "complex step", along)))


def _double(_subject: Subject, problem: Problem) -> bool:
    return problem.dtype == "float64"


def _own_double(subject: Subject, problem: Problem) -> bool:
    return is_own(subject, problem) and _double(subject, problem)


ADJOINT = Check("adjoint", "Is vjp the adjoint of the forward derivative?", _adjoint)
DIFFERENCES = Check(
    "differences", "Does vjp agree with extrapolated central differences of forward?", _differences, _double
)
COMPLEX_STEP = Check(
    "complex step", "Does vjp agree with a complex step through the compiled loop?", _complex_step, _own_double
)
