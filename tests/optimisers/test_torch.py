"""Every optimiser beside torch's, step by step: both are within their rounding errors.

The size of these errors comes from the rule itself, run on numbers whose every operation is rounded at random
(``refseq.fields.noise``): sigma is their standard deviation after the same steps. Two correct programs differ by the
difference of two such errors: 6 sqrt(2) sigma and one rounding of the result.
"""

from functools import cache

import numpy as np
import pytest

from refseq.fields.noise import UNIT_ROUNDOFF, Rounding
from refseq.optimisers import SGD, Adam, RMSprop
from tests.conftest import framework

STEPS, SHAPES = 50, {"W": (2, 3), "b": (4,)}
PAIRS = {
    "sgd": (SGD(0.1), "SGD", {"lr": 0.1}),
    "decay": (SGD(0.1, weight_decay=0.3), "SGD", {"lr": 0.1, "weight_decay": 0.3}),
    "momentum": (SGD(0.1, momentum=0.9), "SGD", {"lr": 0.1, "momentum": 0.9}),
    "dampened": (
        SGD(0.1, momentum=0.8, dampening=0.4, weight_decay=0.01),
        "SGD",
        {"lr": 0.1, "momentum": 0.8, "dampening": 0.4, "weight_decay": 0.01},
    ),
    "nesterov": (
        SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.1),
        "SGD",
        {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.1},
    ),
    "rmsprop": (RMSprop(), "RMSprop", {}),
    "rmsprop, all": (
        RMSprop(0.02, smoothing=0.9, epsilon=1e-3, momentum=0.7, centred=True, weight_decay=0.1),
        "RMSprop",
        {"lr": 0.02, "alpha": 0.9, "eps": 1e-3, "momentum": 0.7, "centered": True, "weight_decay": 0.1},
    ),
    "adam": (Adam(), "Adam", {}),
    "adam, decay": (
        Adam(0.01, beta_1=0.8, beta_2=0.9, epsilon=1e-3, weight_decay=0.1),
        "Adam",
        {"lr": 0.01, "betas": (0.8, 0.9), "eps": 1e-3, "weight_decay": 0.1},
    ),
    "adamw": (Adam(weight_decay=0.1, decoupled=True), "AdamW", {"weight_decay": 0.1}),
    "amsgrad": (Adam(0.01, beta_2=0.9, amsgrad=True), "Adam", {"lr": 0.01, "betas": (0.9, 0.9), "amsgrad": True}),
}


def draw(dtype):
    """Parameters, and gradients for every step that do not depend on them: errors are not amplified."""
    rng = np.random.default_rng(51)
    params = {name: rng.normal(size=shape).astype(dtype) for name, shape in SHAPES.items()}
    return params, [
        {name: rng.normal(1, 1, shape).astype(dtype) for name, shape in SHAPES.items()} for _ in range(STEPS)
    ]


@cache
def sigma(name, dtype):
    """The standard deviation of rounding errors of every parameter after every step."""
    optimiser, (params, gradients) = PAIRS[name][0], draw(dtype)
    rounding = Rounding(UNIT_ROUNDOFF[dtype], 60, 9)
    result = {}
    for key, p in params.items():
        columns = []
        for j, start in enumerate(p.reshape(-1).tolist()):
            x, s = rounding.number(start), tuple(rounding.number(0.0) for _ in optimiser.buffers)
            column = []
            for step, grads in enumerate(gradients, 1):
                h = [rounding.number(value) for value in optimiser.rates(step, optimiser.default_rate)]
                x, s = optimiser.rule(x, rounding.number(float(grads[key].reshape(-1)[j])), s, h)
                column.append(np.std(x.samples))
            columns.append(column)
        result[key] = np.array(columns).T.reshape(STEPS, *p.shape)
    return result


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PAIRS)
def test_fifty_steps(name, dtype):
    torch = framework("torch")
    optimiser, kind, options = PAIRS[name]
    params, gradients = draw(dtype)
    errors, u = sigma(name, dtype), UNIT_ROUNDOFF[dtype]
    theirs = {key: torch.nn.Parameter(torch.tensor(p)) for key, p in params.items()}
    other = getattr(torch.optim, kind)(theirs.values(), **({"lr": 0.01} if kind == "SGD" else {}) | options)
    state = optimiser.initialise(params)
    for step, grads in enumerate(gradients):
        for key, parameter in theirs.items():
            parameter.grad = torch.tensor(grads[key])
        other.step()
        params, state = optimiser.step(params, grads, state)
        for key, p in params.items():
            assert p.dtype == dtype
            bound = 6 * np.sqrt(2) * errors[key][step] + u * np.abs(p)
            assert np.all(np.abs(p - theirs[key].detach().numpy()) <= bound)
    assert state["step"] == STEPS


def test_a_changing_learning_rate():
    torch = framework("torch")
    params, gradients = draw("float64")
    optimiser = Adam()
    theirs = {key: torch.nn.Parameter(torch.tensor(p)) for key, p in params.items()}
    other = torch.optim.Adam(theirs.values())
    state = optimiser.initialise(params)
    for step, grads in enumerate(gradients):
        rate = 0.01 / (step + 1)
        for group in other.param_groups:
            group["lr"] = rate
        for key, parameter in theirs.items():
            parameter.grad = torch.tensor(grads[key])
        other.step()
        params, state = optimiser.step(params, grads, state, rate)
    for key, p in params.items():
        np.testing.assert_allclose(p, theirs[key].detach().numpy(), rtol=1e-13)
