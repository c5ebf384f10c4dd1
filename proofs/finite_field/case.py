"""A layer with everything it is given drawn from GF(2^61 - 1), and comparison of what two computations say of it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import refseq
from proofs.theorem import Answer, Proved, Refuted
from refseq.arrays import lift
from refseq.checks.problem import spread_lengths
from refseq.fields.residue import MODULUS, Residue
from refseq.layer import Gradients, Layer, Run

Arrays = dict[str, np.ndarray]


def residues(rng: np.random.Generator, *shape: int) -> np.ndarray:
    """Random elements."""
    return lift(rng.integers(0, MODULUS, shape), Residue)


@dataclass(frozen=True)
class Case:
    """Parameters, inputs, states and lengths of a layer, and cotangents of its outputs and final states."""

    layer: Layer
    params: Arrays
    x: np.ndarray
    state: Arrays
    lengths: np.ndarray | None
    dy: np.ndarray
    dstate: Arrays

    @classmethod
    def draw(cls, layer: Layer, steps: int = 5, rows: int = 4, padded: bool = True) -> "Case":
        """Rows of unequal lengths, 0 and T among them, or all of length T."""
        rng = np.random.default_rng(11)

        def named(shapes: Mapping[str, tuple[int, ...]]) -> Arrays:
            return {name: residues(rng, *shape) for name, shape in shapes.items()}

        states = {name: layer.state_shape(rows, name) for name in layer.states}
        lengths = spread_lengths(steps, rows) if padded else None
        x, dy = residues(rng, steps, rows, layer.inputs), residues(rng, steps, rows, layer.outputs)
        return cls(layer, named(layer.shapes), x, named(states), lengths, dy, named(states))

    @property
    def given(self) -> tuple[Arrays, np.ndarray, Arrays, np.ndarray | None]:
        """Arguments of ``Layer.forward``."""
        return self.params, self.x, self.state, self.lengths

    @property
    def asked(self) -> tuple[np.ndarray, Arrays]:
        """Arguments of ``Layer.backward``."""
        return self.dy, self.dstate

    def run(self, **options: Any) -> tuple[Run, Gradients]:
        """Forward and BPTT."""
        run = self.layer.forward(*self.given, target="reference", **options)
        return run, self.layer.backward(run, *self.asked)

    def row(self, b: int) -> "Case":
        """Row b alone, at its own length."""
        end = len(self.x) if self.lengths is None else int(self.lengths[b])
        state, dstate = ({name: v[:, [b]] for name, v in arrays.items()} for arrays in (self.state, self.dstate))
        return Case(self.layer, self.params, self.x[:end, [b]], state, None, self.dy[:end, [b]], dstate)


def every_case(layers: int = 1, bidirectional: bool = False) -> Iterator[tuple[str, Case]]:
    """Every recurrence, its options at their defaults."""
    for name in refseq.catalogue():
        yield name, Case.draw(refseq.layer(name, 2, 3, layers=layers, bidirectional=bidirectional))


def named(run: Run, grads: Gradients) -> Arrays:
    """All results by name."""
    return {"y": run.y} | {f"state[{name}]": value for name, value in run.state.items()} | gradients(grads)


def gradients(grads: Gradients) -> Arrays:
    """All gradients by name."""
    params = {f"d{name}": value for name, value in grads.params.items()}
    return params | {"dx": grads.x} | {f"dstate[{name}]": value for name, value in grads.state.items()}


def equal(pairs: list[tuple[str, Arrays, Arrays]], planted: bool) -> Answer:
    """Whether the two sides of every pair have the same entries; ``planted``: with one entry of the last changed."""
    if planted:
        words, ours, theirs = pairs[-1]
        name = list(theirs)[-1]
        changed = theirs[name].copy()
        changed.flat[-1] = changed.flat[-1] + 1
        pairs = [*pairs[:-1], (words, ours, theirs | {name: changed})]
    entries = 0
    for words, ours, theirs in pairs:
        if ours.keys() != theirs.keys():
            return Refuted(f"{words}: both sides have the same tensors", f"{sorted(ours)} and {sorted(theirs)}")
        for name, value in ours.items():
            wrong = np.argwhere(value != theirs[name]) if value.shape == theirs[name].shape else [value.shape]
            if len(wrong):
                return Refuted(f"{words}: both sides are equal", f"{name} differs at {tuple(map(int, wrong[0]))}")
            entries += value.size
    return Proved(f"{entries} entries of {len(pairs)} pairs of computations")
