"""Errors planted in a torch module, or in how its parameters are read: each is noticed."""

import dataclasses

import numpy as np
import pytest

from tests.adapters.problems import forward_distance, gradient_distance, problem
from tests.adapters.torch_modules import make


@pytest.mark.parametrize("wrong", ["read by columns", "units swapped", "left out"])
def test_a_wrong_projection_is_noticed(torch, adapter, monkeypatch, wrong):
    right = adapter.stack
    change = {
        "read by columns": lambda W: np.resize(W.T, W.shape),
        "units swapped": lambda W: W[:, [1, 0, 2]],
        "left out": lambda W: np.eye(*W.shape),
    }[wrong]

    def planted(layer, part, params, order):
        stacked = right(layer, part, params, order)
        return dataclasses.replace(stacked, W_hr=change(stacked.W_hr))

    monkeypatch.setattr(adapter, "stack", planted)
    implementation = adapter.TorchImplementation(make(torch, "LSTM proj"))
    given = problem(implementation.layer)
    assert forward_distance(implementation, implementation.layer, given) > 0.01
    assert gradient_distance(implementation, implementation.layer, given) > 0.01


def test_a_missing_gradient_of_the_projection_is_noticed(torch, adapter):
    class Detached(torch.nn.LSTM):
        def forward(self, *inputs):
            self._flat_weights[4] = self._flat_weights[4].detach()
            return super().forward(*inputs)

    implementation = adapter.TorchImplementation(Detached(4, 3, proj_size=2))
    given = problem(implementation.layer)
    assert forward_distance(implementation, implementation.layer, given) <= 1e-12
    assert gradient_distance(implementation, implementation.layer, given) > 0.1


@pytest.mark.parametrize("key", ["LSTM", "GRU", "RNN"])
def test_gates_in_the_wrong_order_are_noticed(torch, adapter, monkeypatch, key):
    right = adapter.stack
    monkeypatch.setattr(adapter, "stack", lambda layer, part, p, order: right(layer, part, p, order[1:] + order[:1]))
    implementation = adapter.TorchImplementation(make(torch, key))
    given = problem(implementation.layer)
    off = forward_distance(implementation, implementation.layer, given)
    assert off > 0.01 if len(implementation.layer.cell.gates) > 1 else off <= 1e-12


def test_a_module_that_drops_a_bias_is_noticed(torch, adapter):
    class Dropping(torch.nn.LSTM):
        def forward(self, *inputs):
            self._flat_weights[3] = torch.zeros_like(self._flat_weights[3])
            return super().forward(*inputs)

    implementation = adapter.TorchImplementation(Dropping(4, 3))
    assert forward_distance(implementation, implementation.layer, problem(implementation.layer)) > 0.01


@pytest.mark.parametrize("bias", [2, 3])
def test_a_missing_gradient_of_either_bias_is_noticed(torch, adapter, bias):
    class Detached(torch.nn.LSTM):
        def forward(self, *inputs):
            self._flat_weights[bias] = self._flat_weights[bias].detach()
            return super().forward(*inputs)

    implementation = adapter.TorchImplementation(Detached(4, 3))
    given = problem(implementation.layer)
    assert forward_distance(implementation, implementation.layer, given) <= 1e-12
    assert gradient_distance(implementation, implementation.layer, given) > 0.1
