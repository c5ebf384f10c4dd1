"""A step of a GRU layer is a step of another network, where its gates are shut or open: matrices and all, H = 2."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import z3

import refseq
from proofs.smt.claim import Claim, equal
from refseq.layer import Layer

INPUTS, UNITS = 1, 2
R, Z, N = 0, 1, 2
"""The GRU's gates."""

Arrays = dict[str, Any]


def _reals(name: str, shape: tuple[int, ...]) -> np.ndarray:
    array = np.empty(shape, object)
    for index in np.ndindex(*shape):
        array[index] = z3.Real(name + "".join(f"_{i}" for i in index))
    return array


def _step(over: Layer, params: Arrays, x: np.ndarray, state: np.ndarray) -> np.ndarray:
    return over.forward(params, x, {over.states[0]: state}, target="reference").y[0, 0]


def _gate(params: Arrays, gate: int, x: np.ndarray, h: np.ndarray) -> np.ndarray:
    """sigmoid(W_hx[gate] x + W_hh[gate] h + b_h[gate]), by an output layer on x and h together."""
    merged = refseq.layer("output", INPUTS + UNITS, UNITS, activation="sigmoid")
    weights = np.concatenate([params["W_hx"][gate], params["W_hh"][gate]], axis=1)[None]
    return _step(merged, {"W_yh": weights, "b_y": params["b_h"][gate][None]}, np.concatenate([x, h], axis=2), h)


def gru(reset: int) -> tuple[Arrays, np.ndarray, np.ndarray, np.ndarray, list[Any]]:
    """Parameters, x, h, a step of the layer, and the assumptions r = ``reset`` and z = 0 of all units."""
    over = refseq.layer("gru", INPUTS, UNITS)
    params: Arrays = {name: _reals(name, shape) for name, shape in over.shapes.items()}
    x, h = _reals("x", (1, 1, INPUTS)), _reals("h", (1, 1, UNITS))
    gates = [g == value for gate, value in ((R, reset), (Z, 0)) for g in _gate(params, gate, x, h)]
    return params, x, h, _step(over, params, x, h), gates


def gru_is_elman(planted: bool = False) -> Iterator[Claim]:
    """z = 0 and r = 1: the simple recurrent network with the weights of the candidate. Planted: r = 0."""
    params, x, h, made, gates = gru(0 if planted else 1)
    elman = refseq.layer("elman", INPUTS, UNITS)
    candidate = {name: value[N : N + 1] for name, value in params.items()}
    yield from equal("gru = elman", made, _step(elman, candidate, x, h), *gates)


def gru_is_feed_forward(planted: bool = False) -> Iterator[Claim]:
    """z = 0 and r = 0: a layer that does not look at h_{t-1}. Planted: r = 1."""
    params, x, h, made, gates = gru(1 if planted else 0)
    ahead = refseq.layer("output", INPUTS, UNITS, activation="tanh")
    weights = {"W_yh": params["W_hx"][N : N + 1], "b_y": params["b_h"][N : N + 1]}
    yield from equal("gru = feed-forward", made, _step(ahead, weights, x, _reals("y", h.shape)), *gates)
