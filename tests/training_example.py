"""A small memory task, and a program that trains it with its state in a file: the one that tests kill.

Which of two symbols stood at the first step? The network (Elman, 6 units) reads a row of symbols and must name the
first one at the end; a network without memory can only guess, at log 2.
"""

import os
import signal
import sys

import numpy as np

import refseq
from refseq.optimisers import Adam
from refseq.training import Training

STEPS, ROWS, BATCHES, EPOCHS = 6, 8, 5, 60
LAYER = refseq.layer("elman", 2, 6)
TRAINING = Training(Adam(0.02), seed=3, clip_norm=1.0)


def start(dtype: str = "float64") -> dict[str, np.ndarray]:
    """The initial parameters: those of the layer, and an output layer with two classes."""
    params = LAYER.initialise(seed=1, scheme="orthogonal", dtype=dtype)
    return params | {"W_yh": np.random.default_rng(2).normal(0, 0.4, (2, LAYER.units)).astype(dtype)}


def batches(dtype: str = "float64") -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows of random symbols, one-hot (T, B, 2), and the first symbol as target of the last step (T, B)."""
    rng = np.random.default_rng(4)
    symbols = rng.integers(0, 2, (BATCHES, STEPS, ROWS))
    targets = np.full_like(symbols, -1)
    targets[:, -1] = symbols[:, 0]
    return [(np.eye(2, dtype=dtype)[s], y) for s, y in zip(symbols, targets, strict=True)]


def value_and_gradient(params, batch):
    """Loss of the last step and gradients of all parameters."""
    x, y = batch
    run = LAYER.forward({name: params[name] for name in LAYER.shapes}, x)
    loss = refseq.losses.cross_entropy(run.y @ params["W_yh"].T, y, ignore_index=-1)
    grads = LAYER.backward(run, loss.gradient @ params["W_yh"])
    return loss.value, grads.params | {"W_yh": np.einsum("tbv,tbh->vh", loss.gradient, run.y)}


def main(file: str, epochs: int) -> None:
    """Train with a file; say on stdout when an epoch has been saved."""
    state = TRAINING.run(value_and_gradient, start(), batches(), epochs, file=file, callback=lambda s: say(s.epoch))
    say(f"done {state.epoch}")


def say(what) -> None:
    os.write(1, f"{what}\n".encode())


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs begin deaf to it
    main(sys.argv[1], int(sys.argv[2]))
