"""Forward passes as a textbook writes them: whole vectors, stacked matrices, one sequence at a time.

Nothing here shares code or style with the cells; what it computes is compared with them.
"""

import numpy as np
from scipy.special import expit

ACTIVATIONS = {"tanh": np.tanh, "sigmoid": expit, "relu": lambda z: z.clip(min=0), "identity": lambda z: z}


def elman(w, x, h, *, activation):
    """One step of an Elman network."""
    return (ACTIVATIONS[activation](w["W_hx"][0] @ x + w["W_hh"][0] @ h + w["b_h"][0]),)


def lstm(w, x, h, c):
    """One step of an LSTM: one product with the stacked matrix [W_hx W_hh], then the gates are cut out."""
    units = h.size
    stacked = np.concatenate([w["W_hx"].reshape(4 * units, -1), w["W_hh"].reshape(4 * units, -1)], axis=1)
    z = stacked @ np.concatenate([x, h]) + w["b_h"].reshape(-1)
    i, f, o = expit(z[:units]), expit(z[units : 2 * units]), expit(z[3 * units :])
    c = f * c + i * np.tanh(z[2 * units : 3 * units])
    return o * np.tanh(c), c


def gru(w, x, h, *, reset):
    """One step of a gated recurrent unit."""
    (Wr, Wz, Wn), (Ur, Uz, Un), (br, bz, bn) = w["W_hx"], w["W_hh"], w["b_h"]
    r, z = expit(Wr @ x + Ur @ h + br), expit(Wz @ x + Uz @ h + bz)
    inner = Un @ (r * h) if reset == "before" else r * (Un @ h + w["b_hn"])
    return (z * h + (1 - z) * np.tanh(Wn @ x + bn + inner),)


STEPS = {"elman": elman, "lstm": lstm, "gru": gru}


def sequence(cell, w, x, states):
    """Outputs (T, H) and final states of one sequence x (T, K) of one layer in one direction."""
    outputs = []
    for x_t in x:
        states = STEPS[cell.name](w, x_t, *states, **cell.options)
        outputs.append(states[0])
    return np.array(outputs, x.dtype).reshape(len(x), states[0].size), states


def forward(layer, params, x, state, lengths):
    """Outputs (T, B, D*H) and final states of a stack of layers in one or two directions."""
    final = {name: value.copy() for name, value in state.items()}
    for number in range(layer.layers):
        y = np.zeros((*x.shape[:2], layer.directions * layer.units), x.dtype)
        for direction in range(layer.directions):
            suffix = ("" if number == 0 else f"_l{number}") + ("_reverse" if direction else "")
            w = {name: params[name + suffix] for name in ("W_hx", "W_hh", "b_h", *layer.cell.parameters)}
            place, order = number * layer.directions + direction, slice(None, None, -1 if direction else 1)
            columns = slice(direction * layer.units, (direction + 1) * layer.units)
            for b, length in enumerate(lengths):
                start = [state[name][place, b] for name in layer.cell.state]
                outputs, end = sequence(layer.cell, w, x[:length, b][order], start)
                y[:length, b, columns] = outputs[order] if length else 0
                for name, value in zip(layer.cell.state, end, strict=True):
                    final[name][place, b] = value
        x = y
    return x, final
