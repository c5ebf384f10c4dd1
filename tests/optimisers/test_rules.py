"""The rules over other fields: closed forms over GF(2^61 - 1), and the compiled loop against balls."""

import numpy as np
import pytest
from flint import arb

from refseq.arrays import lift
from refseq.fields.ball import precision
from refseq.fields.noise import UNIT_ROUNDOFF
from refseq.fields.residue import MODULUS, Residue
from refseq.optimisers import adam, sgd
from refseq.primitives import sqrt
from tests.optimisers.test_torch import PAIRS, draw, sigma


def residues(seed, count):
    return [Residue(int(v)) for v in np.random.default_rng(seed).integers(1, MODULUS, count)]


def test_momentum_is_a_sum_over_the_past():
    """p_n = p_0 - rate sum_k v_k, v_k = sum_{j <= k} momentum^(k - j) g_j, exactly; Nesterov's looks ahead."""
    p0, rate, mu, *gradients = residues(1, 9)
    p, q, v, w = p0, p0, (Residue(0),), (Residue(0),)
    one, none = Residue(1), Residue(0)
    velocities = []
    for k, g in enumerate(gradients):
        p, v = sgd.heavy_ball(p, g, v, (rate, none, mu, one))
        q, w = sgd.nesterov(q, g, w, (rate, none, mu, one))
        velocities.append(sum((power(mu, k - j) * gradients[j] for j in range(k + 1)), none))
        assert v[0] == w[0] == velocities[-1]
    assert p == p0 - rate * sum(velocities, none)
    assert q == p0 - rate * sum((g + mu * v for g, v in zip(gradients, velocities, strict=True)), none)


def power(x, n):
    return Residue(pow(x.value, n, MODULUS))


def test_decay_is_the_gradient_of_a_penalty():
    p, g, rate, decay = residues(2, 4)
    none = Residue(0)
    assert sgd.plain(p, g, (), (rate, decay))[0] == sgd.plain(p, g + decay * p, (), (rate, none))[0]


def test_adam_over_a_finite_field():
    """The running means in closed form, and the step of them; decoupled decay shrinks the parameter alone."""
    p0, rate, b1, b2, root, epsilon, *gradients = residues(3, 11)
    one, none = Residue(1), Residue(0)
    h = (rate, one, none, one - b1, b2, one - b2, root, epsilon)
    p, s = p0, (none, none)
    for k, g in enumerate(gradients):
        before, (p, s) = p, adam.adam(p, g, s, h)
        mean = (1 - b1) * sum((power(b1, k - j) * gradients[j] for j in range(k + 1)), none)
        square = (1 - b2) * sum((power(b2, k - j) * gradients[j] * gradients[j] for j in range(k + 1)), none)
        assert s == (mean, square)
        assert p == before - rate * mean / (sqrt(square) / root + epsilon)
    shrunk = adam.adam(p0, gradients[0], (none, none), (rate, b1, *h[2:]))[0]
    assert shrunk - b1 * p0 == adam.adam(p0, gradients[0], (none, none), h)[0] - p0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", PAIRS)
def test_the_compiled_loop_against_balls(name, dtype):
    """The same rule over balls, with the same rates: the error of 50 steps is within 6 sigma and one rounding."""
    optimiser = PAIRS[name][0]
    params, gradients = draw(dtype)
    errors = sigma(name, dtype)
    with precision(200):
        balls = {key: lift(p, arb) for key, p in params.items()}
        buffers = {key: [[arb(0)] * p.size for _ in optimiser.buffers] for key, p in params.items()}
        state = optimiser.initialise(params)
        for step, grads in enumerate(gradients):
            h = [arb(float(np.dtype(dtype).type(v))) for v in optimiser.rates(step + 1, optimiser.default_rate)]
            params, state = optimiser.step(params, grads, state)
            for key, ball in balls.items():
                flat, s = ball.reshape(-1), buffers[key]
                for j, g in enumerate(grads[key].reshape(-1).tolist()):
                    flat[j], new = optimiser.rule(flat[j], arb(g), tuple(row[j] for row in s), h)
                    for row, value in zip(s, new, strict=True):
                        row[j] = value
                error = np.array(lift(lift(params[key], arb) - ball, float), float)
                bound = 6 * errors[key][step] + UNIT_ROUNDOFF[dtype] * np.abs(params[key])
                assert np.all(np.abs(error) <= bound)
