"""Attention and the neural Turing machine beside PyTorch, forward and backward. Run: python -m benchmarks.systems

Attention: queries (Tq, B, D) look at keys (Tk, B, D), whose values have D features as well. torch has arrays of the
same sizes, rows first as it likes them: batched products and softmax, with autograd ("torch"); for scaled_dot also its
fused function ("fused"), beside which refseq's streaming form stands, as neither has the weights.

Turing machine: the same formulas in torch's operations, with autograd (``tests.networks.turing_torch``).

Results are compared before anything is timed. Medians of rounds in turn (``benchmarks.turns``).
"""

import argparse
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import torch

import refseq
from benchmarks.turns import medians
from tests.networks import turing_torch

ATTENTION = ((1, 50, 16, 64), (20, 20, 16, 64), (50, 50, 16, 128), (128, 128, 8, 64), (33, 47, 7, 100))
"""Tq, Tk, B, D."""
MACHINES = (("feedforward", 20, 16, 100, 128, 20), ("lstm", 20, 16, 100, 128, 20), ("feedforward", 20, 1, 32, 32, 10))
"""Controller, T, B, units, locations, width."""
TOLERANCE = {"float32": 1e-3, "float64": 1e-9}

Calls = dict[str, Callable[[], dict[str, np.ndarray]]]


def main() -> None:
    """Print both tables."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--dtype", default="float32", choices=TOLERANCE)
    options.add_argument("--rounds", type=int, default=15)
    chosen = options.parse_args()
    torch.set_num_threads(numba.get_num_threads())
    print(f"{chosen.dtype}, {numba.get_num_threads()} threads; milliseconds, forward and backward\n")
    print(
        f"{'attention':<24}{'Tq x Tk x B x D':<18}{'refseq':>9}{'torch':>9}{'ratio':>7}{'stream':>9}{'fused':>9}{'':>7}"
    )
    for score in ("scaled_dot", "general", "additive"):
        for sizes in ATTENTION:
            show(f"{score:<24}{'x'.join(map(str, sizes)):<18}", attention(score, *sizes, chosen.dtype), chosen)
    print(f"\n{'Turing machine':<24}{'T x B x H x N x M':<18}{'refseq':>9}{'torch':>9}{'ratio':>7}")
    for controller, *sizes in MACHINES:
        show(f"{controller:<24}{'x'.join(map(str, sizes)):<18}", machine(controller, *sizes, chosen.dtype), chosen)


def show(head: str, calls: Calls, chosen: argparse.Namespace) -> None:
    """Compare, time, and print a line; every second one is beside the one before it."""
    names = list(calls)
    for ours, theirs in zip(names[::2], names[1::2], strict=True):
        want = calls[theirs]()
        for name, value in calls[ours]().items():
            scale = np.abs(want[name]).max()
            np.testing.assert_allclose(value, want[name], rtol=0, atol=TOLERANCE[chosen.dtype] * scale, err_msg=name)
    times = medians(calls, chosen.rounds)
    pairs = zip(names[::2], names[1::2], strict=True)
    cells = [f"{times[a]:9.3f}{times[b]:9.3f}{times[b] / times[a]:6.2f}x" for a, b in pairs]
    print(head + "".join(cells), flush=True)


def attention(score: str, tq: int, tk: int, rows: int, size: int, dtype: str) -> Calls:
    """The calls that are timed."""
    layer = refseq.attention(score, size, size, units=size if score == "additive" else 0)
    rng, params = np.random.default_rng(0), layer.initialise(0, dtype=dtype)
    shapes = {"queries": (tq, rows, size), "keys": (tk, rows, size), "values": (tk, rows, size)}
    given = {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
    dy = rng.normal(size=(tq, rows, size)).astype(dtype)

    def ours(layer: Any = layer) -> dict[str, np.ndarray]:
        run = layer.forward(params, *given.values())
        grads = layer.backward(run, dy)
        named = {name: getattr(grads, name) for name in given}
        return {"y": run.y} | named | grads.params

    first = {name: torch.from_numpy(np.ascontiguousarray(value.swapaxes(0, 1))) for name, value in given.items()}
    p, cotangent = (
        {name: torch.from_numpy(value) for name, value in params.items()},
        torch.from_numpy(dy.swapaxes(0, 1).copy()),
    )
    for tensor in (*first.values(), *p.values()):
        tensor.requires_grad_()

    def theirs(outputs: Callable[..., torch.Tensor]) -> dict[str, np.ndarray]:
        for tensor in (*first.values(), *p.values()):
            tensor.grad = None
        y = outputs(*first.values())
        y.backward(cotangent)
        turned = {"y": y.detach(), **{name: tensor.grad for name, tensor in first.items()}}
        named = {name: tensor.numpy().swapaxes(0, 1) for name, tensor in turned.items()}
        return named | {name: tensor.grad.numpy() for name, tensor in p.items()}

    def plain(q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        if score == "additive":
            s = torch.tanh((q @ p["W_q"].T)[:, :, None] + (k @ p["W_k"].T)[:, None]) @ p["v"]
        elif score == "general":
            s = q @ (k @ p["W_qk"].T).transpose(1, 2)
        else:
            s = torch.bmm(q, k.transpose(1, 2)) / size**0.5
        return torch.bmm(torch.softmax(s, 2), v)

    calls: Calls = {"refseq": ours, "torch": lambda: theirs(plain)}
    if score == "scaled_dot":
        streaming = refseq.attention(score, size, size, streaming=True)
        calls |= {
            "stream": lambda: ours(streaming),
            "fused": lambda: theirs(torch.nn.functional.scaled_dot_product_attention),
        }
    return calls


def machine(controller: str, steps: int, rows: int, units: int, locations: int, width: int, dtype: str) -> Calls:
    """The calls that are timed."""
    network = refseq.turing_machine(9, 8, units, locations, width, controller=controller)
    rng, params = np.random.default_rng(0), network.initialise(0, dtype=dtype)
    shapes = {name: network.state_shape(rows, name) for name in network.states}
    state = {name: (rng.normal(size=shape) / 3).astype(dtype) for name, shape in shapes.items()}
    share = np.exp(state["weights"])
    state["weights"] = share / share.sum(axis=2, keepdims=True)
    x = rng.normal(size=(steps, rows, 9)).astype(dtype)
    dy = rng.normal(size=(steps, rows, 8)).astype(dtype)

    def ours() -> dict[str, np.ndarray]:
        run = network.forward(params, x, state)
        grads = network.backward(run, dy)
        return {"y": run.y, "x": grads.x} | grads.params

    def theirs() -> dict[str, np.ndarray]:
        p, s = turing_torch.tensors(params), turing_torch.tensors(state)
        inputs = torch.tensor(x, requires_grad=True)
        y, _ = turing_torch.run(network, p, inputs, s)
        y.backward(torch.from_numpy(dy))
        return {name: t.grad.numpy() for name, t in ({"x": inputs} | p).items()} | {"y": y.detach().numpy()}

    return {"refseq": ours, "torch": theirs}


if __name__ == "__main__":
    main()
