"""One direction of one layer: the names and shapes of its parameters, and their way into the arrays of the scan."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from refseq import arguments
from refseq.arrays import contiguous, zeros
from refseq.arrays import sample as sample_of
from refseq.cell import Cell
from refseq.primitives import constant
from refseq.targets import Weights

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Part:
    """One direction of one layer: its place in the stack, and its sizes by name: "inputs", "units", the cell's own."""

    cell: Cell
    layer: int
    direction: int
    row: int
    suffix: str
    sizes: Mapping[str, int]
    bias: bool

    @property
    def reverse(self) -> bool:
        """Whether this part runs from the end of each sequence."""
        return self.direction == 1

    @property
    def inputs(self) -> int:
        """Entries of the part's input."""
        return self.sizes["inputs"]

    @cached_property
    def wide(self) -> int:
        """Columns of the scan's arrays: entries of the longest vector."""
        return max(size for name, size in self.sizes.items() if name != "inputs")

    @cached_property
    def _widths(self) -> dict[str, int]:
        return {vector: self.sizes[self.cell.layout.size(vector)] for vector in self.cell.state}

    @cached_property
    def matrix_names(self) -> tuple[str, ...]:
        """Full names of the matrices."""
        return tuple(name + self.suffix for name in self.cell.layout.matrices)

    @cached_property
    def bias_names(self) -> tuple[str, ...]:
        """Full names of the biases, whether or not the part has any."""
        return tuple(bias.name + self.suffix for bias in self.cell.biases)

    def width(self, vector: str) -> int:
        """Entries of a state."""
        return self._widths[vector]

    def mask_width(self, mask: str) -> int:
        """Entries of a mask: of zoneout, those of its state."""
        return self.width(mask.removeprefix("zoneout_")) if mask.startswith("zoneout_") else self.sizes["units"]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """The parameters by full name: gate axis first, then units, then the operand."""
        cell, sizes = self.cell, self.sizes
        result: dict[str, tuple[int, ...]] = {
            name: (len(matrix.gates), sizes[matrix.outputs], sizes[matrix.inputs])
            for name, matrix in cell.layout.matrices.items()
        }
        if self.bias:
            owner = {slot: stage for stage in cell.stages for slot in stage.slots}
            result |= {bias.name: (len(bias.rows), sizes[owner[bias.slots[0]].size]) for bias in cell.biases}
        for parameter in cell.parameters:
            if self.bias or not parameter.bias:
                result[parameter.name] = (1,) if parameter.shared else (sizes["units"],)
        return {name + self.suffix: shape for name, shape in result.items()}

    def blocks(self) -> dict[str, tuple[str, ...]]:
        """What the blocks of each matrix and bias are called, by the parameter's full name."""
        found = {name: matrix.gates for name, matrix in self.cell.layout.matrices.items()}
        found |= {bias.name: bias.rows for bias in self.cell.biases}
        return {name + self.suffix: gates for name, gates in found.items()}

    def pack(self, params: Arrays) -> Weights:
        """The parameters, operand-major for the scan. Raises ValueError, naming the option, for a constant of the cell
        that is not finite in the parameters' dtype."""
        cell, suffix, units = self.cell, self.suffix, self.sizes["units"]
        matrices = tuple(params[name].transpose(2, 0, 1) for name in self.matrix_names)
        sample = matrices[0]
        if self.bias:
            biases = tuple(params[name] for name in self.bias_names)
        else:
            biases = tuple(zeros((len(bias.rows), self.wide), sample) for bias in cell.biases)
        p = zeros((len(cell.own) + len(cell.constants), self.wide), sample)
        for row, parameter in enumerate(cell.parameters):
            if self.bias or not parameter.bias:
                p[row, :units] = params[parameter.name + suffix]
        for row, (name, value) in enumerate(cell.constants.items(), len(cell.own)):
            p[row] = constant(sample_of(sample), arguments.castable(name, value, sample.dtype))
        return Weights(matrices, biases, p)

    def unpack(self, weights: Weights) -> dict[str, np.ndarray]:
        """The adjoint of pack, for gradients."""
        cell, units = self.cell, self.sizes["units"]
        named = zip(cell.layout.matrices, weights.matrices, strict=True)
        result = {name: contiguous(matrix.transpose(1, 2, 0)) for name, matrix in named}
        if self.bias:
            result |= {bias.name: value for bias, value in zip(cell.biases, weights.biases, strict=True)}
        for parameter, row in zip(cell.parameters, weights.p, strict=False):
            if self.bias or not parameter.bias:
                result[parameter.name] = row[:units].sum(keepdims=True) if parameter.shared else row[:units].copy()
        return {name + self.suffix: value for name, value in result.items()}

    def gather(self, names: tuple[str, ...], arrays: Arrays, sample: np.ndarray) -> np.ndarray:
        """The part's rows of arrays (L*D, ..., H) as one array (..., S, H) of the scan."""
        shape = next((arrays[name].shape[1:-1] for name in names), ())
        result = zeros((*shape, len(names), self.wide), sample)
        for i, name in enumerate(names):
            mine = arrays[name][self.row]
            result[..., i, : mine.shape[-1]] = mine
        return result

    def scatter(self, states: np.ndarray, arrays: Arrays) -> None:
        """The inverse of gather for states (B, S, H): writes this part's row of every array."""
        for i, name in enumerate(self.cell.state):
            arrays[name][self.row] = states[:, i, : arrays[name].shape[-1]]
