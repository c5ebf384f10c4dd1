"""Models that decoders are tried on."""

import numpy as np


def prefix_model(seed, symbols, quantised=False):
    """The log-probabilities depend on the whole prefix, which is the state: what follows a wrong parent is wrong."""
    table = np.random.default_rng(seed).normal(size=(4096, symbols)) * 1.5
    if quantised:
        table = np.round(table)
    table -= np.log(np.exp(table).sum(axis=1, keepdims=True))
    if quantised:
        table = np.round(table * 2) / 2

    def step(state, tokens):
        known = (state["seen"] * (symbols + 1) + tokens + 1) % 4093
        return table[known], {"seen": known, "count": [state["count"][0] + 1]}

    return step


def start(rows):
    return {"seen": np.arange(rows) * 7, "count": [np.zeros(rows, int)]}


def log_probability(step, rows, b, first, tokens):
    """Of these tokens after the start, by one step after another."""
    state = {"seen": start(rows)["seen"][b : b + 1], "count": [np.zeros(1, int)]}
    total, given = 0.0, np.array([first])
    for token in tokens:
        logp, state = step(state, given)
        total += logp[0, token]
        given = np.array([token])
    return total
