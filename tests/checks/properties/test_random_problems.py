"""All properties of refseq's own targets, on configurations that Hypothesis draws."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, note, settings, target
from hypothesis import strategies as st

import refseq
from refseq.checks import OwnImplementation
from refseq.checks.compare import against_exact
from refseq.checks.exact import Unenclosed
from refseq.checks.problem import REGIMES, Problem, draw
from refseq.checks.properties import PROPERTIES
from refseq.checks.subject import Subject
from refseq.checks.verdict import FAIL, NOT_OFFERED, PASS, UNDECIDED
from refseq.layer import Layer
from tests.variants import KINDS

SIZES = st.sampled_from([1, 3, 5, 7])
MOST_WORK = 2500
"""Multiply-adds of a forward pass; the oracle takes about a tenth of a millisecond for each."""


THOROUGH = settings().max_examples > settings.get_profile("default").max_examples
"""Compiling "reference" for a second precision takes longer than all that is checked then."""


class Configuration(NamedTuple):
    layer: Layer
    dtype: str
    steps: int
    rows: int
    regime: str
    padded: bool
    seed: int


VARIANTS = KINDS


@st.composite
def configurations(draw_) -> Configuration:
    """A layer, sizes of which each leaves room for the next, then a regime and a seed: never single numbers."""
    name, options = draw_(st.sampled_from(VARIANTS))
    sizes = {"inputs": draw_(SIZES), "units": draw_(SIZES), "bias": draw_(st.booleans()), "layers": 1, "steps": 1}
    sizes |= {"rows": 1, "bidirectional": False}

    def layer() -> Layer:
        return refseq.layer(name, **{key: sizes[key] for key in sizes if key not in ("steps", "rows")}, **options)

    def work(**changed: int) -> int:
        sizes.update(changed)
        return sizes["steps"] * sizes["rows"] * sum(int(np.prod(s)) for s in layer().shapes.values())

    choices = {"bidirectional": (False, True), "steps": (1, 3, 5, 7), "layers": (1, 2, 3), "rows": (1, 3, 5, 7)}
    for key, values in choices.items():
        fitting = [value for value in values if work(**{key: value}) <= MOST_WORK]
        sizes[key] = draw_(st.sampled_from(fitting))
    dtype, regime = draw_(st.sampled_from(["float64", "float32"])), draw_(st.sampled_from(list(REGIMES)))
    padded, seed = draw_(st.booleans()), draw_(st.integers(0, 2**16))
    return Configuration(layer(), dtype, sizes["steps"], sizes["rows"], regime, padded, seed)


def worst(subject: Subject, problem: Problem) -> float:
    """The largest error in sigma."""
    found = against_exact("", problem, subject.everything(problem))[1]
    return max((entry.sigma for entry in found), default=0.0)


@settings(max_examples=max(10, settings().max_examples // 10))
@given(configurations())
def test_own_targets_have_every_property(drawn: Configuration):
    problem = draw(*drawn)
    note(f"{drawn.layer} {drawn.dtype} {problem.label} seed {drawn.seed}")
    for name in ("cpu", "reference") if drawn.dtype == "float64" or THOROUGH else ("cpu",):
        subject = Subject(OwnImplementation(drawn.layer, name), drawn.layer)
        for check in PROPERTIES:
            if check.applies(subject, problem):
                outcome = check.run(subject, problem)
                assert outcome.verdict != FAIL, (name, check.name, outcome.findings)
                assert outcome.verdict != NOT_OFFERED, (name, check.name, outcome.reason)
                if outcome.verdict == UNDECIDED:  # exact zeros sit on the kink of relu, and there alone
                    assert "relu" in drawn.layer.cell.label, outcome.reason
                    assert "kink" in outcome.reason
    try:
        target(min(worst(subject, problem), 16.0))
    except Unenclosed:
        assert "relu" in drawn.layer.cell.label


CASES = [(bidirectional, dtype) for bidirectional in (False, True) for dtype in ("float32", "float64")]


@pytest.mark.parametrize(
    ("name", "options", "bidirectional", "dtype"),
    [
        pytest.param(*variant, *case, marks=[] if k % len(CASES) == n else pytest.mark.slow)
        for k, variant in enumerate(VARIANTS)
        for n, case in enumerate(CASES)
    ],
)
def test_every_property_that_applies_passes_on_the_first_problem(name, options, bidirectional, dtype):
    layer = refseq.layer(name, 3, 4, layers=1 + bidirectional, bidirectional=bidirectional, **options)
    subject, problem = Subject(OwnImplementation(layer), layer), draw(layer, dtype, 5, 4)
    for check in PROPERTIES:
        if check.applies(subject, problem):
            outcome = check.run(subject, problem)
            assert outcome.verdict == PASS, (check.name, outcome.reason, outcome.findings)
