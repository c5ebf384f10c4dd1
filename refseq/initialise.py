"""Initial weights: each scheme is a distribution over one gate's matrix of shape (fan_out, fan_in)."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import DTypeLike

if TYPE_CHECKING:
    from refseq.networks.packing import Part


def gaussian(rng: np.random.Generator, fan_out: int, fan_in: int, gain: float) -> np.ndarray:
    """N(0, gain / fan_in): the lectures' 1.5/n, 2/n and 3/n."""
    return rng.normal(0.0, np.sqrt(gain / fan_in), (fan_out, fan_in))


def glorot(rng: np.random.Generator, fan_out: int, fan_in: int, gain: float) -> np.ndarray:
    """Uniform with variance 2 gain^2 / (fan_in + fan_out). X. Glorot, Y. Bengio, AISTATS 2010, eq. 16."""
    bound = gain * np.sqrt(6.0 / (fan_in + fan_out))
    return rng.uniform(-bound, bound, (fan_out, fan_in))


def he(rng: np.random.Generator, fan_out: int, fan_in: int, gain: float) -> np.ndarray:
    """N(0, 2 gain^2 / fan_in). K. He et al., ICCV 2015, eq. 10."""
    return rng.normal(0.0, gain * np.sqrt(2.0 / fan_in), (fan_out, fan_in))


def orthogonal(rng: np.random.Generator, fan_out: int, fan_in: int, gain: float) -> np.ndarray:
    """gain times a uniformly distributed matrix with orthonormal rows or columns. A. Saxe et al., ICLR 2014."""
    q, r = np.linalg.qr(rng.normal(size=(max(fan_out, fan_in), min(fan_out, fan_in))))
    q *= np.sign(np.diag(r))  # makes the distribution uniform
    return gain * (q if fan_out >= fan_in else q.T)


def identity(rng: np.random.Generator, fan_out: int, fan_in: int, gain: float) -> np.ndarray:
    """gain times the identity for the recurrent matrix. Q. Le, N. Jaitly, G. Hinton, arXiv:1504.00941, section 3."""
    return gain * np.eye(fan_out, fan_in)


SCHEMES: dict[str, Callable[[np.random.Generator, int, int, float], np.ndarray]] = {
    "gaussian": gaussian,
    "glorot": glorot,
    "he": he,
    "orthogonal": orthogonal,
    "identity": identity,
}

INPUT_SCHEME = {"identity": "glorot"}
"""Schemes that make no sense for input weights, and what those get instead."""


def matrices(
    rng: np.random.Generator,
    scheme: str,
    shape: tuple[int, ...],
    gain: float,
    recurrent: bool,
    dtype: DTypeLike = "float64",
) -> np.ndarray:
    """A stack of gate matrices (G, H, fan_in), drawn gate by gate. Raises ValueError for a gain with which some entry
    would not be finite in the dtype."""
    name = scheme if recurrent else INPUT_SCHEME.get(scheme, scheme)
    try:
        with np.errstate(over="ignore"):
            drawn = np.stack([SCHEMES[name](rng, shape[1], shape[2], gain) for _ in range(shape[0])]).astype(dtype)
    except OverflowError:  # numpy draws nothing uniformly from a range that overflows
        drawn = np.full(shape, np.inf)
    if not np.isfinite(drawn).all():
        raise ValueError(f"gain: expected one that keeps weights finite in {dtype}, got {gain:g}")
    return drawn


def draw(
    part: "Part", rng: np.random.Generator, scheme: str, dtype: DTypeLike, gain: float, forget_bias: float | None
) -> dict[str, np.ndarray]:
    """Parameters of one layer in one direction: matrices by the scheme (recurrent: applied to an old state), biases 0,
    the cell's own parameters at their initial values."""
    cell, found = part.cell, {}
    recurrent = {name + part.suffix: matrix.recurrent for name, matrix in cell.layout.matrices.items()}
    own = {parameter.name + part.suffix: parameter.initial for parameter in cell.parameters}
    for name, shape in part.shapes().items():
        if name in recurrent:
            found[name] = matrices(rng, scheme, shape, gain, recurrent[name], dtype)
        else:
            found[name] = np.full(shape, own.get(name, 0.0), dtype)
            if forget_bias is not None and name == "b_h" + part.suffix:
                found[name][cell.gates.index("f")] = forget_bias
    return found
