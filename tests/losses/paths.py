"""Connectionist temporal classification by looking at every path, in exact rationals."""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import product

import numpy as np


def spelled(path, blank=0):
    """What a path spells."""
    return tuple(k for t, k in enumerate(path) if k != blank and (t == 0 or path[t - 1] != k))


@dataclass
class Mass:
    """The probability of all paths that spell something, and of those among them that take a class in a frame."""

    total: Fraction = Fraction(0)
    taken: dict = field(default_factory=dict)


def masses(y, blank=0):
    """For probabilities y[t][k]: by what is spelled, its mass."""
    found: dict[tuple, Mass] = {}
    for path in product(range(len(y[0]) if y else 1), repeat=len(y)):
        p = Fraction(1)
        for t, k in enumerate(path):
            p *= y[t][k]
        mass = found.setdefault(spelled(path, blank), Mass())
        mass.total += p
        for place in enumerate(path):
            mass.taken[place] = mass.taken.get(place, 0) + p
    return found


def drawn(steps, classes, seed=0):
    """Weights, small integers, and the probabilities that are proportional to them."""
    weights = np.random.default_rng([seed, steps, classes]).integers(1, 10, (steps, classes)).tolist()
    return weights, [[Fraction(w, sum(frame)) for w in frame] for frame in weights]


def every_target(classes, longest, blank=0):
    """All sequences of labels up to this length, padded by -1, and their lengths."""
    labels = [k for k in range(classes) if k != blank]
    targets = [target for length in range(longest + 1) for target in product(labels, repeat=length)]
    padded = np.full((len(targets), longest), -1)
    for row, target in enumerate(targets):
        padded[row, : len(target)] = target
    return targets, padded, np.array([len(target) for target in targets])
