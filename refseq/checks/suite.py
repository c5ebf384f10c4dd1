"""The list of checks, and what runs it: ``verify`` for a report, ``parametrize_with_checks`` for pytest."""

from collections.abc import Callable, Iterable, Iterator

from refseq.checks.accuracy import GRADIENTS, VALUES
from refseq.checks.check import Check
from refseq.checks.directional import ADJOINT, COMPLEX_STEP, DIFFERENCES
from refseq.checks.implementation import Implementation
from refseq.checks.own import AGREEMENT, FINITE_FIELD
from refseq.checks.problem import Problem, draw
from refseq.checks.properties import PROPERTIES
from refseq.checks.subject import Subject
from refseq.checks.verdict import FAIL, NOT_OFFERED, UNDECIDED, Outcome, Report
from refseq.layer import Layer

ACCURACY: tuple[Check, ...] = (VALUES, GRADIENTS, ADJOINT, DIFFERENCES, COMPLEX_STEP, FINITE_FIELD, AGREEMENT)
"""Checks that ask whether numbers are right: all that a quick look has."""

CHECKS: tuple[Check, ...] = (*ACCURACY, *PROPERTIES)
"""Every check, in the order in which they run."""


def problems(layer: Layer, dtype: str = "float64", quick: bool = False, seed: int = 0) -> list[Problem]:
    """The problems a layer is judged on; the first has padded rows, the second is longer than 8 steps."""
    chosen = [draw(layer, dtype, 5, 4, seed=seed), draw(layer, dtype, 11, 2, padded=False, seed=seed)]
    if not quick:
        chosen += [
            draw(layer, dtype, 1, 1, padded=False, seed=seed),
            draw(layer, dtype, 4, 3, "saturated", padded=False, seed=seed),
            draw(layer, dtype, 4, 3, "tiny", seed=seed),
            draw(layer, dtype, 4, 3, "dyadic", seed=seed),
            draw(layer, dtype, 7, 5, "sparse", seed=seed),
        ]
    return chosen


def plan(
    implementation: Implementation, layer: Layer, dtype: str, quick: bool, seed: int
) -> Iterator[tuple[Check, Subject, Problem]]:
    """Every check with the problems it is put on."""
    subject = Subject(implementation, layer)
    for number, problem in enumerate(problems(layer, dtype, quick, seed)):
        for check in ACCURACY if quick else CHECKS:
            if (number == 0 or check.everywhere) and check.applies(subject, problem):
                yield check, subject, problem


def verify(
    implementation: Implementation,
    layer: Layer,
    dtype: str = "float64",
    *,
    quick: bool = False,
    seed: int = 0,
    progress: Callable[[Outcome], None] | None = None,
) -> Report:
    """Judge an implementation of a layer in one precision.

    ``quick`` leaves out the properties and five of the seven problems; ``progress`` is called after every check. The
    report's verdict is "pass", "fail", "undecided" or "not offered", with findings and reasons; whatever the
    implementation raises becomes a finding. Raises ValueError for an unknown dtype.
    """
    if dtype not in ("float32", "float64"):
        raise ValueError(f"dtype: expected float32 or float64; got {dtype!r}")
    outcomes = []
    for check, subject, problem in plan(implementation, layer, dtype, quick, seed):
        outcomes.append(check.run(subject, problem))
        if progress:
            progress(outcomes[-1])
    activations = getattr(implementation, "activations", "relative")
    return Report(implementation.name, layer.cell.label, layer.sizes, dtype, tuple(outcomes), activations, quick)


def parametrize_with_checks(
    pairs: Iterable[tuple[Implementation, Layer]], dtype: str = "float64", *, quick: bool = False, seed: int = 0
) -> Callable:
    """Decorate a pytest function of one argument ``check`` that calls ``check()``: a case for every check and problem.

    A check that fails raises AssertionError with its findings; one that is undecided or not offered is skipped with its
    reason.
    """
    import pytest

    cases = []
    for implementation, layer in pairs:
        for check, subject, problem in plan(implementation, layer, dtype, quick, seed):
            name = f"{implementation.name}-{layer}-{check.name}-{problem.label}"
            cases.append(pytest.param(_case(check, subject, problem), id=name.replace(" ", "_")))
    return pytest.mark.parametrize("check", cases)


def _case(check: Check, subject: Subject, problem: Problem) -> Callable[[], None]:
    def run() -> None:
        import pytest

        outcome = check.run(subject, problem)
        if outcome.verdict == FAIL:
            raise AssertionError("\n".join(map(str, outcome.findings)))
        if outcome.verdict in (UNDECIDED, NOT_OFFERED):
            pytest.skip(f"{outcome.verdict}: {outcome.reason}")

    return run
