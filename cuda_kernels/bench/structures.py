"""Trees, losses, clipping and optimisers on the device, as ``cuda_kernels.bench.checks`` wants them."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import refseq
from cuda_kernels import inventory, norms
from refseq import clipping, losses, optimisers
from refseq.networks.stacked import Arrays
from refseq.tree_layer import TreeLayer

Judge = Callable[..., Any]
LENGTHS = [7, 0, 3, 1]
MANY, FEW = 2 * norms.FEW * norms.TERMS, 100
"""Numbers to clip: whose sums are added up on the device as well, and for the simulator."""

RULES = (
    optimisers.SGD(0.1),
    optimisers.SGD(0.1, momentum=0.9),
    optimisers.SGD(0.1, momentum=0.9, nesterov=True),
    optimisers.Adam(),
    optimisers.Adam(amsgrad=True),
    optimisers.RMSprop(),
    optimisers.RMSprop(centred=True),
)


def checks(judge: Judge, tiny: bool) -> Iterator[Callable[[], Any]]:
    """All of them, in both precisions; ``judge`` compares results by name with the truth."""
    for dtype in inventory.DTYPES[:1] if tiny else inventory.DTYPES:
        for variant in inventory.TREES:
            layer = refseq.tree_layer(variant[0], 3, 5, **variant[1])
            yield lambda layer=layer, dtype=dtype: _check(judge, layer.label, dtype, _tree(layer), 500)
        for name, loss in _losses().items():
            yield lambda name=name, loss=loss, dtype=dtype: _check(judge, name, dtype, loss, 10)
        yield lambda dtype=dtype: _check(judge, "clipping", dtype, _clipping(FEW if tiny else MANY), 10)
        for rule in RULES:
            yield lambda rule=rule, dtype=dtype: _check(judge, rule.rule.__name__, dtype, _steps(rule), 10)


def _check(judge: Judge, name: str, dtype: str, run: Callable[[str, str, str], Arrays], terms: int) -> Any:
    """``run(drawn, computed, target)``: numbers drawn in one precision, computed in another."""
    return judge(name, dtype, "", run(dtype, dtype, "cuda"), run(dtype, "float64", "reference"), terms)


def _drawn(shape: tuple[int, ...], dtype: str, computed: str, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype).astype(computed)


def _tree(layer: TreeLayer) -> Callable[[str, str, str], Arrays]:
    def run(dtype: str, computed: str, target: str) -> Arrays:
        forest = refseq.trees.balanced(7)
        params = {name: _drawn(shape, dtype, computed) / 2 for name, shape in layer.shapes.items()}
        x = _drawn((forest.nodes, 3), dtype, computed, 2)
        result = layer.forward(params, x, forest, target=target)
        grads = layer.backward(result, _drawn(result.y.shape, dtype, computed, 3))
        found = {f"d{name}": array for name, array in grads.params.items()}
        return {"y": result.y, "dx": np.asarray(grads.x), **found}

    return run


def _losses() -> dict[str, Callable[[str, str, str], Arrays]]:
    T, B, V = 7, 4, 5
    rng = np.random.default_rng(4)
    index, likely = rng.integers(0, V, (T, B)), rng.random((T, B, V)).astype("float32")

    def loss(make: Callable[..., Any]) -> Callable[[str, str, str], Arrays]:
        def run(dtype: str, computed: str, target: str) -> Arrays:
            found = make(_drawn((T, B, V), dtype, computed), likely.astype(computed), target)
            return {"value": np.asarray(found.value), "gradient": np.asarray(found.gradient)}

        return run

    given: dict[str, Any] = {"lengths": LENGTHS}
    return {
        "cross_entropy": loss(lambda x, y, target: losses.cross_entropy(x, index, target=target, **given)),
        "binary_cross_entropy": loss(lambda x, y, target: losses.binary_cross_entropy(x, y, target=target, **given)),
        "squared_error": loss(lambda x, y, target: losses.squared_error(x, y, target=target, **given)),
    }


def _clipping(count: int) -> Callable[[str, str, str], Arrays]:
    def run(dtype: str, computed: str, target: str) -> Arrays:
        grads = {"W": _drawn((count,), dtype, computed), "b": _drawn((7,), dtype, computed, 2)}
        clipped, norm = clipping.clip_by_norm(grads, 1.0, target=target)
        bounded, _ = clipping.clip_by_value(grads, 0.5, target=target)
        return {"norm": np.asarray(norm), **clipped, **{f"{name} bounded": array for name, array in bounded.items()}}

    return run


def _steps(optimiser: Any) -> Callable[[str, str, str], Arrays]:
    def run(dtype: str, computed: str, target: str) -> Arrays:
        params: Arrays = {"W": _drawn((40, 31), dtype, computed)}
        state = optimiser.initialise(params)
        for seed in (2, 3):
            params, state = optimiser.step(params, {"W": _drawn((40, 31), dtype, computed, seed)}, state, target=target)
        return params

    return run
