"""The negative control: a comparison that has gone blind is never believed."""

import numpy as np
import pytest

import refseq
from refseq.checks import OwnImplementation, accuracy, control, verify
from refseq.checks.check import Undecided
from refseq.checks.compare import against_exact
from refseq.checks.control import LARGEST, sensitivity
from refseq.checks.problem import draw
from refseq.checks.verdict import UNDECIDED
from tests.examples import LAYERS, everything, example

LAYER = refseq.layer("lstm", 3, 4)


def blind(monkeypatch, see):
    """Replace the comparison by one that looks only at see(tensors)."""

    def partly(check, problem, tensors, *more, **options):
        return against_exact(check, problem, see(tensors), *more, **options)

    for module in (accuracy, control):
        monkeypatch.setattr(module, "against_exact", partly)


@pytest.mark.parametrize("tensor", ["y", "state[c]", "dW_hx", "dW_hh", "db_h", "dx", "dstate[h]"])
def test_a_tensor_that_is_not_compared_makes_it_undecided(tensor, monkeypatch):
    blind(monkeypatch, lambda tensors: {name: value for name, value in tensors.items() if name != tensor})
    report = verify(OwnImplementation(LAYER), LAYER, quick=True)
    assert report.verdict == UNDECIDED
    assert any(f"negative control: {tensor}" in reason for reason in report.reasons)


def tolerant(tensors):
    """NaN counts as right: the classic mistake of ``error > bound``."""
    return {name: value for name, value in tensors.items() if not np.isnan(value).any()}


def rounded(tensors):
    """A comparison to two digits."""
    problem = example(LAYER)
    right = everything(problem)
    return {
        name: np.where(np.isnan(value), value, np.where(np.abs(value - right[name]) < 0.05, right[name], value))
        for name, value in tensors.items()
    }


@pytest.mark.parametrize(("see", "words"), [(tolerant, "a NaN"), (lambda tensors: {}, "a NaN"), (rounded, "scaled by")])
def test_every_kind_of_blindness_is_undecided(see, words, monkeypatch):
    problem = example(LAYER)
    blind(monkeypatch, see)
    with pytest.raises(Undecided, match=f"negative control: .*{words}"):
        sensitivity("values", problem, {"dW_hh": everything(problem)["dW_hh"]})


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_the_weakest_plant_that_is_seen_is_small(layer, dtype):
    problem = example(layer, dtype)
    found = sensitivity("gradients", problem, everything(problem))
    assert found is not None
    assert np.finfo(dtype).eps <= found.size <= (2.0**-12 if dtype == "float32" else 2.0**-38)


def test_the_sensitivity_is_that_of_the_comparison():
    """A plant of that size in that block is seen, half of it is not."""
    problem = example(LAYER)
    values = everything(problem)["db_h"]
    found = sensitivity("gradients", problem, {"db_h": values})
    gate = LAYER.cell.gates.index(found.place.gate)
    for size, seen in [(found.size, True), (found.size / 2, False)]:
        planted = values.copy()
        planted[gate] *= 1 + size
        assert bool(against_exact("gradients", problem, {"db_h": planted})[0]) == seen
    assert found.size < LARGEST


def test_nothing_to_plant_in_empty_tensors():
    problem = draw(LAYER, "float64", 0, 2, padded=False)
    assert sensitivity("values", problem, {"y": everything(problem)["y"]}) is None
