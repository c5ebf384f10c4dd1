"""Every part of the machinery at odd sizes: in single precision no further from the values of double precision than
the reference is, but for what activations are allowed.

The reference's tanh and sigmoid are correct to about one roundoff, the engine's to ``ACTIVATION_ROUNDOFFS``; sums have
the same roundings or, fused, fewer. So the norm of a tensor's error may be that many times larger, twice for chance.
"""

import numpy as np
import pytest

from refseq.checks.problem import draw
from refseq.fields.noise import ACTIVATION_ROUNDOFFS, UNIT_ROUNDOFF
from tests.engine.problems import beyond_budget, everything, interpreted
from tests.variants import KINDS, label, layer

SIZES = [(3, 17, 4, 3, {}), (20, 1, 3, 2, {"bias": False}), (1, 15, 2, 5, {"bidirectional": True, "layers": 2})]
"""Inputs, units, steps, rows, options of the layer."""


@pytest.mark.parametrize("variant", KINDS, ids=label)
def test_the_engine_is_as_close_as_the_reference(variant):
    for inputs, units, steps, rows, options in SIZES:
        problem = draw(layer(variant, inputs, units, **options), "float32", steps, rows)
        ours = everything(problem)
        exact, plain = interpreted(problem, np.float64), interpreted(problem, np.float32)
        assert ours.keys() == exact.keys()
        for name, value in exact.items():
            size, error, usual = (
                float(np.linalg.norm(each)) for each in (value, ours[name] - value, plain[name] - value)
            )
            floor = UNIT_ROUNDOFF["float32"] * size
            assert error <= 2 * ACTIVATION_ROUNDOFFS * max(usual, floor), (problem.label, str(problem.layer), name)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("variant", [("lstm", {"normalise": True}), ("gru", {"reset": "after"})], ids=label)
def test_the_engine_keeps_the_rigorous_budgets(variant, dtype):
    """``refseq verify`` asks this of all cells."""
    assert beyond_budget(draw(layer(variant, 3, 5, bidirectional=True), dtype, 4, 3)) == []
