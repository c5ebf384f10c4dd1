"""A textbook's recurrences (``tests.cells.textbook``) over time, in layers and in both directions."""

import numpy as np

from tests.cells import textbook


def one_sequence(name, options, w, x, states, masks):
    """The new states after every step of one sequence x (T, I), from the first input to the last.

    ``masks``: "dropout_h" and "zoneout_" with a state's name, each (T, H). Zoneout (Krueger et al. 2017) keeps the old
    value where its mask is 1; what a cell makes of its new memory does not know of it.
    """
    options = dict(options)
    names = state_names(name, options)
    dropout, zoneout = options.pop("dropout", False), options.pop("zoneout", False)
    history = []
    for t, x_t in enumerate(x):
        drop = masks["dropout_h"][t] if dropout else 1
        new = getattr(textbook, name)(w, x_t, *states, drop=drop, **options)
        if zoneout:
            kept = [masks[f"zoneout_{state}"][t] for state in names]
            new = [z * old + (1 - z) * made for z, old, made in zip(kept, states, new, strict=True)]
        states = new
        history.append(states)
    return history, states


def state_names(name, options):
    """What the states are called."""
    if name == "skip":
        return ["h", *(f"h_{k}_back" for k in range(2, options.get("delay", 2) + 1))]
    return {"jordan": ["y"], "output": ["y"]}.get(name, ["h", "c"] if name.startswith("lstm") else ["h"])


def weights(params, suffix, dtype):
    """The parameters of one layer and direction by their bare names; a bias that is not there is zero."""
    mine = {}
    for key, value in params.items():
        bare = key.removesuffix(suffix)
        if key.endswith(suffix) and not bare.endswith(("_l1", "_reverse")):
            mine[bare] = value
    zero = np.zeros((len(mine.get("W_hx", "1")), 1), dtype)
    return {"b_h": zero, "b_y": zero, "b_hn": zero[0], "b_c": zero[0]} | mine


def forward(variant, problem, *, layers=1, bidirectional=False, merge="concat"):
    """Outputs (T, B, .) and final states of a stack; ``problem``: params, x, state, lengths and masks by name."""
    name, options = variant
    x, directions = problem["x"], 1 + bidirectional
    final = {key: value.copy() for key, value in problem["state"].items()}
    for number in range(layers):
        results = []
        for backward in range(directions):
            suffix = (f"_l{number}" if number else "") + ("_reverse" if backward else "")
            w, place = weights(problem["params"], suffix, x.dtype), number * directions + backward
            width = problem["state"][state_names(name, options)[0]].shape[-1]
            y = np.zeros((*x.shape[:2], width), x.dtype)
            for b, length in enumerate(problem["lengths"]):
                times = range(length)[::-1] if backward else range(length)
                masks = {key: [mask[place, t, b] for t in times] for key, mask in problem["masks"].items()}
                start = [problem["state"][state][place, b] for state in state_names(name, options)]
                history, end = one_sequence(name, options, w, [x[t, b] for t in times], start, masks)
                for t, states in zip(times, history, strict=True):
                    y[t, b] = states[0]
                for state, value in zip(state_names(name, options), end, strict=True):
                    final[state][place, b] = value
            results.append(y)
        x = together(results, merge)
    return x, final


def together(results, merge):
    """Both directions of a layer as one."""
    if len(results) == 1 or merge == "concat":
        return np.concatenate(results, axis=2)
    return (results[0] + results[1]) / (2 if merge == "mean" else 1)
