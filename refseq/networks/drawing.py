"""Initial parameters by the names and shapes of a network's arrays."""

from collections.abc import Collection, Mapping

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments, initialise


def draw(
    shapes: Mapping[str, tuple[int, ...]],
    inputs: Collection[str],
    seed: int,
    scheme: str,
    dtype: DTypeLike,
    gain: float,
) -> dict[str, np.ndarray]:
    """Draw every matrix by the scheme, as ``Layer.initialise`` does; biases and whatever is no matrix are zero.
    ``inputs``: the matrices that act on an input."""
    rng, dtype = _settled(seed, scheme, dtype, gain)
    return {
        name: initialise.matrices(rng, scheme, shape, gain, name not in inputs, dtype)
        if name.startswith("W_")
        else np.zeros(shape, dtype)
        for name, shape in shapes.items()
    }


def draw_all(
    shapes: Mapping[str, tuple[int, ...]], seed: int, scheme: str, dtype: DTypeLike, gain: float
) -> dict[str, np.ndarray]:
    """Draw every array by the scheme, all acting on inputs: matrices, and vectors as matrices of one row."""
    rng, dtype = _settled(seed, scheme, dtype, gain)
    stacks = {name: (1, *((1,) * (2 - len(shape))), *shape) for name, shape in shapes.items()}
    return {
        name: initialise.matrices(rng, scheme, stack, gain, False, dtype).reshape(shapes[name])
        for name, stack in stacks.items()
    }


def _settled(seed: int, scheme: str, dtype: DTypeLike, gain: float) -> tuple[np.random.Generator, str]:
    """What is drawn with, and in what. Raises TypeError or ValueError naming the argument."""
    arguments.choice("scheme", scheme, initialise.SCHEMES)
    name = arguments.dtype_name("dtype", dtype)
    if arguments.number("gain", gain) <= 0:
        raise ValueError(f"gain: expected a positive number, got {gain}")
    return np.random.default_rng(arguments.integer("seed", seed, 0)), name
