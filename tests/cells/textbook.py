"""Forward passes as a textbook writes them: whole vectors, one formula after another, one sequence at a time.

Nothing here shares code or style with the cells; what it computes is compared with them. A function takes one time
step: the weights ``w`` by name, the input vector, the old states, ``drop`` (the dropout mask of everything that a
recurrent matrix is applied to), and the recurrence's options. It returns the new states. Numbers are numpy floats or,
in object arrays, anything with arithmetic, comparison, ``exp``, ``tanh`` and ``sqrt``: numpy calls those methods.
"""

import numpy as np


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def softmax(z):
    return np.exp(z) / np.exp(z).sum()


FUNCTIONS = {
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "relu": lambda z: np.where(z > 0, z, 0 * z),
    "identity": lambda z: z,
    "softmax": softmax,
}


def elman(w, x, h, *, drop, activation="tanh"):
    """Elman 1990."""
    return (FUNCTIONS[activation](w["W_hx"][0] @ x + w["W_hh"][0] @ (drop * h) + w["b_h"][0]),)


def output(w, x, y, *, drop, activation="identity"):
    """The output layer y_t = g(W_yh h_t + b_y)."""
    return (FUNCTIONS[activation](w["W_yh"][0] @ x + w["b_y"][0]),)


def jordan(w, x, y, *, drop, activation="tanh", output="tanh", outputs=None):
    """Jordan 1986."""
    h = FUNCTIONS[activation](w["W_hx"][0] @ x + w["W_hy"][0] @ (drop * y) + w["b_h"][0])
    return (FUNCTIONS[output](w["W_yh"][0] @ h + w["b_y"][0]),)


def skip(w, x, *past, drop, activation="tanh", delay=2):
    """A second connection from d steps ago; ``past`` is h_{t-1}, ..., h_{t-d}."""
    recent, old = w["W_hh"][0] @ (drop * past[0]), w["W_hd"][0] @ (drop * past[delay - 1])
    return (FUNCTIONS[activation](w["W_hx"][0] @ x + recent + old + w["b_h"][0]), *past[:-1])


def additive(w, x, h, *, drop, activation="tanh"):
    """Identity matrix and linear function: the memory only adds up."""
    return (h + FUNCTIONS[activation](w["W_hx"][0] @ x + w["b_h"][0]),)


def leaky(w, x, h, *, drop, activation="tanh", mu=0.5, learn="no"):
    """A leaky integrator."""
    if learn != "no":
        mu = sigmoid(w["mu_logit"])
    return (mu * h + (1 - mu) * elman(w, x, h, drop=drop, activation=activation)[0],)


def gru(w, x, h, *, drop, reset="before"):
    """Cho et al. 2014; with reset="after", NVIDIA's cuDNN."""
    (Wr, Wz, Wn), (Ur, Uz, Un), (br, bz, bn) = w["W_hx"], w["W_hh"], w["b_h"]
    r, z = sigmoid(Wr @ x + Ur @ (drop * h) + br), sigmoid(Wz @ x + Uz @ (drop * h) + bz)
    inner = Un @ (r * h * drop) if reset == "before" else r * (Un @ (drop * h) + w["b_hn"])
    return (z * h + (1 - z) * np.tanh(Wn @ x + bn + inner),)


def normalised(v):
    """Ba, Kiros, Hinton 2016, for the units of one gate."""
    centred = v - v.sum() / len(v)
    return centred / np.sqrt((centred * centred).sum() / len(v) + v.dtype.type(1e-5))


def lstm_gates(w, x, h, names, drop, normalise):
    """What goes into each gate: one product with the stacked matrix [W_hx W_hh], cut into pieces."""
    if normalise:
        return [
            w[f"gain_hx_{k}"] * normalised(W @ x) + w[f"gain_hh_{k}"] * normalised(U @ (drop * h)) + b
            for k, W, U, b in zip(names, w["W_hx"], w["W_hh"], w["b_h"], strict=False)
        ]
    stacked = np.concatenate([w["W_hx"], w["W_hh"]], axis=2)
    return list(stacked @ np.concatenate([x, drop * h]) + w["b_h"][: len(stacked)])


def lstm_output(w, o, c, activation, projection, normalise):
    """The shown part of the memory; Sak et al. 2014 multiply it by a matrix."""
    shown = w["gain_c"] * normalised(c) + w["b_c"] if normalise else c
    m = o * FUNCTIONS[activation](shown)
    return m if projection is None else w["W_hm"][0] @ m


def clipped(c, bound):
    return c if bound is None else np.where(c > bound, c * 0 + bound, np.where(c < -bound, c * 0 - bound, c))


def lstm(
    w,
    x,
    h,
    c,
    *,
    drop,
    gate_activation="sigmoid",
    cell_activation="tanh",
    hidden_activation="tanh",
    clip=None,
    projection=None,
    normalise=False,
):
    """Gers, Schmidhuber, Cummins 2000."""
    gate = FUNCTIONS[gate_activation]
    i, f, g, o = lstm_gates(w, x, h, "ifgo", drop, normalise)
    c = clipped(gate(f) * c + gate(i) * FUNCTIONS[cell_activation](g), clip)
    return lstm_output(w, gate(o), c, hidden_activation, projection, normalise), c


def lstm_no_forget(w, x, h, c, *, drop, clip=None, projection=None, normalise=False):
    """Hochreiter, Schmidhuber 1997: the memory is only added to."""
    i, g, o = lstm_gates(w, x, h, "igo", drop, normalise)
    c = clipped(c + sigmoid(i) * np.tanh(g), clip)
    return lstm_output(w, sigmoid(o), c, "tanh", projection, normalise), c


def lstm_coupled(w, x, h, c, *, drop, clip=None, projection=None, normalise=False):
    """The input gate is what the forget gate leaves."""
    f, g, o = lstm_gates(w, x, h, "fgo", drop, normalise)
    c = clipped(sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(g), clip)
    return lstm_output(w, sigmoid(o), c, "tanh", projection, normalise), c


def peepholes(w, gates, drop, peephole):
    """For each of these gates, the function that it sees of the memory."""
    if peephole == "diagonal":
        return [lambda c, k=k: w[f"w_c{k}"] * c for k in gates]
    return [lambda c, V=V: V @ (drop * c) for V in w["W_hc"]]


def lstm_peephole(w, x, h, c, *, drop, peephole="diagonal", output_sees="old", clip=None, projection=None):
    """Gers, Schmidhuber 2000; in the lectures the output gate sees the old memory, in the paper the new one."""
    (i, f, g, o), (Vi, Vf, Vo) = lstm_gates(w, x, h, "ifgo", drop, False), peepholes(w, "ifo", drop, peephole)
    new = clipped(sigmoid(f + Vf(c)) * c + sigmoid(i + Vi(c)) * np.tanh(g), clip)
    o = sigmoid(o + Vo(new if output_sees == "new" else c))
    return lstm_output(w, o, new, "tanh", projection, False), new


def lstm_peephole_coupled(w, x, h, c, *, drop, peephole="diagonal", output_sees="old", clip=None, projection=None):
    """Both variants at once."""
    (f, g, o), (Vf, Vo) = lstm_gates(w, x, h, "fgo", drop, False), peepholes(w, "fo", drop, peephole)
    f = sigmoid(f + Vf(c))
    new = clipped(f * c + (1 - f) * np.tanh(g), clip)
    o = sigmoid(o + Vo(new if output_sees == "new" else c))
    return lstm_output(w, o, new, "tanh", projection, False), new
