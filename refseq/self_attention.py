"""A layer of self-attention with several heads, run forward and backward on a target."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments
from refseq.arrays import name_of, zeros
from refseq.networks.attention import heads
from refseq.networks.attention.core import precision_of
from refseq.networks.attention.scene import Tokens, scene_of, whole
from refseq.networks.drawing import draw_all
from refseq.targets import available, run_info
from refseq.targets.visiting import guests

Arrays = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class SelfAttentionRun:
    """A forward pass: outputs y (T, B, I), weights (T, B, heads, T), None for the streaming form, and what backward
    needs. ``info`` says what ran."""

    y: np.ndarray
    weights: np.ndarray | None
    info: Mapping[str, str]
    layer: "SelfAttention" = field(repr=False)
    _recording: heads.Recording = field(repr=False)


@dataclass(frozen=True, eq=False)
class SelfAttentionGradients:
    """Gradients: ``params`` like the parameters, ``x`` like the input."""

    params: Arrays
    x: np.ndarray


@dataclass(frozen=True)
class SelfAttention:
    """An immutable layer of self-attention; make one with ``refseq.self_attention``."""

    inputs: int
    units: int
    heads: int = 1
    causal: bool = True
    streaming: bool = False

    def __post_init__(self) -> None:
        for name in ("inputs", "units", "heads"):
            arguments.integer(name, getattr(self, name), 1)
        for name in ("causal", "streaming"):
            arguments.flag(name, getattr(self, name))
        if self.units % self.heads:
            raise ValueError(f"heads: expected a divisor of units = {self.units}, got {self.heads}")

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name."""
        inner, outer = (self.units, self.inputs), (self.inputs, self.units)
        return {"W_q": inner, "W_k": inner, "W_v": inner, "W_o": outer}

    @property
    def label(self) -> str:
        """Its kind and options."""
        options = [f"{self.heads} heads"] * (self.heads > 1)
        options += [name for name in ("causal", "streaming") if getattr(self, name)]
        return "self-attention" + (f" ({', '.join(options)})" if options else "")

    @property
    def sizes(self) -> str:
        """In words."""
        return f"{self.inputs}->{self.units}"

    @property
    def axes(self) -> Mapping[str, tuple[str, ...]]:
        """What the axes of every array are called."""
        tokens = dict.fromkeys(("x", "y"), ("time", "row", "unit"))
        return tokens | {"weights": ("time", "row", "head", "key")} | dict.fromkeys(self.shapes, ("unit", "feature"))

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"

    def initialise(
        self, seed: int = 0, scheme: str = "glorot", dtype: DTypeLike = "float64", *, gain: float = 1.0
    ) -> Arrays:
        """Draw parameters. Schemes and errors as in ``Layer.initialise``."""
        return draw_all(self.shapes, seed, scheme, dtype, gain)

    @guests("x", "params")
    def forward(
        self, params: Mapping[str, np.ndarray], x: np.ndarray, *, lengths: Any = None, target: str = "cpu"
    ) -> SelfAttentionRun:
        """Run over x (T, B, I); tokens beyond ``lengths`` (B,) are never read, and their outputs are zero. Raises
        TypeError or ValueError naming the argument; RuntimeError where the target cannot run."""
        where = available(target)
        params = arguments.parameters(params, self.shapes, where.dtypes, target)
        sample = next(iter(params.values()))
        x = arguments.readable("x", x, ("T", "B", self.inputs), sample.dtype)
        steps, rows, _ = x.shape
        tokens = whole(steps, rows) if lengths is None else Tokens(steps, arguments.lengths(lengths, steps, rows))
        scene, precision = scene_of(tokens, tokens, self.causal), precision_of(target, name_of(sample.dtype))
        plan = heads.plan_of(precision, steps, rows, self.inputs, self.units, self.heads, self.streaming)
        y, weights, recording = heads.forward(plan, params, x, scene)
        if weights is not None:
            weights = weights.reshape(steps, rows, self.heads, steps)
        return SelfAttentionRun(y, weights, run_info(target), self, recording)

    @guests("dy", "dweights")
    def backward(
        self, run: SelfAttentionRun, dy: np.ndarray | None = None, dweights: np.ndarray | None = None
    ) -> SelfAttentionGradients:
        """The gradient of sum(dy * y) + sum(dweights * weights); None stands for zero. Raises TypeError or ValueError
        naming the argument."""
        if not isinstance(run, SelfAttentionRun):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.layer != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.layer}")
        if self.streaming and dweights is not None:
            raise ValueError("dweights: the streaming form has no weights")
        dy = zeros(run.y.shape, run._recording.like) if dy is None else dy
        dy = arguments.readable("dy", dy, run.y.shape, run.y.dtype)
        if dweights is not None and run.weights is not None:
            dweights = arguments.readable("dweights", dweights, run.weights.shape, run.y.dtype)
            steps, rows, several, _ = dweights.shape
            dweights = dweights.reshape(steps, rows * several, steps)
        found, dx = heads.backward(run._recording, dy, dweights)
        return SelfAttentionGradients({name: found[name].reshape(shape) for name, shape in self.shapes.items()}, dx)


def self_attention(
    inputs: int, units: int, *, heads: int = 1, causal: bool = True, streaming: bool = False
) -> SelfAttention:
    """A layer of self-attention: every token looks at the others (``causal``: at those before it, and itself).

        q, k, v = W_q x, W_k x, W_v x        (units, I), each cut into ``heads`` equal parts
        y = W_o [for every head: attention of its q, k, v with the score q . k / sqrt(units / heads)]    (I, units)

    Without bias. ``streaming`` as in ``refseq.attention``. Raises TypeError or ValueError naming the argument.

    A. Vaswani et al., NeurIPS 2017, section 3.2.
    """
    return SelfAttention(inputs, units, heads, causal, streaming)
