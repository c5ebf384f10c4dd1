"""Losses, clipping and optimisers on the device, as ``cuda_kernels.bench.checks`` wants them; and what a check of
anything that is no layer is.

Their arrays are on the device before and after (``cuda_kernels.interop``); those of systems in float32 alone, so that
both ways are gone.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from cuda_kernels import gpu, inventory, norms, places
from refseq import clipping, losses, optimisers
from refseq.arrays import lift
from refseq.networks.stacked import Arrays
from refseq.targets.visiting import guests

Values = dict[str, Any]
"""Arrays by name, and dicts of them."""

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


@dataclass(frozen=True)
class Posed:
    """``run(values, target)`` gives results by name, each within rounding of a sum of so many ``terms``. ``plainly``:
    the truth is computed by the interpreted formulas, which need no compiler; else by the target "reference".
    ``visits``: in which precisions its arrays are on the device."""

    name: str
    values: Mapping[str, Any]
    run: Callable[[Values, str], Values]
    terms: int
    shape: str = ""
    plainly: bool = False
    visits: tuple[str, ...] = inventory.DTYPES

    def check(self, judge: Callable[..., Any], dtype: str) -> Any:
        """The results of the target "cuda", as ``judge`` finds them."""
        values = mapped(lambda array: array.astype(dtype), self.values)
        wide = mapped(lambda array: lift(array, float) if self.plainly else array.astype(np.float64), values)
        given = mapped(gpu.cuda.to_device, values) if dtype in self.visits else values
        got, want = within(self.run, given, target="cuda"), self.run(wide, "reference")
        return judge(self.name, dtype, self.shape, named(got), named(want), self.terms)


@guests("values")
def within(run: Callable[[Values, str], Values], values: Values, *, target: str) -> Values:
    """run(values, target), of arrays that may be on the device."""
    return run(values, target)


def mapped(function: Callable[[np.ndarray], Any], values: Mapping[str, Any]) -> Values:
    """The function of every array of floats; whole numbers stay."""
    return {
        name: mapped(function, value)
        if isinstance(value, Mapping)
        else function(value)
        if value.dtype.kind == "f"
        else value
        for name, value in values.items()
    }


def named(results: Mapping[str, Any]) -> Arrays:
    """Of all that has numbers, numpy's arrays."""
    found = {name: host(value) for name, value in results.items()}
    return {name: array.astype(float) for name, array in found.items() if array.size}


def host(array: Any) -> np.ndarray:
    """numpy's array of one that may be on the device."""
    return array.copy_to_host() if places.is_array(array) else np.asarray(array)


def drawn(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    """Numbers of float32."""
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def posed(tiny: bool) -> Iterator[Posed]:
    """All of them."""
    T, B, V = 7, 4, 5
    rng = np.random.default_rng(4)
    index, likely = rng.integers(0, V, (T, B)), rng.random((T, B, V)).astype("float32")
    values, shape = {"x": drawn((T, B, V)), "y": likely}, f"{T}x{B}x{V}"
    yield Posed("cross_entropy", values, partial(_loss, losses.cross_entropy, index), 10, shape, True)
    for make in (losses.binary_cross_entropy, losses.squared_error):
        yield Posed(make.__name__, values, partial(_loss, make, None), 10, shape, True)
    count = FEW if tiny else MANY
    grads = {"W": drawn((count,)), "b": drawn((7,), 2)}
    yield Posed("clipping", grads, _clipped, 10, str(count))
    for rule in RULES:
        arrays = {name: drawn((40, 31), seed) for seed, name in enumerate(("W", "first", "second"))}
        yield Posed(rule.rule.__name__, arrays, partial(_steps, rule), 10, "40x31")


def _loss(make: Callable[..., Any], index: np.ndarray | None, values: Values, target: str) -> Values:
    found = make(values["x"], values["y"] if index is None else index, lengths=LENGTHS, target=target)
    return {"value": found.value, "gradient": found.gradient, "tokens": found.tokens}


def _clipped(grads: Values, target: str) -> Values:
    clipped, norm = clipping.clip_by_norm(grads, 1.0, target=target)
    bounded, _ = clipping.clip_by_value(grads, 0.5, target=target)
    return {"norm": norm, **clipped, **{f"{name} bounded": array for name, array in bounded.items()}}


def _steps(optimiser: Any, values: Values, target: str) -> Values:
    params: Any = {"W": values["W"]}
    state = optimiser.initialise(params, target=target)
    for name in ("first", "second"):
        params, state = optimiser.step(params, {"W": values[name]}, state, target=target)
    return {**params, "buffers": state["buffers/W"]}
