"""The tests behind the sentences: what is true passes, what is planted does not, and neither does noise."""

import numpy as np
import pytest

from refseq.experiments.statistics import above, always, below, equals, exactly, often, oftener, seldom

SAMPLE = np.random.default_rng(0).normal(1.5, 0.05, 40)


def test_equality_needs_a_narrow_sample_near_the_theory():
    assert equals("L0", "growth", SAMPLE, 1.5, 0.05).passed
    assert not equals("L0", "growth", SAMPLE, 1.58, 0.05).passed  # a wrong constant
    assert not equals("L0", "growth", SAMPLE[:3], 1.5, 0.05).passed  # too few
    assert not equals("L0", "growth", SAMPLE[:1], SAMPLE[0], 0.05).passed  # one lucky seed
    assert not equals("L0", "growth", 1.5 + 20 * (SAMPLE - 1.5), 1.5, 0.05).passed  # noise
    assert not equals("L0", "growth", [*SAMPLE, np.nan], 1.5, 0.05).passed


def test_false_alarms_are_as_rare_as_stated():
    """At the border of the margin, the worst case, about 1 in 100 pass."""
    rng = np.random.default_rng(1)
    passed = sum(equals("L0", "x", rng.normal(1.05, 0.03, 10), 1.0, 0.05).passed for _ in range(1000))
    assert 2 <= passed <= 20


def test_sides():
    assert below("L0", "x", SAMPLE, 1.6).passed
    assert above("L0", "x", SAMPLE, 1.4).passed
    for bound in (1.5, 1.4):
        assert not below("L0", "x", SAMPLE, bound).passed
    assert not above("L0", "x", SAMPLE, 1.6).passed
    assert not above("L0", "x", SAMPLE[:1], 0.0).passed


def test_what_happens_in_some_seeds():
    """The probabilities of k of n heads, by hand; few seeds never suffice, however they fall."""
    assert often("L0", "x", [True] * 7).passed  # 2^-7 < 0.01
    assert not often("L0", "x", [True] * 6).passed
    assert not often("L0", "x", [True] * 7 + [False]).passed  # 9 / 256
    assert often("L0", "x", [1.0] * 13 + [0.0], 0.5).passed  # 15 / 2^14
    assert not often("L0", "x", [True] * 40, 0.9).passed  # 0.9^40 = 0.015
    assert often("L0", "x", [True] * 44, 0.9).passed
    assert seldom("L0", "x", [False] * 7).passed
    assert not seldom("L0", "x", [False] * 6).passed
    assert not seldom("L0", "x", [True] * 7).passed
    assert not often("L0", "x", []).passed
    assert not seldom("L0", "x", []).passed
    told = often("L0", "x", [True] * 7 + [False])
    lower = 0.875 - told.spread  # Clopper and Pearson: with this probability 7 or 8 of 8 would be seen once in 200
    assert lower**8 + 8 * lower**7 * (1 - lower) == pytest.approx(0.005, rel=1e-6)
    assert told.figure == "0.88 ± 0.51"
    assert told.sentence.endswith("above 0.5: p = 0.04, 8 seeds]: not reproduced")


def test_the_sign_test():
    """Seeds that are alike say nothing; those that differ are counted, not weighed."""
    assert oftener("L0", "x", [1, 2, 1, 1, 1, 1, 3, 0, 0]).passed  # 7 of 7
    assert not oftener("L0", "x", [1, 1, 1, 1, 1, 1, 0, 0, 0]).passed  # 6 of 6
    assert not oftener("L0", "x", [100, 100, 100, 100, 100, 100, 100, -1]).passed  # 7 of 8
    assert not oftener("L0", "x", [0] * 20).passed
    assert not oftener("L0", "x", [-1] * 20).passed
    assert not oftener("L0", "x", [np.nan] * 20).passed
    assert "seeds that differ: 7 of 9" in oftener("L0", "x", [1] * 7 + [0] * 2).sentence


def test_theorems_and_numbers():
    assert always("L0", "x", [0.5, 1.0], 1.0, "at most 1").passed
    assert not always("L0", "x", [0.5, 1.0 + 1e-15], 1.0, "at most 1").passed
    assert not always("L0", "x", [0.5, np.nan], 1.0, "at most 1").passed
    assert exactly("L0", "x", 1.01**999, 1.01**999, 1e-12).passed
    assert not exactly("L0", "x", 1.01**998, 1.01**999, 1e-12).passed
    assert not exactly("L0", "x", float("nan"), 1.0, 1e-12).passed


def test_the_sentence_says_all():
    told = equals("L0.3", "second moment grows per step", SAMPLE, 1.5, 0.05)
    assert told.sentence.startswith("second moment grows per step: 1.497 ± 0.017")
    assert "±" in told.figure
    assert told.sentence.endswith("40 seeds]: reproduced")
    assert "theory 1.5" in told.sentence
    assert exactly("L0", "x", 2.0, 2.0, 0.1).figure == "2"


@pytest.mark.parametrize("size", [1e-7, 1e7])
def test_figures_of_any_size(size):
    assert "±" in equals("L0", "x", SAMPLE * size, size, size).figure
