"""The neural Turing machine as a whole: against torch, by hand, its symmetries, in single precision, by differences."""

import numpy as np
import pytest

import refseq
from refseq.checks.structures.turing_machines import machine_problem
from tests.conftest import framework
from tests.networks.turing_cases import LENGTHS, LSTM, MACHINES, close, everything, problem


@pytest.mark.parametrize(
    ("machine", "target"),
    [*((machine, target) for machine in MACHINES for target in ("reference", "cpu")), (LSTM, "reference")],
    ids=str,
)
def test_values_and_gradients_are_those_of_autograd(machine, target):
    framework("torch")
    from tests.networks import turing_torch

    params, x, state, dy, dstate = given = problem(machine)
    got = everything(machine, given, target=target)
    close(got, turing_torch.everything(machine, params, x, state, LENGTHS, dy, dstate), rtol=1e-9, atol=1e-11)


def copying(bits, locations):
    """A machine that stores while told to, one location after another, and then recalls: location addressing alone."""
    machine = refseq.turing_machine(bits + 2, bits, bits + 2, locations, bits)
    params = {name: np.zeros(shape) for name, shape in machine.shapes.items()}
    store, recall, large, field = bits, bits + 1, 40.0, machine.fields
    params["W_hx"][0, :, : bits + 2] = large * np.eye(bits + 2)
    for kind, moves, stays in (("write", store, recall), ("read", recall, store)):
        W, b = params[f"W_{kind}"][0], params[f"b_{kind}"][0]
        W[field["shift"].start + 2, moves] = W[field["shift"].start + 1, stays] = large
        b[field["gate"]], b[field["sharpen"]] = -large, large
    W, b = params["W_write"][0], params["b_write"][0]
    b[field["erase"]], W[field["erase"], store] = -large, 2 * large
    W[field["add"], :bits] = large * np.eye(bits)
    params["W_yr"][0] = np.eye(bits)
    return machine, params


def test_a_copy_by_hand():
    """Exact up to saturation: every gate is within exp(-40) of 0 or 1."""
    bits, length = 4, 6
    machine, params = copying(bits, length + 2)
    songs = np.random.default_rng(0).choice([-1.0, 1.0], (length, 3, bits))
    x = np.zeros((2 * length, 3, bits + 2))
    x[:length, :, :bits], x[:length, :, bits], x[length:, :, bits + 1] = songs, 1, 1
    run = machine.forward(params, x)
    np.testing.assert_allclose(run.y[length:], songs, atol=1e-15)
    np.testing.assert_allclose(run.state["memory"][:, 1 : length + 1], songs.transpose(1, 0, 2), atol=1e-15)
    np.testing.assert_array_equal(
        run.weights[length:, :, 0].argmax(axis=2), np.tile(np.arange(1, length + 1)[:, None], 3)
    )


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_weights_are_distributions(machine):
    run = machine.forward(*problem(machine)[:3])
    assert (run.weights >= 0).all()
    np.testing.assert_allclose(run.weights.sum(axis=3), 1, rtol=1e-14)


def moved(state, order):
    return state | {"memory": state["memory"][:, order], "weights": state["weights"][:, :, order]}


@pytest.mark.parametrize("machine", MACHINES, ids=str)
def test_a_turned_memory_turns_the_weights(machine):
    params, x, state, dy, dstate = problem(machine)
    order = np.roll(np.arange(machine.locations), 2)
    want = everything(machine, (params, x, state, dy, dstate))
    got = everything(machine, (params, x, moved(state, order), dy, moved(dstate, order)))
    for name in ("memory", "dmemory"):
        want[name] = want[name][:, order]
    for name in ("weights", "dweights"):
        want[name] = want[name][:, :, order]
    close(got, want, rtol=1e-9, atol=1e-11)


def test_without_shifts_locations_have_no_order():
    machine = refseq.turing_machine(2, 3, 5, 6, 4, shift=0)
    params, x, state, _, _ = problem(machine)
    order = np.array([3, 0, 5, 1, 4, 2])
    plain, permuted = machine.forward(params, x, state), machine.forward(params, x, moved(state, order))
    np.testing.assert_allclose(permuted.y, plain.y, rtol=1e-12)
    np.testing.assert_allclose(permuted.weights, plain.weights[..., order], rtol=1e-11)


@pytest.mark.slow
def test_an_lstm_on_the_cpu():
    given = problem(LSTM)
    close(everything(LSTM, given), everything(LSTM, given, target="reference"), rtol=1e-10, atol=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("machine", [*MACHINES, LSTM], ids=str)
def test_single_precision(machine):
    single = everything(machine, problem(machine, "float32"))
    assert {value.dtype for value in single.values()} == {np.dtype("float32")}
    double = everything(machine, problem(machine))
    close(single, double, rtol=2e-3, atol=2e-4)


def test_gradients_by_differences():
    """Once without torch."""
    posed = machine_problem(MACHINES[0], steps=2)
    loss = lambda values: sum(  # noqa: E731
        (posed.cotangents[n] * v).sum() for n, v in posed.function.forward(values, {}, "cpu")[0].items()
    )
    _, record = posed.function.forward(posed.values, {}, "cpu")
    grads, rng = posed.function.backward(record, posed.cotangents), np.random.default_rng(0)
    for name, value in posed.values.items():
        v = rng.normal(size=value.shape)
        up, down = (loss({**posed.values, name: value + step * v}) for step in (1e-6, -1e-6))
        assert (up - down) / 2e-6 == pytest.approx((grads[f"d{name}"] * v).sum(), rel=1e-6, abs=1e-7), name
