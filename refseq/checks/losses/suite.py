"""``verify`` for losses: values and gradients of connectionist temporal classification on every problem."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from refseq.arguments import choice, dtype_name, integer
from refseq.checks.accuracy import GRADIENTS, VALUES
from refseq.checks.budget import sigma
from refseq.checks.implementation import NotOffered
from refseq.checks.losses.dialects import diagnosis
from refseq.checks.losses.implementation import FORMS, LossImplementation
from refseq.checks.losses.logarithms import in_logarithms
from refseq.checks.structures.ctc import CTC, problems
from refseq.checks.subject import Misbehaviour, Subject
from refseq.checks.verdict import Outcome, Report

CLASSES, BLANKS = 5, (0, 3)
"""The blank is the first class, and another one."""


class LossSubject(Subject):
    """A loss under test: calls it, and holds every call to the protocol."""

    def __init__(self, implementation: LossImplementation) -> None:
        for name in ("loss", "vjp"):
            if isinstance(implementation, type) or not callable(getattr(implementation, name, None)):
                raise TypeError(
                    f"implementation: expected an object with the methods loss and vjp, got {implementation!r}"
                )
        self.loss: Any = implementation
        choice("implementation.wrt", getattr(implementation, "wrt", None), FORMS)
        self.name = str(getattr(implementation, "name", type(implementation).__name__))
        self.activations, self.gradient = "relative", np.zeros(0)

    def forward(self, problem: Any) -> dict[str, np.ndarray]:
        """The losses."""
        return {"loss": self._called("loss", problem, problem.cotangents["loss"].shape)}

    def vjp(self, problem: Any) -> dict[str, np.ndarray]:
        """The gradient."""
        wrt = problem.layer.wrt
        shape = problem.values[wrt].shape
        self.gradient = self._called("vjp", problem, shape, problem.cotangents["loss"].copy())
        return {f"d{wrt}": self.gradient}

    def _called(self, method: str, problem: Any, shape: tuple[int, ...], *more: np.ndarray) -> np.ndarray:
        x, targets = problem.values[problem.layer.wrt], problem.targets
        before = (x, targets.labels, targets.lengths, targets.target_lengths)
        given = [array.copy() for array in before]
        try:
            found = getattr(self.loss, method)(*given, problem.layer.blank, *more)
        except NotOffered:
            raise
        except Exception as error:  # foreign code may raise anything, and all of it is a finding
            raise Misbehaviour(method, f"{method} raised {type(error).__name__}: {error}", raised=True) from error
        if not isinstance(found, np.ndarray) or found.shape != shape or found.dtype != x.dtype:
            what = f"{found.dtype} {found.shape}" if isinstance(found, np.ndarray) else type(found).__name__
            raise Misbehaviour(method, f"expected a numpy array of {x.dtype} {shape}, got {what}")
        if any(not np.array_equal(mine, theirs) for mine, theirs in zip(before, given, strict=True)):
            raise Misbehaviour(method, "an argument was modified")
        return np.array(found)


def verify(
    implementation: LossImplementation,
    dtype: str = "float64",
    *,
    seed: int = 0,
    progress: Callable[[Outcome], None] | None = None,
) -> Report:
    """Judge somebody's connectionist temporal classification in one precision. Where its gradient is a known other one,
    as with respect to logits in place of log-probabilities, the findings' ``diagnosis`` says which.

    Raises TypeError or ValueError naming the argument.
    """
    subject, outcomes = LossSubject(implementation), []
    dtype = dtype_name("dtype", dtype)
    seed, systems = integer("seed", seed, 0), [CTC(subject.loss.wrt, CLASSES, blank) for blank in BLANKS]
    for system in systems:
        for problem in map(in_logarithms, problems(system, dtype, seed)):
            for check in (VALUES, GRADIENTS):
                posed: Any = problem
                outcome = check.run(subject, posed)
                if outcome.findings and check is GRADIENTS:
                    outcome = _diagnosed(outcome, subject, posed)
                outcomes.append(outcome)
                if progress:
                    progress(outcome)
    sizes = f"C={CLASSES} blank={','.join(map(str, BLANKS))}"
    return Report(subject.name, systems[0].label, sizes, dtype, tuple(outcomes))


def _diagnosed(outcome: Outcome, subject: LossSubject, problem: Any) -> Outcome:
    """With what the gradient is instead."""
    if subject.gradient.shape != problem.values[problem.layer.wrt].shape:
        return outcome
    with np.errstate(all="ignore"):  # it may be NaN or huge
        words = diagnosis(problem, subject.gradient.astype(np.float64), sigma(problem)[f"d{problem.layer.wrt}"])
    findings = tuple(replace(finding, diagnosis=words or finding.diagnosis) for finding in outcome.findings)
    return replace(outcome, findings=findings)
