"""Neural Turing machines and problems that their tests share."""

import numpy as np

import refseq

MACHINES = [refseq.turing_machine(2, 3, 5, 6, 4), refseq.turing_machine(2, 3, 4, 7, 3, reads=2, writes=2, shift=2)]
LSTM = refseq.turing_machine(2, 3, 4, 7, 3, controller="lstm", reads=2, writes=2, shift=2)
LENGTHS = np.array([5, 0, 3])
T, B = 5, 3


def problem(machine, dtype="float64", seed=0):
    """Parameters, x, state, cotangents of y and of the last state."""
    rng = np.random.default_rng(seed)
    params = {name: (0.6 * rng.normal(size=shape)).astype(dtype) for name, shape in machine.shapes.items()}
    shapes = {name: machine.state_shape(B, name) for name in machine.states}
    state, dstate = ({name: rng.normal(size=s).astype(dtype) for name, s in shapes.items()} for _ in range(2))
    share = np.exp(state["weights"])
    state["weights"] = (share / share.sum(axis=2, keepdims=True)).astype(dtype)
    x = rng.normal(size=(T, B, machine.inputs)).astype(dtype)
    return params, x, state, rng.normal(size=(T, B, machine.outputs)).astype(dtype), dstate


def everything(machine, given, lengths=LENGTHS, target="cpu"):
    params, x, state, dy, dstate = given
    run = machine.forward(params, x, state, lengths, target)
    grads = machine.backward(run, dy, dstate)
    return {"y": run.y, **run.state, "dx": grads.x} | {f"d{n}": v for n, v in (grads.params | grads.state).items()}


def close(got, want, **bounds):
    assert got.keys() == want.keys()
    for name, value in want.items():
        np.testing.assert_allclose(got[name], value, err_msg=name, **bounds)
