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
    arguments.choice("scheme", scheme, initialise.SCHEMES)
    dtype = arguments.dtype_name("dtype", dtype)
    if arguments.number("gain", gain) <= 0:
        raise ValueError(f"gain: expected a positive number, got {gain}")
    rng = np.random.default_rng(arguments.integer("seed", seed, 0))
    return {
        name: initialise.matrices(rng, scheme, shape, gain, name not in inputs, dtype)
        if name.startswith("W_")
        else np.zeros(shape, dtype)
        for name, shape in shapes.items()
    }
