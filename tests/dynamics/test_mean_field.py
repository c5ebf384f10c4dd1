"""Mean-field theory against closed forms and against draws."""

import numpy as np
import pytest

from refseq.dynamics import fixed_point, growth, next_moment


@pytest.mark.parametrize("gain", [0.75, 2.0, 3.0])
def test_relu_and_the_identity_have_closed_forms(gain):
    for q in (0.01, 1.0, 30.0):
        assert next_moment("relu", gain, q) == pytest.approx(gain * q / 2, rel=1e-12)
        assert growth("relu", gain, q) == pytest.approx(gain / 2, rel=1e-12)
        assert next_moment("identity", gain, q, bias=2.0) == pytest.approx(gain * q + 4, rel=1e-12)
        assert growth("identity", gain, q) == pytest.approx(gain, rel=1e-12)


def test_tanh_and_sigmoid_against_draws():
    z = np.random.default_rng(0).normal(size=10**6)
    for q in (0.3, 4.0):
        tanh, sigmoid = np.tanh(q**0.5 * z), 1 / (1 + np.exp(-(q**0.5) * z))
        error = 4 / len(z) ** 0.5  # four standard errors of a mean of numbers in [0, 1]
        assert next_moment("tanh", 1.0, q) == pytest.approx((tanh**2).mean(), abs=error)
        assert growth("tanh", 1.0, q) == pytest.approx(((1 - tanh**2) ** 2).mean(), abs=error)
        assert next_moment("sigmoid", 1.0, q) == pytest.approx((sigmoid**2).mean(), abs=error)
        assert growth("sigmoid", 1.0, q) == pytest.approx(((sigmoid * (1 - sigmoid)) ** 2).mean(), abs=error)


def test_fixed_points():
    assert fixed_point("tanh", 0.9) == fixed_point("tanh", 1.0) == 0.0
    for activation, gain, bias in (("tanh", 2.0, 0.0), ("sigmoid", 8.0, 0.0), ("relu", 1.5, 1.0)):
        q = fixed_point(activation, gain, bias)
        assert q > 0.1
        assert next_moment(activation, gain, q, bias) == pytest.approx(q, rel=1e-9)
    assert fixed_point("relu", 1.0, 1.0) == pytest.approx(2.0)  # q = q/2 + 1


def test_what_is_refused():
    with pytest.raises(ValueError, match="gain: expected one with a fixed point, relu has none at 3"):
        fixed_point("relu", 3.0, 1.0)
    with pytest.raises(ValueError, match="activation: expected one of tanh"):
        growth("softmax", 1.0)
    with pytest.raises(ValueError, match="q: expected a variance, at least 0, got -1"):
        growth("tanh", 1.0, -1.0)
