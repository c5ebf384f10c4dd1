"""Layers with weights set by hand, run by the plain interpreter on floats."""

import numpy as np

from tests.interpreted import floats, lifted


def run(layer, params, x, state=None, lengths=None):
    """A run of the plain interpreter on Python floats, and a function that pulls cotangents of y and of the final state
    back to a dict of gradients."""
    state = {} if state is None else state
    states = lifted({name: np.zeros(layer.state_shape(x.shape[1], name)) for name in layer.cell.state} | state, float)
    result = layer.forward(lifted(params, float), *lifted({"x": x}, float).values(), states, lengths, "reference")

    def pull(dy=None, **dstate):
        zero = {name: np.zeros(layer.state_shape(x.shape[1], name)) for name in layer.cell.state}
        cotangent = None if dy is None else lifted({"dy": dy}, float)["dy"]
        grads = layer.backward(result, cotangent, lifted(zero | dstate, float))
        return floats(grads.params | {"x": grads.x} | grads.state)

    return result.y.astype(float), floats(result.state), pull


def filled(layer, **blocks):
    """Parameters: zero, but for these values; ``b_h`` or a matrix may be given gate by gate."""
    params = {name: np.zeros(shape) for name, shape in layer.shapes.items()}
    for name, value in blocks.items():
        params[name][...] = value
    return params


def drawn(layer, seed, **blocks):
    """Parameters without a zero, but for these values."""
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape) for name, shape in layer.shapes.items()} | {
        name: np.broadcast_to(np.asarray(value, float), layer.shapes[name]) for name, value in blocks.items()
    }


def per_gate(layer, **values):
    """A bias (G, 1): a number for each gate, 0 for those not named."""
    return np.array([[values.get(gate, 0.0)] for gate in layer.cell.gates])


def sequence(*inputs):
    """One sequence as x (T, 1, I)."""
    return np.array(inputs, float).reshape(len(inputs), 1, -1)
