"""The directional checks see a wrong vjp, and a wrong jvp, and believe right ones."""

import numpy as np
import pytest

from refseq import layer
from refseq.checks import OwnImplementation
from refseq.checks.directional import ADJOINT, COMPLEX_STEP, DIFFERENCES
from refseq.checks.problem import Problem, draw
from refseq.checks.subject import Subject
from refseq.checks.tensors import forward_tensors

LAYER = layer("lstm", 3, 4)


class Scaled(OwnImplementation):
    """One gate's recurrent gradient is wrong by a relative error."""

    def __init__(self, error: float) -> None:
        super().__init__(LAYER, "reference")
        self.error = error

    def vjp(self, *arguments):
        params, x, state = super().vjp(*arguments)
        params["W_hh"][1] *= 1 + self.error
        return params, x, state


class WithJvp(OwnImplementation):
    """A jvp by complex step, times a factor."""

    def __init__(self, factor: float) -> None:
        super().__init__(LAYER, "reference")
        self.factor = factor

    def jvp(self, params, x, state, lengths, dparams, dx, dstate):
        step = 1e-100

        def towards(value, tangent):
            return value + 1j * step * tangent

        run = LAYER.forward(
            {name: towards(value, dparams[name]) for name, value in params.items()},
            towards(x, dx),
            {name: towards(value, dstate[name]) for name, value in state.items()},
            lengths,
            target="reference",
        )
        scale = self.factor / step
        return run.y.imag * scale, {name: value.imag * scale for name, value in run.state.items()}


@pytest.fixture
def problem() -> Problem:
    return draw(LAYER, "float64", 5, 4)


@pytest.mark.parametrize("check", [ADJOINT, DIFFERENCES, COMPLEX_STEP], ids=lambda check: check.name)
def test_a_relative_error_of_1e_6_in_one_gate_is_seen(check, problem):
    assert check.run(Subject(Scaled(0.0), LAYER), problem).verdict == "pass"
    outcome = check.run(Subject(Scaled(1e-6), LAYER), problem)
    assert outcome.verdict == "fail"
    assert [finding.tensor for finding in outcome.findings] == ["dW_hh"]


def test_adjoint_in_float32():
    subject = Subject(OwnImplementation(LAYER), LAYER)
    assert ADJOINT.run(subject, draw(LAYER, "float32", 5, 4)).verdict == "pass"


def test_a_jvp_of_ones_own_is_held_against_vjp(problem):
    assert ADJOINT.run(Subject(WithJvp(1.0), LAYER), problem).verdict == "pass"
    outcome = ADJOINT.run(Subject(WithJvp(1 + 1e-9), LAYER), problem)
    assert outcome.verdict == "fail"
    assert all("own jvp" in finding.message for finding in outcome.findings)
    assert {finding.tensor for finding in outcome.findings} >= {"dW_hx", "dW_hh", "db_h", "dx"}


def test_jvp_gets_zeros_for_all_other_inputs(problem):
    tangents = Subject(WithJvp(1.0), LAYER).jvp(problem, {"dx": np.zeros_like(problem.x)})
    zeros = forward_tensors(np.zeros_like(problem.dy), {name: np.zeros_like(v) for name, v in problem.state.items()})
    for name, value in tangents.items():
        assert np.array_equal(value, zeros[name])


@pytest.mark.parametrize("error", [0.0, 1e-6])
def test_a_gradient_that_is_zero_is_judged_beside_the_others(error):
    """With mu = 1 no parameter counts; the error estimate of the differences is larger than 0, as always."""
    held = layer("leaky", 3, 5, layers=2, bidirectional=True, mu=1.0)

    class Shifted(OwnImplementation):
        def vjp(self, *arguments):
            params, x, state = super().vjp(*arguments)
            params["W_hx"][0, 0, 0] += error
            return params, x, state

    outcome = DIFFERENCES.run(Subject(Shifted(held, "reference"), held), draw(held, "float64", 5, 4))
    assert outcome.verdict == ("fail" if error else "pass"), outcome.reason
    assert [finding.tensor for finding in outcome.findings] == ["dW_hx"] * bool(error)
