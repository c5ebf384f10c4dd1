"""Attention as a public object: a score with its sizes, run forward and backward on a target."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from refseq import arguments
from refseq.arrays import name_of, zeros
from refseq.networks.attention.core import plan_of, precision_of
from refseq.networks.attention.memory import Look, Memory, MemoryGradients
from refseq.networks.attention.scene import keys_of, whole
from refseq.networks.drawing import draw_all
from refseq.targets import available, run_info
from refseq.targets.visiting import guests

Arrays = dict[str, np.ndarray]
SCORES = ("dot", "scaled_dot", "general", "additive")


@dataclass(frozen=True, eq=False)
class AttentionRun:
    """A forward pass: outputs y (Tq, B, V), weights (Tq, B, Tk), None for the streaming form, and what backward needs.
    ``info`` says what ran: target and device."""

    y: np.ndarray
    weights: np.ndarray | None
    info: Mapping[str, str]
    attention: "Attention" = field(repr=False)
    _memory: Memory = field(repr=False)
    _look: Look = field(repr=False)


@dataclass(frozen=True, eq=False)
class AttentionGradients:
    """Gradients: ``params`` like the parameters; ``queries``, ``keys`` and ``values`` like the arguments, exactly zero
    for what does not count."""

    params: Arrays
    queries: np.ndarray
    keys: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Attention:
    """An immutable attention; make one with ``refseq.attention``."""

    score: str
    queries: int
    keys: int
    units: int = 0
    causal: bool = False
    streaming: bool = False

    def __post_init__(self) -> None:
        arguments.choice("score", self.score, SCORES)
        arguments.integer("queries", self.queries, 1)
        arguments.integer("keys", self.keys, 1)
        arguments.integer("units", self.units, 1 if self.score == "additive" else 0)
        if self.score != "additive" and self.units:
            raise ValueError(f"units: only the additive score has units, got {self.units} for {self.score!r}")
        if self.score in ("dot", "scaled_dot") and self.queries != self.keys:
            message = f"keys: the {self.score} score needs as many features as queries have"
            raise ValueError(f"{message}, {self.queries}, got {self.keys}")
        arguments.flag("causal", self.causal)
        arguments.flag("streaming", self.streaming)

    @cached_property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of every parameter by name."""
        if self.score == "additive":
            return {"W_q": (self.units, self.queries), "W_k": (self.units, self.keys), "v": (self.units,)}
        return {"W_qk": (self.queries, self.keys)} if self.score == "general" else {}

    @cached_property
    def _shapes(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        return tuple(self.shapes.items())

    @property
    def label(self) -> str:
        """The score with its options."""
        options = [name for name in ("causal", "streaming") if getattr(self, name)]
        return f"{self.score} attention" + (f" ({', '.join(options)})" if options else "")

    @property
    def sizes(self) -> str:
        """Features of queries and keys, and units, in words."""
        return f"{self.queries}, {self.keys}" + (f" -> {self.units}" if self.units else "")

    @property
    def axes(self) -> Mapping[str, tuple[str, ...]]:
        """What the axes of every array are called."""
        tokens = dict.fromkeys(("queries", "keys", "values", "y"), ("time", "row", "unit"))
        matrices = {name: ("unit", "feature")[: len(shape)] for name, shape in self.shapes.items()}
        return tokens | {"weights": ("time", "row", "key")} | matrices

    def __str__(self) -> str:
        return f"{self.label} {self.sizes}"

    def initialise(
        self, seed: int = 0, scheme: str = "glorot", dtype: DTypeLike = "float64", *, gain: float = 1.0
    ) -> Arrays:
        """Draw parameters, v as a matrix of one row. Schemes and errors as in ``Layer.initialise``."""
        return draw_all(self.shapes, seed, scheme, dtype, gain)

    @guests("queries", "keys", "values", "params")
    def forward(
        self,
        params: Mapping[str, np.ndarray],
        queries: np.ndarray,
        keys: np.ndarray,
        values: np.ndarray,
        *,
        lengths: Any = None,
        mask: np.ndarray | None = None,
        query_lengths: Any = None,
        target: str = "cpu",
    ) -> AttentionRun:
        """Look from queries (Tq, B, D) at keys (Tk, B, E) and read their values (Tk, B, V).

        params         dict of arrays with the shapes of ``attention.shapes``; {} for dot and scaled_dot
        lengths        None or integers (B,): keys from there on do not count
        mask           None or booleans (Tk, B): True for keys that count
        query_lengths  None or integers (B,): queries from there on do not count

        Weights are 0 for keys that do not count; these and their values are never read, and may be NaN. A query that
        sees no key, or does not count, has weights 0, output 0, and gives no gradient. All arrays share one dtype.
        Raises TypeError or ValueError naming the argument; RuntimeError where the target cannot run.
        """
        params = self._parameters(params, "queries", queries, self.queries, target)
        dtype = next(iter(params.values())).dtype if params else queries.dtype
        queries = arguments.readable("queries", queries, ("Tq", "B", self.queries), dtype)
        memory, keys, values = self._memory(params, keys, values, queries.shape[1], dtype, lengths, mask, target)
        if query_lengths is not None:
            query_lengths = arguments.lengths(query_lengths, len(queries), queries.shape[1], "query_lengths")
        look = memory.first_look(queries, query_lengths, keys, values)
        return AttentionRun(look.y, look.weights, run_info(target), self, memory, look)

    def memory(
        self,
        params: Mapping[str, np.ndarray],
        keys: np.ndarray,
        values: np.ndarray,
        *,
        lengths: Any = None,
        mask: np.ndarray | None = None,
        target: str = "cpu",
    ) -> Memory:
        """Keys and values made ready for any number of looks (``refseq.networks.attention.memory``), each of which is
        ``forward`` with these arguments: what the score takes of the keys alone is computed once. Raises as
        ``forward``."""
        params = self._parameters(params, "keys", keys, self.keys, target)
        dtype = next(iter(params.values())).dtype if params else keys.dtype
        memory, keys, values = self._memory(params, keys, values, "B", dtype, lengths, mask, target)
        return memory.ready(keys, values)

    def _memory(
        self,
        params: Arrays,
        keys: np.ndarray,
        values: np.ndarray,
        rows: int | str,
        dtype: np.dtype,
        lengths: Any,
        mask: Any,
        target: str,
    ) -> tuple[Memory, np.ndarray, np.ndarray]:
        """Of checked parameters, not ready; and the keys and values that it is to be made of."""
        keys = arguments.readable("keys", keys, ("Tk", rows, self.keys), dtype)
        values = arguments.readable("values", values, (*keys.shape[:2], "V"), dtype)
        size = arguments.integer("values: number of features", values.shape[2], 1)
        steps, count, _ = keys.shape
        if mask is None and lengths is None:
            tokens = whole(steps, count)
        else:
            if mask is not None:
                mask = arguments.array("mask", mask, keys.shape[:2], np.dtype(bool))
            tokens = keys_of(steps, arguments.lengths(lengths, steps, count), mask)
        like = next((a for a in (*params.values(), keys, values) if a.size), keys)
        precision, features = precision_of(target, name_of(like.dtype)), (self.queries, self.keys, size)
        plan = plan_of(precision, count, steps, features, self._shapes, self.streaming)
        scaled = self.keys if self.score == "scaled_dot" else 0
        return Memory(plan, tokens, params, self.shapes, like, scaled, self.causal), keys, values

    @guests("dy", "dweights")
    def backward(
        self, run: AttentionRun, dy: np.ndarray | None = None, dweights: np.ndarray | None = None
    ) -> AttentionGradients:
        """The gradient of sum(dy * y) + sum(dweights * weights); None stands for zero. Raises TypeError or ValueError
        naming the argument."""
        if not isinstance(run, AttentionRun):
            raise TypeError(f"run: expected a run of {self}, got {type(run).__name__}")
        if run.attention != self:
            raise ValueError(f"run: expected a run of {self}, got one of {run.attention}")
        if self.streaming and dweights is not None:
            raise ValueError("dweights: the streaming form has no weights")
        dtype = run.y.dtype
        if dy is None:
            dy = zeros(run.y.shape, run._memory.like)
        dy = arguments.readable("dy", dy, run.y.shape, dtype)
        if dweights is not None and run.weights is not None:
            dweights = arguments.readable("dweights", dweights, run.weights.shape, dtype)
        queries, params, keys, values = MemoryGradients(run._memory).only(run._look, dy, dweights)
        return AttentionGradients(params, queries, keys, values)

    def _parameters(self, params: Any, name: str, tokens: Any, features: int, target: str) -> Arrays:
        """Checked; where there are none, tokens say what is computed in."""
        accepted = available(target).dtypes
        if self.shapes:
            return arguments.parameters(params, self.shapes, accepted, target)
        if not isinstance(params, Mapping):
            raise TypeError(f"params: expected a dict of arrays, got {type(params).__name__}")
        arguments.names("params", params, {})
        arguments.readable(name, tokens, (f"T{name[0]}", "B", features), None)
        if name_of(tokens.dtype.newbyteorder("=")) not in accepted:
            raise TypeError(f"{name}: target {target!r} takes {', '.join(accepted)}; got {tokens.dtype}")
        return {}


def attention(
    score: str, queries: int, keys: int, *, units: int = 0, causal: bool = False, streaming: bool = False
) -> Attention:
    """Attention (L1.25, L4.16): queries of ``queries`` features look at keys of ``keys`` features, read values.

        a[i, j] = softmax over j of s(q_i, k_j)        y_i = sum_j a[i, j] v_j

        score           s(q, k)                        parameters
        "dot"           q . k
        "scaled_dot"    q . k / sqrt(D)
        "general"       q^T W_qk k                     W_qk (D, E)
        "additive"      v^T tanh(W_q q + W_k k)        W_q (units, D), W_k (units, E), v (units,)

    ``causal``: query t sees the keys up to time t. ``streaming``: the same function and gradient by blocks of keys,
    without the matrix of weights. Raises TypeError or ValueError naming the argument.

    D. Bahdanau, K. Cho, Y. Bengio, ICLR 2015, section A.1.2; M.-T. Luong, H. Pham, C. Manning, EMNLP 2015, eq. 8; A.
    Vaswani et al., NeurIPS 2017, eq. 1.
    """
    return Attention(score, queries, keys, units, causal, streaming)
