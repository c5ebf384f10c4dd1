"""JAX: its own LSTM (jax.experimental.rnn), and a scan written by hand for the rest, both compiled for their shapes.

``jax`` is lstm_ref, the only recurrent layer in JAX. ``jax-scan`` is what a user of JAX writes: the products of the
inputs for all times at once, then jax.lax.scan over one step. Gradients come from jax.vjp in one program with forward;
a call ends with block_until_ready.
"""

from collections.abc import Callable, Mapping
from typing import Any

from refseq.bench.cases import Arrays, Case, Inputs, LayerCase, named_gradients, named_run
from refseq.bench.libraries.library import Library, Pass
from refseq.cells import catalogue
from refseq.checks.implementation import NotOffered

Run = Callable[..., tuple]
"""(weights, x, state) -> y, final state: a dict like the initial state."""


class Jax(Library):
    """jax.experimental.rnn.lstm_ref."""

    name = "jax"
    packages = ("jax",)
    extra = "jax"

    def use(self, threads: int) -> str:
        """JAX takes the number of threads from the environment when it starts, and does not say it afterwards."""
        import os

        return f"NPROC = {os.environ.get('NPROC', 'not set: all cores')}"

    def fits(self, case: Case) -> bool:
        """Layers alone."""
        return isinstance(case, LayerCase)

    def prepare(self, case: Case, inputs: Any) -> Mapping[str, Pass]:
        """See ``Library``."""
        if not isinstance(case, LayerCase):
            raise NotOffered("JAX has no such operation of its own that is timed here")
        from refseq.adapters.jax import JaxImplementation

        adapter = JaxImplementation(case.layer)
        counts = adapter.counts(inputs.x, None)

        def run(weights: Any, x: Any, state: Any) -> tuple:
            y, h, c = adapter.lstm(weights, x, state["h"], state["c"], counts)
            return y, {"h": h, "c": c}

        return compiled(run, adapter.weights(inputs.params, inputs.x.dtype), inputs, adapter.weights_transpose)


class JaxScan(Jax):
    """jax.lax.scan over a step written by hand: elman(tanh), lstm, and both gru."""

    name = "jax-scan"

    def prepare(self, case: Case, inputs: Any) -> Mapping[str, Pass]:
        """See ``Library``."""
        if not isinstance(case, LayerCase) or case.layer.cell not in _steps():
            raise NotOffered(f"jax-scan is written for {', '.join(cell.label for cell in _steps())}")
        step, gates = _steps()[case.layer.cell], case.layer.cell.gates

        def run(p: Any, x: Any, state: Any) -> tuple:
            import jax
            import jax.numpy as jnp

            outside = jnp.einsum("tbi,ghi->gtbh", x, p["W_hx"]) + p["b_h"][:, None, None]
            given = dict(zip(gates, outside, strict=True))
            U = dict(zip(gates, p["W_hh"], strict=True))
            start = {name: value[0] for name, value in state.items()}

            def one(carry: Any, now: Any) -> tuple:
                after = step(now, carry, U, p)
                return after, after["h"]

            final, y = jax.lax.scan(one, start, given)
            return y, {name: final[name][None] for name in state}

        return compiled(run, inputs.params, inputs, dict)


def _steps() -> dict[Any, Callable]:
    """One step by the cell: (inputs of the gates, old state, recurrent matrices, parameters) -> new state."""
    import jax.numpy as jnp
    from jax.nn import sigmoid

    def elman(a: Any, s: Any, U: Any, p: Any) -> Any:
        ((gate, value),) = a.items()
        return {"h": jnp.tanh(value + s["h"] @ U[gate].T)}

    def lstm(a: Any, s: Any, U: Any, p: Any) -> Any:
        i, f, g, o = (a[k] + s["h"] @ U[k].T for k in ("i", "f", "g", "o"))
        c = sigmoid(f) * s["c"] + sigmoid(i) * jnp.tanh(g)
        return {"h": sigmoid(o) * jnp.tanh(c), "c": c}

    def gru_before(a: Any, s: Any, U: Any, p: Any) -> Any:
        z, r = (sigmoid(a[k] + s["h"] @ U[k].T) for k in ("z", "r"))
        n = jnp.tanh(a["n"] + (r * s["h"]) @ U["n"].T)
        return {"h": z * s["h"] + (1 - z) * n}

    def gru_after(a: Any, s: Any, U: Any, p: Any) -> Any:
        z, r = (sigmoid(a[k] + s["h"] @ U[k].T) for k in ("z", "r"))
        n = jnp.tanh(a["n"] + r * (s["h"] @ U["n"].T + p["b_hn"]))
        return {"h": z * s["h"] + (1 - z) * n}

    known = catalogue()
    return {
        known["elman"].cell(): elman,
        known["lstm"].cell(): lstm,
        known["gru"].cell(reset="before"): gru_before,
        known["gru"].cell(reset="after"): gru_after,
    }


def compiled(run: Run, weights: Any, inputs: Inputs, back: Callable[[Any], Arrays]) -> dict[str, Pass]:
    """Both passes, compiled ahead of time for these shapes; ``back`` makes refseq's gradients of the weights'."""
    import jax

    from refseq.adapters.jax import doubles

    def pull(weights: Any, x: Any, state: Any, dy: Any) -> tuple:
        (y, final), vjp = jax.vjp(run, weights, x, state)
        return y, final, vjp((dy, jax.tree.map(jax.numpy.zeros_like, final)))

    with doubles(inputs.x.dtype.itemsize == 8):
        given = jax.device_put((weights, inputs.x, inputs.state))
        dy = jax.device_put(inputs.dy)
        forward = jax.jit(run).lower(*given).compile()
        both = jax.jit(pull).lower(*given, dy).compile()

    def read(result: Any) -> Arrays:
        y, final, (dweights, dx, dstate) = result
        dparams = back(jax.tree.map(lambda value: jax.numpy.asarray(value).__array__(), dweights))
        return named_run(y, final) | named_gradients(dparams, dx, dstate)

    return {
        "forward": Pass(lambda: jax.block_until_ready(forward(*given)), lambda result: named_run(*result)),
        "both": Pass(lambda: jax.block_until_ready(both(*given, dy)), read),
    }
