"""What mutants of losses, clipping and optimisers are run on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from refseq import clipping, losses, optimisers
from refseq.arrays import lift
from refseq.checks.function import Arrays, Function, Named
from refseq.losses.loss import Loss
from refseq.losses.reduction import OVER_FEATURES, REDUCTIONS
from refseq.mutation.calls import Calls, nothing
from refseq.mutation.networks import Network
from refseq.primitives import constant

STEPS, CLASSES, FEATURES = 4, 6, 3
LENGTHS = np.array([0, STEPS, 2, 3, 1])
OUTSIDE = np.arange(STEPS)[:, None] >= LENGTHS


@dataclass(frozen=True)
class Problem:
    """A loss with targets and options; those that are arrays of floats follow the predictions into their field."""

    function: Callable[..., Any]
    targets: np.ndarray
    options: Mapping[str, Any]

    def __call__(self, x: np.ndarray) -> Any:
        """The loss of predictions over any field."""

        def like(value: Any) -> Any:
            if x.dtype != object or isinstance(value, (str, int)) or value is None:
                return value
            if isinstance(value, np.ndarray):
                return lift(value, partial(constant, x.flat[0])) if value.dtype.kind == "f" else value
            return constant(x.flat[0], value)

        given = {name: like(value) for name, value in self.options.items()}
        return self.function(x, like(self.targets), **given)


def of_loss(problem: Problem) -> Function:
    """A loss as a function of its predictions ``x``; its gradient is that of the result ``value``."""

    def forward(values: Named, _constants: Named, target: str) -> tuple[Arrays, Loss]:
        loss = problem(values["x"])
        return {"value": np.array([loss.value])}, loss

    def backward(loss: Loss, cotangents: Named) -> Arrays:
        return {"dx": loss.gradient * cotangents["value"][0]}

    return Function(forward, backward)


def _eighths(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.integers(1, 9, shape) / 8


def _loss(kind: str, reduction: str) -> Network:
    rng = np.random.default_rng(17)
    weights = _eighths(rng, STEPS, len(LENGTHS))
    weights[1, 1] = 0
    options: dict[str, Any] = {"lengths": LENGTHS, "weights": weights, "reduction": reduction}
    width = FEATURES if kind in ("binary", "squared") else CLASSES
    targets: np.ndarray = _eighths(rng, STEPS, len(LENGTHS), width)
    function = losses.cross_entropy
    if kind in ("indices", "smoothed", "mask"):
        targets = rng.integers(0, CLASSES, (STEPS, len(LENGTHS)))
        targets[2, 1] = -7
        options |= {"ignore_index": -7}
        targets[OUTSIDE] = 999
    if kind == "smoothed":
        options |= {"label_smoothing": 0.25, "class_weights": _eighths(rng, CLASSES)}
    if kind in ("indices", "distributions"):
        options |= {"class_weights": _eighths(rng, CLASSES)}
    if kind == "distributions":
        options |= {"label_smoothing": 0.125}
    if kind == "mask":
        options |= {"weights": weights > 0.4}
    if kind == "binary":
        function, options = losses.binary_cross_entropy, options | {"pos_weight": _eighths(rng, FEATURES)}
    if kind == "squared":
        function = losses.squared_error
    values = {"x": 2 * rng.normal(size=(STEPS, len(LENGTHS), width))}
    problem = Problem(function, targets, options)
    return Network(None, of_loss(problem), values, {"value": np.array([0.75])}, {"x": OUTSIDE})


LOSSES: dict[str, Callable[[], Network]] = {
    f"loss {kind}, {reduction}": partial(_loss, kind, reduction)
    for kind in ("indices", "smoothed", "distributions", "mask", "binary", "squared")
    for reduction in (OVER_FEATURES if kind in ("binary", "squared") else REDUCTIONS)
}
"""Every loss with every reduction, by name."""


def _told(loss: Any) -> list[Any]:
    return [loss.value, loss.gradient, loss.tokens, loss.scale]


def _losses() -> dict[str, Any]:
    """Floats: what branches on the size of a number, and the parts of a loss besides its value."""
    rng, found = np.random.default_rng(18), {}
    for dtype in ("float32", "float64"):
        x = np.array([[[30.0, -30.0, 0.0], [1e4, -1e4, 0.5]], [[-np.inf, 1.0, 2.0], [0.25, 0.25, -3.0]]]).astype(dtype)
        y = np.array([[0, 1], [2, 2]])
        with np.errstate(all="ignore"):
            found[f"indices {dtype}"] = _told(losses.cross_entropy(x, y))
            spread, never = np.array([[[0.5, 0.5, 0], [1, 0, 0]], [[0, 0.5, 0.5], [0, 0, 1]]], dtype), np.array([0, 1])
            found[f"no mass {dtype}"] = _told(losses.cross_entropy(x, spread))  # 0 times infinity is nothing
            weightless = np.array([0, 1, 1], dtype)
            found[f"no weight {dtype}"] = _told(losses.cross_entropy(x, y * 0 + never, class_weights=weightless))
            found[f"no token {dtype}"] = _told(losses.cross_entropy(x, y, lengths=np.array([0, 0])))
            found[f"perplexity {dtype}"] = [
                losses.perplexity(x, y, lengths=np.array([1, 2]), weights=np.array([[0.5, 1], [1, 0.25]], dtype)),
                losses.perplexity(np.zeros((2, 2, 3), dtype), y, ignore_index=2),
            ]
            one = np.array([0, 0.5, 1], dtype) * np.ones_like(x)
            found[f"binary {dtype}"] = _told(
                losses.binary_cross_entropy(np.where(np.isinf(x), -2, x).astype(dtype), one)
            )
            found[f"squared {dtype}"] = _told(losses.squared_error(one, 2 * one + 1, weights=np.ones((2, 2), bool)))
        q = np.zeros((1, 1, 4), dtype)
        q[0, 0, 1] = 1
        found[f"distribution {dtype}"] = _told(losses.cross_entropy(rng.normal(size=q.shape).astype(dtype), q))
    return found


def _clipping() -> dict[str, Any]:
    rng, found = np.random.default_rng(19), {}
    for dtype, scales in (("float64", (1.0, 1e200, 1e-310, 0.0)), ("float32", (1.0, 1e30, 1e-42))):
        for scale in scales:
            with np.errstate(all="ignore"):
                grads = {"a": (scale * rng.normal(size=(2, 3))).astype(dtype), "b": np.array([scale * 2], dtype)}
                for threshold in (0.75, 3.0, 1e4, 1e-300):
                    for clip in (clipping.clip_by_norm, clipping.clip_by_value):
                        clipped, norm = clip(grads, threshold)
                        found[f"{clip.__name__} {dtype} {scale} {threshold}"] = [*clipped.values(), norm]
            found[f"norm {dtype} {scale}"] = [clipping.global_norm(grads)]
    for bad in (np.nan, np.inf, -np.inf):
        grads = {"a": np.array([1.0, bad]), "b": np.array([-2.0])}
        for policy in ("zero", "keep"):
            for clip in (clipping.clip_by_norm, clipping.clip_by_value):
                clipped, norm = clip(grads, 1.5, policy)
                found[f"{clip.__name__} {policy} {bad}"] = [*clipped.values(), norm]
        found[f"norm {bad}"] = [clipping.global_norm(grads)]
    found["norm of nothing"] = [clipping.global_norm({}), clipping.global_norm({"a": np.zeros((0,))})]
    return found


OPTIMISERS = (
    optimisers.SGD(0.1),
    optimisers.SGD(0.1, weight_decay=0.25),
    optimisers.SGD(0.1, momentum=0.875, dampening=0.25, weight_decay=0.25),
    optimisers.SGD(0.1, momentum=0.875, nesterov=True, weight_decay=0.25),
    optimisers.RMSprop(),
    optimisers.RMSprop(0.1, smoothing=0.875, momentum=0.5, weight_decay=0.25, epsilon=0.0625),
    optimisers.RMSprop(0.1, smoothing=0.875, centred=True, momentum=0.5, epsilon=0.0625, weight_decay=0.25),
    optimisers.Adam(),
    optimisers.Adam(0.1, beta_1=0.875, beta_2=0.75, epsilon=0.0625, weight_decay=0.25),
    optimisers.Adam(0.1, beta_1=0.875, beta_2=0.75, weight_decay=0.25, decoupled=True),
    optimisers.Adam(0.1, beta_1=0.875, beta_2=0.75, weight_decay=0.25, amsgrad=True),
    optimisers.Adam(0.1, beta_1=0.875, beta_2=0.75, weight_decay=0.25, amsgrad=True, decoupled=True),
)


def _with_constant_gradients() -> dict[str, np.ndarray]:
    """Their variance is 0, and rounding may make it less."""
    optimiser, params = optimisers.RMSprop(0.1, smoothing=0.9, centred=True), {"a": np.linspace(0.1, 2.0, 50)}
    state, grads = optimiser.initialise(params), {"a": np.linspace(0.1, 2.0, 50)}
    for _ in range(400):
        params, state = optimiser.step(params, grads, state)
    return params


def _optimisers() -> dict[str, Any]:
    """Four steps of each, the gradients shrinking so that the largest mean square is an old one."""
    found = {}
    for number, optimiser in enumerate(OPTIMISERS):
        rng = np.random.default_rng(20)
        for dtype in ("float64", "float32"):
            params = {"a": rng.normal(size=(2, 3)).astype(dtype), "b": rng.normal(size=4).astype(dtype)}
            state = optimiser.initialise(params)
            for step in range(4):
                grads = {k: (rng.normal(size=p.shape) / 2**step).astype(dtype) for k, p in params.items()}
                params, state = optimiser.step(params, grads, state, None if step < 3 else 0.5)
            found[f"{number} {dtype}"] = [*params.values(), *state.values()]
        found[f"{number} buffers"] = list(optimiser.buffers)
    found["constant gradients"] = list(_with_constant_gradients().values())
    steps = range(9)
    found["constant"] = [optimisers.constant(step, 0.5) for step in steps]
    found["step decay"] = [optimisers.step_decay(step, 0.5, 3, 0.25) for step in steps]
    found["cosine"] = [optimisers.cosine(step, 0.5, 6, 0.125) for step in steps]
    found["cosine to 0"] = [optimisers.cosine(step, 0.5, 6) for step in steps]
    found["warm up"] = [optimisers.warm_up(step, 4) for step in steps]
    return found


CALLS: dict[str, Calls] = {
    "losses of floats": Calls(_losses, nothing),
    "clipping": Calls(_clipping, nothing),
    "optimisers": Calls(_optimisers, nothing),
}
"""Cases of single functions by name."""
