"""Problems avoid what has hidden bugs: zeros, uniform values, equal sizes and lengths."""

import numpy as np
import pytest

from refseq.checks.problem import REGIMES, draw, spread_lengths
from tests.examples import LAYERS

layers = pytest.mark.parametrize("layer", LAYERS, ids=str)


def arrays(problem) -> dict[str, np.ndarray]:
    found = {"x": problem.x, "dy": problem.dy, **problem.params}
    for what in ("state", "dstate"):
        found |= {f"{what}[{name}]": value for name, value in getattr(problem, what).items()}
    return found


def test_lengths_are_unequal_and_include_the_extremes():
    for steps, rows in [(6, 5), (3, 4), (9, 11)]:
        lengths = spread_lengths(steps, rows)
        assert {0, steps} <= set(lengths.tolist())
        assert len(set(lengths.tolist())) >= 3
        assert not np.array_equal(lengths, np.sort(lengths))
        assert not np.array_equal(lengths, np.sort(lengths)[::-1])


@pytest.mark.parametrize("steps", [0, 1, 2, 7])
@pytest.mark.parametrize("rows", [0, 1, 6])
def test_lengths_are_legal(steps, rows):
    lengths = spread_lengths(steps, rows)
    assert lengths.shape == (rows,)
    assert np.all((lengths >= 0) & (lengths <= steps))


@layers
def test_nothing_is_zero_or_uniform(layer):
    for name, value in arrays(draw(layer, "float64", 5, 4)).items():
        assert np.unique(value).size == value.size > 1, name
        assert np.all(value != 0), name


@layers
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("regime", REGIMES)
def test_values_are_of_the_dtype(layer, dtype, regime):
    problem = draw(layer, dtype, 4, 3, regime)
    assert problem.dtype == dtype
    assert {value.dtype.name for value in arrays(problem).values()} == {dtype}
    assert regime in problem.label


def test_regimes_are_what_they_say():
    layer = LAYERS[2]
    tiny, coarse, sparse, saturated, generic = (
        arrays(draw(layer, "float64", 6, 5, regime)) for regime in ("tiny", "coarse", "sparse", "saturated", "generic")
    )
    assert all(np.abs(value).max() < 0.01 for value in tiny.values())
    assert np.array_equal(coarse["x"] * 8, np.round(coarse["x"] * 8))
    assert 0.2 < np.mean(sparse["x"] == 0) < 0.8
    assert np.abs(saturated["W_hh"]).mean() > 4 * np.abs(generic["W_hh"]).mean()


def test_the_same_arguments_give_the_same_object():
    layer = LAYERS[0]
    assert draw(layer, "float64", 3, 2) is draw(layer, "float64", 3, 2)
    assert not np.array_equal(draw(layer, "float64", 3, 2).x, draw(layer, "float64", 3, 2, seed=1).x)


def test_counts_are_the_lengths_or_all_steps():
    assert draw(LAYERS[0], "float64", 3, 2, padded=False).counts.tolist() == [3, 3]
    assert draw(LAYERS[0], "float64", 3, 2).counts.tolist() == spread_lengths(3, 2).tolist()
