"""Changes of names that a layer cannot notice: units of every part and features of x, in another order and with other
signs.

A relabelling acts on every tensor of a problem and of its answer, and the two actions are the same one: a gradient is
relabelled like what it is the gradient of, an output like its cotangent (the change of names is orthogonal).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from refseq.layer import Layer

Arrays = dict[str, np.ndarray]

ODD: Mapping[str, tuple[str, ...]] = {
    "elman(activation=tanh)": ("h",),
    "elman(activation=identity)": ("h",),
    "lstm": ("g",),
    "lstm_no_forget": ("g",),
    "lstm_coupled": ("g",),
    "gru(reset=before)": ("n",),
    "gru(reset=after)": ("n", "b_hn"),
    "skip(activation=tanh, delay=2)": ("h",),
    "additive(activation=tanh)": ("h",),
    "leaky(activation=tanh, mu=0.5, learn=no)": ("h",),
    "output(activation=identity)": ("y",),
    "jordan(activation=tanh, output=tanh)": ("h", "y"),
}
"""Cells whose units may change sign, with the gates and parameters that then change theirs: an odd function makes the
candidate, and the other gates see only weights that change with it."""


@dataclass(frozen=True)
class Labels:
    """New names along one axis: new[j] = sign[j] * old[order[j]]."""

    order: np.ndarray
    sign: np.ndarray

    def inverse(self) -> "Labels":
        """Back to the old names."""
        back = np.argsort(self.order)
        return Labels(back, self.sign[back])

    def along(self, axis: int, array: np.ndarray) -> np.ndarray:
        """An array with this axis relabelled."""
        shape = [1] * array.ndim
        shape[axis] = -1
        return np.ascontiguousarray(np.take(array, self.order, axis) * self.sign.astype(array.dtype).reshape(shape))


def keep(size: int) -> Labels:
    """No change."""
    return Labels(np.arange(size), np.ones(size))


def shuffle(rng: np.random.Generator, size: int) -> Labels:
    """Another order: a random one turned by one place where that is the old one."""
    order = rng.permutation(size)
    return Labels(np.roll(order, 1) if np.array_equal(order, np.arange(size)) else order, np.ones(size))


def flip(rng: np.random.Generator, size: int) -> Labels:
    """Other signs: the first at least."""
    sign = rng.choice([-1.0, 1.0], size)
    sign[0] = -1.0
    return Labels(np.arange(size), sign)


def joined(parts: list[Labels]) -> Labels:
    """Of a concatenation."""
    starts = np.cumsum([0, *(len(part.order) for part in parts[:-1])])
    order = np.concatenate([start + part.order for start, part in zip(starts, parts, strict=True)])
    return Labels(order, np.concatenate([part.sign for part in parts]))


@dataclass(frozen=True)
class Relabelling:
    """New names for the features of x and for the entries of every size of every part, in the order of
    ``layer.parts``."""

    layer: Layer
    features: Labels
    sizes: tuple[Mapping[str, Labels], ...]

    def inverse(self) -> "Relabelling":
        """Back to the old names."""
        back = tuple({size: labels.inverse() for size, labels in part.items()} for part in self.sizes)
        return Relabelling(self.layer, self.features.inverse(), back)

    def __call__(self, tensors: Mapping[str, np.ndarray]) -> Arrays:
        """All these tensors under their new names."""
        layer, result = self.layer, dict(tensors)
        if "y" in result:
            result["y"] = self._outputs(layer.layers - 1).along(2, result["y"])
        if "dx" in result:
            result["dx"] = self.features.along(2, result["dx"])
        for name, value in result.items():
            if "state[" in name or name.startswith("mask["):
                inside = name.partition("[")[2][:-1]
                size = "units" if inside == "dropout_h" else layer.cell.layout.size(inside.removeprefix("zoneout_"))
                each = zip(self.sizes, value, strict=True)
                signed = "state[" in name
                result[name] = np.stack([self._plain(of[size], signed).along(v.ndim - 1, v) for of, v in each])
        for part, labels in zip(layer.parts, self.sizes, strict=True):
            layout = part.cell.layout
            columns = self._outputs(part.layer - 1) if part.layer else self.features
            for base, matrix in layout.matrices.items():
                operand = columns if matrix.inputs == "inputs" else labels[matrix.inputs]
                self._rename(result, f"d{base}{part.suffix}", matrix.gates, labels[matrix.outputs], operand)
            for bias in part.cell.biases:
                size = next(stage.size for stage in part.cell.stages if bias.slots[0] in stage.slots)
                self._rename(result, f"d{bias.name}{part.suffix}", bias.slots, labels[size], None)
            for own in part.cell.parameters:
                name = f"d{own.name}{part.suffix}"
                if name in result and not own.shared:
                    result[name] = self._of(own.name, labels["units"]).along(0, result[name])
        return result

    def spread(self, tensors: Mapping[str, np.ndarray]) -> Arrays:
        """Standard deviations under their new names."""
        return {name: np.abs(value) for name, value in self(tensors).items()}

    def _rename(self, result: Arrays, name: str, gates: tuple[str, ...], rows: Labels, operand: Labels | None) -> None:
        """Rows of every block of a matrix or bias, and the columns of a matrix."""
        if name in result:
            value = result[name] if operand is None else operand.along(2, result[name])
            result[name] = np.stack([self._of(g, rows).along(0, v) for g, v in zip(gates, value, strict=True)])

    def _outputs(self, layer: int) -> Labels:
        size = self.layer.cell.layout.size(self.layer.cell.state[0])
        labels = [self.sizes[part.row][size] for part in self.layer.parts if part.layer == layer]
        return joined(labels) if self.layer.merge == "concat" else labels[0]

    def _plain(self, labels: Labels, signed: bool) -> Labels:
        return labels if signed else Labels(labels.order, np.ones(len(labels.order)))

    def _of(self, name: str, labels: Labels) -> Labels:
        """How a gate or a parameter of a unit follows the unit: its sign changes only if it is odd."""
        return self._plain(labels, name in ODD.get(self.layer.cell.label, ()))
