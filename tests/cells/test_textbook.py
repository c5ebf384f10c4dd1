"""Every cell against a textbook's formula, in all directions: within the rounding errors that both may show."""

import numpy as np
import pytest

import refseq
from refseq.checks.budget import THRESHOLD, sigma
from refseq.checks.compare import against_exact
from refseq.checks.problem import draw
from refseq.checks.tensors import forward_tensors
from tests.cells import textbook

VARIANTS = [
    (recurrence.name, dict(cell.options))
    for recurrence in refseq.catalogue().values()
    for cell in recurrence.variants()
]
SHAPES = [{}, {"layers": 2, "bidirectional": True}]


def both(name, options, shape, dtype, regime):
    layer = refseq.layer(name, 3, 4, **shape, **options)
    problem = draw(layer, dtype, 6, 5, regime)
    assert problem.lengths is not None
    theirs = textbook.forward(layer, problem.params, problem.x, problem.state, problem.lengths)
    run = layer.forward(problem.params, problem.x, problem.state, problem.lengths)
    return problem, forward_tensors(*theirs), forward_tensors(run.y, run.state)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("regime", ["generic", "saturated"])
@pytest.mark.parametrize("shape", SHAPES, ids=["plain", "stacked bidirectional"])
@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_the_cell_is_what_the_textbook_says(name, options, shape, regime, dtype):
    problem, theirs, ours = both(name, options, shape, dtype, regime)
    for tensor, value in theirs.items():
        bound = np.sqrt(2) * THRESHOLD * sigma(problem)[tensor]
        assert value.dtype == dtype
        assert np.all(np.abs(value.astype(float) - ours[tensor]) <= bound), tensor


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_the_oracle_agrees_with_the_textbook(name, options):
    problem, theirs, _ = both(name, options, SHAPES[1], "float64", "generic")
    findings, _ = against_exact("values", problem, theirs)
    assert findings == []


def test_a_textbook_with_a_mistake_is_found(monkeypatch):
    """The GRU whose update gate is read the other way round."""
    right = textbook.gru

    def swapped(w, x, h, *, reset):
        w = w | {kind: w[kind][[1, 0, 2]] for kind in ("W_hx", "W_hh", "b_h")}
        return right(w, x, h, reset=reset)

    monkeypatch.setitem(textbook.STEPS, "gru", swapped)
    problem, theirs, _ = both("gru", {}, SHAPES[0], "float32", "generic")
    assert against_exact("values", problem, theirs)[0]
