"""CTC decoding against every path and every sequence of labels."""

from itertools import product

import numpy as np
import pytest

from refseq.decoding.ctc import beam, collapse, greedy
from refseq.losses import ctc_of_log_probs
from tests.losses.paths import drawn, masses, spelled

EVERYTHING = 10**6
SIZES = [(steps, classes) for steps in range(1, 6) for classes in range(1, 5)]


def logs(y):
    return np.log(np.array(y, float))[:, None]


@pytest.mark.parametrize("blank", [0, 2])
def test_what_a_path_spells(blank):
    for path in product(range(3), repeat=5):
        assert collapse(path, blank) == spelled(path, blank)


def test_a_target_with_blanks_around_its_labels_spells_itself():
    for target in product((1, 2, 3), repeat=4):
        path = [0]
        for label in target:
            path += [label, label, 0]
        assert collapse(path) == target


@pytest.mark.parametrize(("steps", "classes"), SIZES)
def test_full_width_is_exhaustive_search(steps, classes):
    """All sequences of labels, each with the mass of all its paths, the most probable first."""
    for blank in {0, classes - 1}:
        _, y = drawn(steps, classes, 3)
        mass = masses(y, blank)
        (found,) = beam(logs(y), blank=blank, width=EVERYTHING, best=EVERYTHING)
        assert {one.labels for one in found} == set(mass)
        for one in found:
            assert one.log_prob == pytest.approx(np.log(float(mass[one.labels].total)), abs=1e-13)
        assert found[0].labels in {target for target, m in mass.items() if m.total >= mass[found[0].labels].total}
        assert mass[found[0].labels].total == max(m.total for m in mass.values())
        assert sum(np.exp(one.log_prob) for one in found) == pytest.approx(1, rel=1e-13)


def test_the_mass_is_what_the_loss_says():
    rng = np.random.default_rng(3)
    x = np.log(rng.dirichlet(np.ones(4), (6, 3)))
    for row, found in enumerate(beam(x, width=EVERYTHING, best=5)):
        for one in found:
            loss = ctc_of_log_probs(x[:, row : row + 1], np.array([one.labels]).reshape(1, -1), reduction="sum")
            assert one.log_prob == pytest.approx(-loss.value, abs=1e-12)


@pytest.mark.parametrize("width", [1, 2, 3, 8, 64])
def test_a_narrow_beam_loses_mass_and_invents_none(width):
    for steps, classes in [(4, 3), (5, 4)]:
        _, y = drawn(steps, classes, 5)
        mass = masses(y)
        (found,) = beam(logs(y), width=width, best=width)
        assert len(found) <= width
        assert len({one.labels for one in found}) == len(found)
        assert [-one.log_prob for one in found] == sorted(-one.log_prob for one in found)
        for one in found:
            assert one.log_prob <= np.log(float(mass[one.labels].total)) + 1e-13


def test_greedy_is_what_the_best_path_spells():
    for steps, classes in SIZES:
        _, y = drawn(steps, classes, 7)
        (found,) = greedy(logs(y))
        best = [int(np.argmax(frame)) for frame in np.array(y, float)]
        assert found.labels == spelled(best)
        assert found.log_prob == pytest.approx(np.log(np.array(y, float).max(axis=1)).sum())
        assert found.log_prob <= np.log(float(masses(y)[found.labels].total)) + 1e-13


def test_many_paths_beat_the_best_one():
    """p(blank) = 0.6 twice: the best path spells nothing, with 0.36; but a has 0.64."""
    x = np.log(np.array([[[0.6, 0.4]], [[0.6, 0.4]]]))
    assert greedy(x)[0].labels == ()
    (first,), *_ = beam(x, width=4)
    assert first.labels == (1,)
    assert np.exp(first.log_prob) == pytest.approx(0.64)


def test_equal_neighbours_need_a_blank():
    """a a without a blank between is a; a blank makes it two."""
    x = np.log(np.array([[0.1, 0.9], [0.1, 0.9], [0.1, 0.9]]))[:, None]
    assert beam(x)[0][0].labels == (1,)
    x[1] = x[1, :, ::-1]
    assert beam(x)[0][0].labels == (1, 1)


def test_a_prefix_that_was_pruned_comes_back_as_itself():
    """Merged by what is spelled, not by when it was found: no result twice, at any width."""
    for seed in range(20):
        x = np.log(np.random.default_rng(seed).dirichlet(np.full(3, 0.5), (9, 1)))
        for width in (2, 3, 4):
            (found,) = beam(x, width=width, best=width)
            assert len({one.labels for one in found}) == len(found)


def test_lengths_and_batch():
    """A row alone, in a batch, and with NaN beyond its length: the same."""
    rng = np.random.default_rng(2)
    x, lengths = np.log(rng.dirichlet(np.ones(4), (6, 4))), np.array([6, 0, 3, 5])
    for row, n in enumerate(lengths):
        x[n:, row] = np.nan
    for decode in (greedy, lambda *a, **k: beam(*a, **k, width=5, best=3)):
        together = decode(x, lengths=lengths)
        assert together == [decode(x[:n, row : row + 1])[0] for row, n in enumerate(lengths)]
    assert greedy(x, lengths=lengths)[1].labels == ()
    assert [one.labels for one in beam(x, lengths=lengths, width=3, best=3)[1]] == [()]
    assert beam(x[:, :0]) == greedy(x[:, :0]) == []


def test_ties_go_to_the_first():
    """Equal classes: the lowest; equal prefixes: in the order of tuples; the same whatever the machine."""
    x = np.log(np.full((2, 1, 3), 1 / 3))
    assert greedy(x)[0].labels == ()
    (found,) = beam(x, width=EVERYTHING, best=EVERYTHING)
    assert [one.labels for one in found] == [(1,), (2,), (), (1, 2), (2, 1)]
    assert [one.labels for one in beam(x, width=2, best=2)[0]] == [(1,), ()]


def test_a_class_of_probability_zero():
    x = np.log(np.array([[0.5, 0.5, 1e-300], [0.5, 0.5, 1e-300]]))[:, None]
    x[..., 2] = -np.inf
    (found,) = beam(x, width=EVERYTHING, best=EVERYTHING)
    assert {one.labels for one in found} == {(), (1,)}
    x[1] = -np.inf
    assert beam(x) == [[]]


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"log_probs": np.zeros((2, 3))}, ValueError, "log_probs: expected shape (T, B, C), got (2, 3)"),
        ({"log_probs": np.zeros((2, 1, 3), int)}, TypeError, "log_probs: expected dtype float32 or float64, got int64"),
        ({"blank": 3}, ValueError, "blank: expected 0 <= blank < C = 3, got 3"),
        ({"width": 0}, ValueError, "width: expected at least 1, got 0"),
        ({"best": 3, "width": 2}, ValueError, "width: expected at least 3, got 2"),
        ({"lengths": [3]}, ValueError, "lengths[0]: expected 0 <= length <= T = 2, got 3"),
        ({"log_probs": np.full((2, 1, 3), np.nan)}, ValueError, "log_probs: expected numbers below inf, got nan"),
    ],
)
def test_bad_input(change, error, message):
    given = {"log_probs": np.zeros((2, 1, 3))} | change
    with pytest.raises(error) as caught:
        beam(given.pop("log_probs"), **given)
    assert message in str(caught.value)
