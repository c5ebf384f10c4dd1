"""Random problems for a layer, and the distance of an implementation from refseq's reference on them."""

from dataclasses import dataclass

import numpy as np

TOLERANCE = {"float32": 1e-5, "float64": 1e-12}
LENGTHS = np.array([5, 0, 2, 3])


@dataclass
class Problem:
    params: dict
    x: np.ndarray
    state: dict
    dy: np.ndarray
    dstate: dict
    lengths: np.ndarray | None

    @property
    def inputs(self):
        return self.params, self.x, self.state, self.lengths

    @property
    def cotangents(self):
        return self.dy, self.dstate

    def bytes(self):
        arrays = [self.x, self.dy, *self.params.values(), *self.state.values(), *self.dstate.values()]
        return [a.tobytes() for a in arrays]


def problem(layer, dtype="float64", lengths=None, steps=5, rows=4, seed=3):
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return (0.6 * rng.standard_normal(shape)).astype(dtype)

    def states():
        return {name: draw(*layer.state_shape(rows, name)) for name in layer.cell.state}

    params = {name: draw(*shape) for name, shape in layer.shapes.items()}
    x, dy = draw(steps, rows, layer.inputs), draw(steps, rows, layer.outputs)
    return Problem(params, x, states(), dy, states(), lengths)


def distance(found, expected):
    """Largest difference, relative to the largest value; infinite where shape, dtype or NaN differ."""
    if isinstance(expected, dict):
        assert set(found) == set(expected)
        return max((distance(found[name], expected[name]) for name in expected), default=0.0)
    if found.shape != expected.shape or found.dtype != expected.dtype or not np.isfinite(found).all():
        return np.inf
    return float(np.abs(found - expected).max(initial=0) / max(np.abs(expected).max(initial=0), 1e-30))


def expected_forward(layer, params, x, state, lengths):
    """Outputs and final state, computed over Python's floats and rounded to the dtype of x: nothing is compiled."""
    run = layer.forward(_floats(params), _floats(x), _floats(state), lengths, "reference")
    return _arrays(run.y, x.dtype), _arrays(run.state, x.dtype)


def expected_vjp(layer, params, x, state, lengths, dy, dstate):
    """Gradients, computed in the same way."""
    run = layer.forward(_floats(params), _floats(x), _floats(state), lengths, "reference")
    grads = layer.backward(run, _floats(dy), _floats(dstate))
    return tuple(_arrays(value, x.dtype) for value in (grads.params, grads.x, grads.state))


def _floats(value):
    return {n: v.astype(object) for n, v in value.items()} if isinstance(value, dict) else value.astype(object)


def _arrays(value, dtype):
    return {n: v.astype(dtype) for n, v in value.items()} if isinstance(value, dict) else value.astype(dtype)


def forward_distance(implementation, layer, given):
    return max(map(distance, implementation.forward(*given.inputs), expected_forward(layer, *given.inputs)))


def gradient_distance(implementation, layer, given):
    arguments = (*given.inputs, *given.cotangents)
    return max(map(distance, implementation.vjp(*arguments), expected_vjp(layer, *arguments)))
