"""Steps of training per second beside PyTorch: the adding problem, the same model, batches, clipping and optimiser.

    python benchmarks/training_speed.py [--rounds 7] [--threads 2] [--steps 60]

A recurrent layer, a linear output at the last step, squared error, clipping by norm, Adam; float32, T = 50, B = 32.
refseq: layers and ``refseq.training.Training``. torch: nn.LSTM, nn.GRU or nn.RNN, nn.Linear, clip_grad_norm_ and
torch.optim.Adam, with the same initial weights; of its two biases, one is held at 0. First both train a few steps in
float64, and their losses must agree (to 1e-4: torch adds 1e-6 to the norm that it clips by). Then both are timed in
turn, in random order, with a pause in which the other's threads go to sleep; of the rounds, the median.
"""

import argparse
import random
import time
from collections.abc import Callable
from statistics import median

import numba
import numpy as np
import torch

import refseq
from refseq.adapters.torch import TorchImplementation
from refseq.experiments.learning.sums import draw
from refseq.losses import squared_error
from refseq.optimisers import Adam
from refseq.training import Training

T, B, RATE, NORM, PAUSE = 50, 32, 0.005, 1.0, 0.1
MODULES = {"elman": torch.nn.RNN, "gru": torch.nn.GRU, "lstm": torch.nn.LSTM}
SIZES = (32, 128)
CHECKED, AGREE = 5, 1e-4

Batches = list[tuple[np.ndarray, np.ndarray]]
Train = Callable[[Batches], np.ndarray]
"""Trains a step on every batch, from the same weights each time, and returns the losses."""


def own(layer: refseq.Layer, params: dict[str, np.ndarray]) -> Train:
    """refseq."""
    shown = refseq.layer("output", layer.units, 1)

    def value_and_gradient(params, batch):
        x, wanted = batch
        mine = {name: params[name] for name in layer.shapes}
        run = layer.forward(mine, x)
        last = shown.forward({name: params[name] for name in shown.shapes}, run.y[-1:])
        loss = squared_error(last.y, wanted.reshape(1, B, 1))
        above = shown.backward(last, loss.gradient)
        dy = np.zeros_like(run.y)
        dy[-1:] = above.x
        return loss.value, layer.backward(run, dy).params | above.params

    training = Training(Adam(RATE), clip_norm=NORM)

    def train(batches: Batches) -> np.ndarray:
        taken = training.run(value_and_gradient, params, lambda rng: batches, 1, progress=False)
        return taken.history["loss"]

    return train


def theirs(layer: refseq.Layer, params: dict[str, np.ndarray]) -> Train:
    """torch."""
    kind = MODULES[layer.cell.name]
    adapter = TorchImplementation(kind(layer.inputs, layer.units))
    bottom = adapter.loaded({name: params[name] for name in layer.shapes})  # biases are 0, and so are both of torch's
    weight, bias = torch.tensor(params["W_yh"][0]), torch.tensor(params["b_y"][0])

    def train(batches: Batches) -> np.ndarray:
        rnn = type(bottom)(layer.inputs, layer.units).to(weight.dtype)
        rnn.load_state_dict(bottom.state_dict())
        linear = torch.nn.Linear(layer.units, 1).to(weight.dtype)
        with torch.no_grad():
            linear.weight.copy_(weight)
            linear.bias.copy_(bias)
        rnn.bias_hh_l0.requires_grad_(layer.cell.name == "gru")  # of a GRU one gate's is refseq's b_hn
        trained = [p for p in (*rnn.parameters(), *linear.parameters()) if p.requires_grad]
        if layer.cell.name == "gru":
            rnn.bias_hh_l0.register_hook(lambda grad: torch.cat([0 * grad[: 2 * layer.units], grad[2 * layer.units :]]))
        optimiser, losses = torch.optim.Adam(trained, RATE), []
        for x, wanted in batches:
            optimiser.zero_grad()
            y, _ = rnn(torch.from_numpy(x))
            loss = torch.nn.functional.mse_loss(linear(y[-1])[:, 0], torch.from_numpy(wanted))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trained, NORM)
            optimiser.step()
            losses.append(loss.item())
        return np.array(losses)

    return train


def problem(cell: str, n: int, dtype: str, steps: int) -> tuple[dict[str, Train], Batches]:
    """Both ways to train this model, and its batches."""
    layer = refseq.layer(cell, 2, n, **({"reset": "after"} if cell == "gru" else {}))
    params = layer.initialise(1, dtype=dtype) | refseq.layer("output", n, 1).initialise(2, dtype=dtype)
    rng = np.random.default_rng(3)
    batches = [draw(rng, T, B, dtype) for _ in range(steps)]
    return {"refseq": own(layer, params), "torch": theirs(layer, params)}, batches


def main() -> int:
    """Print the table; 1 if the two do not learn alike."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=60, help="steps of a turn")
    given = parser.parse_args()
    numba.set_num_threads(given.threads)
    torch.set_num_threads(given.threads)
    print(f"adding problem, T = {T}, B = {B}, float32, {given.threads} threads, torch {torch.__version__}")
    print(f"{'layer':8}{'units':>6}{'refseq':>12}{'torch':>12}{'ratio':>8}  losses differ by, in float64")
    rng, alike = random.Random(0), True
    for cell in MODULES:
        for n in SIZES:
            ways, batches = problem(cell, n, "float64", CHECKED)
            found = [train(batches) for train in ways.values()]
            off = float(np.max(abs(found[0] / found[1] - 1)))
            alike &= off < AGREE
            ways, batches = problem(cell, n, "float32", given.steps)
            rates: dict[str, list[float]] = {name: [] for name in ways}
            for train in ways.values():
                train(batches[:5])  # compiled, whatever is measured
            for _ in range(given.rounds):
                for name in rng.sample(list(ways), len(ways)):
                    time.sleep(PAUSE)
                    ways[name](batches[:2])  # wakes the threads up
                    start = time.perf_counter()
                    ways[name](batches)
                    rates[name].append(len(batches) / (time.perf_counter() - start))
            mine, other = (median(rates[name]) for name in ways)
            ratio = median(a / b for a, b in zip(rates["refseq"], rates["torch"], strict=True))
            verdict = "" if off < AGREE else "  DIFFERENT"
            print(f"{cell:8}{n:>6}{mine:>10.0f}/s{other:>10.0f}/s{ratio:>8.2f}  {off:.1g}{verdict}", flush=True)
    return 0 if alike else 1


if __name__ == "__main__":
    raise SystemExit(main())
