"""Hidden Markov models in exact rationals, by going through all paths of states: an oracle for small ones."""

from fractions import Fraction
from itertools import product

import numpy as np


def drawn(rng, shape):
    """Rational probabilities along the last axis, none of them 0."""
    parts = rng.integers(1, 20, shape)
    total = parts.sum(axis=-1, keepdims=True)
    found = np.empty(shape, object)
    for index in np.ndindex(*shape):
        found[index] = Fraction(int(parts[index]), int(total[(*index[:-1], 0)]))
    return found


def model(rng, states, symbols):
    return {
        "start": drawn(rng, (states,)),
        "transition": drawn(rng, (states, states)),
        "emission": drawn(rng, (states, symbols)),
    }


def logarithms(probabilities):
    return {name: np.log(value.astype(float)) for name, value in probabilities.items()}


def joint(p, path, x):
    """p(path, x)."""
    found = Fraction(1)
    for t, (state, symbol) in enumerate(zip(path, x, strict=True)):
        found *= (p["transition"][path[t - 1], state] if t else p["start"][state]) * p["emission"][state, symbol]
    return found


def everything(p, x):
    """The likelihood, expected counts, posteriors (T, S), the most probable path and its joint probability."""
    states = len(p["start"])
    counts = {name: np.full(value.shape, Fraction(0), object) for name, value in p.items()}
    posteriors = np.full((len(x), states), Fraction(0), object)
    total, best = Fraction(0), (Fraction(-1), ())
    for path in product(range(states), repeat=len(x)):
        mass = joint(p, path, x)
        total += mass
        best = max(best, (mass, path), key=lambda one: one[0])
        for t, state in enumerate(path):
            posteriors[t, state] += mass
            counts["emission"][state, x[t]] += mass
            if t:
                counts["transition"][path[t - 1], state] += mass
            else:
                counts["start"][state] += mass
    return total, {name: value / total for name, value in counts.items()}, posteriors / total, best
