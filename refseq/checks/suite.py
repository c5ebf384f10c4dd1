"""The list of checks, and what runs it: ``verify`` for a report, ``parametrize_with_checks`` for pytest."""

from collections.abc import Callable, Iterable, Iterator

import numpy as np

from refseq.arguments import dtype_name, integer
from refseq.checks.accuracy import GRADIENTS, VALUES
from refseq.checks.budget import blind
from refseq.checks.check import Check, Undecided
from refseq.checks.control import sensitivity
from refseq.checks.directional import ADJOINT, COMPLEX_STEP, DIFFERENCES
from refseq.checks.exact import Unenclosed, enclose
from refseq.checks.implementation import Implementation
from refseq.checks.own import AGREEMENT, FINITE_FIELD
from refseq.checks.problem import Problem, draw
from refseq.checks.properties import PROPERTIES
from refseq.checks.subject import Subject
from refseq.checks.verdict import FAIL, NOT_OFFERED, UNDECIDED, Outcome, Report
from refseq.layer import Layer
from refseq.stack import Stack

ACCURACY: tuple[Check, ...] = (VALUES, GRADIENTS, ADJOINT, DIFFERENCES, COMPLEX_STEP, FINITE_FIELD, AGREEMENT)
"""Checks that ask whether numbers are right."""

DRAWS, AGAIN = (1, 1, 2, 2, 4, 4), 1_000_003
"""What weights are divided by, draw by draw, before a problem's checks come out undecided, and how far apart the seeds
are. Gates that are not bounded explode where others saturate."""

QUICK: tuple[Check, ...] = tuple(check for check in ACCURACY if check is not COMPLEX_STEP)
"""All that a quick look has: the complex step costs a compilation of its own."""

CHECKS: tuple[Check, ...] = (*ACCURACY, *PROPERTIES)
"""Every check, in the order in which they run."""


def problems(layer: Layer | Stack, dtype: str = "float64", quick: bool = False, seed: int = 0) -> list[Problem]:
    """The problems a layer is judged on; the first has padded rows, the second is longer than 8 steps."""

    def judgeable(steps: int, rows: int, regime: str = "generic", padded: bool = True) -> Problem:
        """With values drawn again where they cannot be judged: saturated to the last bit, exploding, or on a kink."""
        drawn = [draw(layer, dtype, steps, rows, regime, padded, seed)]
        for number, weaker in enumerate(DRAWS[1:], 1):
            if _judgeable(drawn[-1]):
                break
            drawn.append(draw(layer, dtype, steps, rows, regime, padded, seed + AGAIN * number, weaker))
        return drawn[-1]

    chosen = [judgeable(5, 4), judgeable(11, 2, padded=False)]
    if not quick:
        chosen += [
            judgeable(1, 1, padded=False),
            judgeable(4, 3, "saturated", padded=False),
            judgeable(4, 3, "tiny"),
            judgeable(4, 3, "coarse"),
            judgeable(9, 3, "sparse"),
            judgeable(4, 3, "large", padded=False),
            judgeable(4, 3, "zero state", padded=False),
        ]
    return chosen


def _judgeable(problem: Problem) -> bool:
    """Whether an error would be seen: the negative control, on the true values."""
    try:
        if blind(problem) is not None:
            return False
        with np.errstate(over="ignore"):
            true = {name: enclosure.high.astype(problem.dtype) for name, enclosure in enclose(problem).items()}
            sensitivity("true values", problem, true)
    except (Unenclosed, Undecided):
        return False
    return True


def plan(
    implementation: Implementation, layer: Layer | Stack, dtype: str, quick: bool, seed: int
) -> Iterator[tuple[Check, Subject, Problem]]:
    """Every check with the problems it is put on."""
    subject = Subject(implementation, layer)
    # properties speak of one kind of cell; the cells of a stack have theirs
    checks = QUICK if quick else CHECKS if isinstance(layer, Layer) else ACCURACY
    for number, problem in enumerate(problems(layer, dtype, quick, seed)):
        for check in checks:
            if (number == 0 or check.everywhere) and check.applies(subject, problem):
                yield check, subject, problem


def verify(
    implementation: Implementation,
    layer: Layer | Stack,
    dtype: str = "float64",
    *,
    quick: bool = False,
    seed: int = 0,
    progress: Callable[[Outcome], None] | None = None,
) -> Report:
    """Judge an implementation of a layer in one precision.

    ``quick`` leaves out the properties, the complex step and seven of the nine problems; ``progress`` is called after
    every check. The report's verdict is "pass", "fail", "undecided" or "not offered", with findings and reasons;
    whatever the implementation raises becomes a finding. Raises ValueError for an unknown dtype.
    """
    dtype, seed = dtype_name("dtype", dtype), integer("seed", seed, 0)
    subject, outcomes = Subject(implementation, layer), []
    for check, subject, problem in plan(implementation, layer, dtype, quick, seed):
        outcomes.append(check.run(subject, problem))
        if progress:
            progress(outcomes[-1])
    return Report(subject.name, layer.label, layer.sizes, dtype, tuple(outcomes), subject.activations, quick)


def parametrize_with_checks(
    pairs: Iterable[tuple[Implementation, Layer | Stack]], dtype: str = "float64", *, quick: bool = False, seed: int = 0
) -> Callable:
    """Decorate a pytest function of one argument ``check`` that calls ``check()``: a case for every check and problem.

    A check that fails raises AssertionError with its findings; one that is undecided or not offered is skipped with its
    reason.
    """
    import pytest

    cases = []
    for implementation, layer in pairs:
        for check, subject, problem in plan(implementation, layer, dtype, quick, seed):
            name = f"{subject.name}-{layer}-{check.name}-{problem.label}"
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
