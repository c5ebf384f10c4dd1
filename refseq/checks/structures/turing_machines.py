"""Neural Turing machines: one as a function from named arrays to named arrays, examples, and problems."""

from collections.abc import Iterator
from typing import Any

import numpy as np

import refseq
from refseq.checks.function import Arrays, Function, Named, Point, gradients
from refseq.checks.problem import Drawing, spread_lengths
from refseq.checks.structures.kind import Kind, Kinds
from refseq.turing_machine import TuringMachine

STEPS, ROWS = 3, 2


def examples(inputs: int, units: int) -> Iterator[TuringMachine]:
    """Both controllers; one head of each kind, and two."""
    machine = refseq.turing_machine
    yield machine(inputs, 2, units, 4, 3)
    yield machine(inputs, 2, 2, 3, 2, controller="lstm", reads=2, writes=2)


def problems(machine: TuringMachine, dtype: str, seed: int = 0) -> Iterator[Point]:
    """Weights of every size, and few of them."""
    for regime in ("generic", "coarse"):
        yield machine_problem(machine, dtype, regime, seed)


def of_machine(machine: TuringMachine, lengths: np.ndarray) -> Function:
    """Values are its parameters, ``x`` and ``state[...]``; the results ``y`` and ``state[...]``."""

    def states(arrays: Named) -> Arrays:
        return {name: arrays[f"state[{name}]"] for name in machine.states}

    def named(state: Named, before: str = "") -> Arrays:
        return {f"{before}state[{name}]": value for name, value in state.items()}

    def forward(values: Named, _constants: Named, target: str) -> tuple[Arrays, Any]:
        params = {name: values[name] for name in machine.shapes}
        run = machine.forward(params, values["x"], states(values), lengths, target)
        return {"y": run.y} | named(run.state), run

    def backward(run: Any, cotangents: Named) -> Arrays:
        grads = machine.backward(run, cotangents["y"], states(cotangents))
        return gradients(grads.params) | {"dx": grads.x} | named(grads.state, "d")

    return Function(forward, backward)


def machine_problem(
    machine: TuringMachine, dtype: str = "float64", regime: str = "generic", seed: int = 0, steps: int = STEPS
) -> Point:
    """Rows of unequal length, none of it zero: the memory, the weights of every head, what was read before."""
    drawing = Drawing(np.random.default_rng([seed, steps]), regime, dtype)
    shapes = {name: machine.state_shape(ROWS, name) for name in machine.states}
    state = {name: drawing.states(shape) for name, shape in shapes.items()}
    share = np.exp(state["weights"])
    state["weights"] = (share / share.sum(axis=2, keepdims=True)).astype(dtype)
    values = drawing.weights(machine.shapes) | {"x": drawing.signals((steps, ROWS, machine.inputs))}
    values |= {f"state[{name}]": value for name, value in state.items()}
    cotangents = {"y": drawing.signals((steps, ROWS, machine.outputs))}
    cotangents |= {f"state[{name}]": drawing.signals(shape) for name, shape in shapes.items()}
    lengths = spread_lengths(steps, ROWS + 2)[[0, 2]]
    label = f"{regime} T={steps} lengths={','.join(map(str, lengths))}"
    return Point(machine, dtype, label, of_machine(machine, lengths), values, cotangents)


KINDS: Kinds = {
    TuringMachine: Kind(
        examples,
        problems,
        "refseq.turing_machine, networks.turing_machine, step",
        "two sets of values, T = 3, rows of 3 and 1 steps",
    ),
}
