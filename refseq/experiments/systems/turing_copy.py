"""A neural Turing machine learns to copy (L1.25, L4.16), and goes on to lengths that it has not seen.

Patterns of bits come in, then a mark; the same patterns are wanted, in their order. A machine has to write them into
its memory, one location after another, and to read them from there: what it has learned for short sequences is then
right for longer ones, up to its locations. An LSTM with as many units, and more parameters, has the same training: it
must keep all patterns in its state. Sequences have 1 to 6 patterns of 4 bits in training, up to 16 afterwards.
Guessing is right in half of the bits. A. Graves, G. Wayne, I. Danihelka, arXiv:1410.5401, section 4.1.

The machine learns its first memory as well, its locations being alike otherwise.
"""

from typing import Any

import numpy as np

import refseq
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.learning.recipe import DTYPE, descend, initialised
from refseq.experiments.statistics import Statement, above, below, oftener
from refseq.experiments.systems import curves
from refseq.losses import binary_cross_entropy

BITS, LONGEST = 4, 6
TESTED = (1, 2, 4, 6, 8, 10, 12, 16)
ROWS, SHOWN = 64, 10
"""Sequences that are tested at every length; the length of the one whose addresses are drawn."""
NETWORKS = {"turing_machine": "neural Turing machine", "lstm": "LSTM"}


def draw(rng: np.random.Generator, rows: int, length: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x (2 L + 1, B, BITS + 1), wanted (2 L + 1, B, BITS), and which steps count (2 L + 1, B)."""
    L = int(rng.integers(1, LONGEST + 1)) if length is None else length
    bits, steps = rng.integers(0, 2, (L, rows, BITS)), 2 * L + 1
    x, wanted, counts = (np.zeros((steps, rows, *more), DTYPE) for more in ((BITS + 1,), (BITS,), ()))
    x[:L, :, :BITS], x[L, :, BITS], wanted[L + 1 :], counts[L + 1 :] = bits, 1, bits, 1
    return x, wanted, counts


class Machine:
    """A neural Turing machine whose first memory is a parameter."""

    def __init__(self, n: int, locations: int, width: int, seed: int) -> None:
        self.machine = refseq.turing_machine(BITS + 1, BITS, n, locations, width)
        self.params = self.machine.initialise(seed, dtype=DTYPE)
        memory = np.random.default_rng([seed, 3]).normal(0, 0.1, (1, locations, width))
        self.params["memory"] = memory.astype(DTYPE)

    def forward(self, params: dict[str, np.ndarray], x: np.ndarray) -> Any:
        """Every row begins with the same memory."""
        own = {name: params[name] for name in self.machine.shapes}
        first = np.repeat(params["memory"], x.shape[1], axis=0)
        return self.machine.forward(own, x, dict.fromkeys(self.machine.states) | {"memory": first})

    def backward(self, run: Any, dy: np.ndarray) -> dict[str, np.ndarray]:
        """Of all parameters; the first memory's is the sum over the rows."""
        grads = self.machine.backward(run, dy)
        return grads.params | {"memory": grads.state["memory"].sum(axis=0, keepdims=True)}


class Plain:
    """An LSTM under a linear output."""

    def __init__(self, n: int, seed: int) -> None:
        self.model = refseq.stack(refseq.layer("lstm", BITS + 1, n), refseq.layer("output", n, BITS))
        self.params = initialised(self.model, seed)

    def forward(self, params: dict[str, np.ndarray], x: np.ndarray) -> Any:
        """Over x."""
        return self.model.forward(params, x)

    def backward(self, run: Any, dy: np.ndarray) -> dict[str, np.ndarray]:
        """Of all parameters."""
        return self.model.backward(run, dy).params


def wrong(y: np.ndarray, wanted: np.ndarray, counts: np.ndarray) -> float:
    """The share of bits that are wrong."""
    return float(((y > 0) != wanted)[counts > 0].mean())


def measure(configuration, seed):
    """Train one network, test it on all lengths; where a machine writes and reads."""
    n, locations, updates = configuration["n"], configuration["locations"], configuration["updates"]
    plain = configuration["network"] == "lstm"
    model = Plain(n, seed) if plain else Machine(n, locations, configuration["width"], seed)

    def step(params, batch):
        x, wanted, counts = batch
        run = model.forward(params, x)
        loss = binary_cross_entropy(run.y, wanted, weights=counts, reduction="mean per element")
        return loss.value, model.backward(run, loss.gradient), wrong(run.y, wanted, counts)

    result = descend(step, model.params, lambda rng: draw(rng, configuration["rows"]), configuration, seed)
    rng, right, address = np.random.default_rng([seed, 2]), [], np.full((2, 2 * SHOWN + 1, locations), np.nan)
    for length in TESTED:
        x, wanted, counts = draw(rng, ROWS, length)
        run = model.forward(result.params, x)
        right.append(1 - wrong(run.y, wanted, counts))
        if length == SHOWN and not plain:
            address = run.weights[:, 0].transpose(1, 0, 2)
    parameters = sum(value.size for value in model.params.values())
    return dataset(
        {
            **curves.curves(result, updates, "right bits"),
            "right": (("length",), right, "1", "share of right bits after training"),
            "address": (("head", "t", "location"), address, "1", "weights of the heads for one sequence"),
            "parameters": ((), parameters, "1", "numbers that are learned"),
        },
        {
            "update": curves.coordinate(updates),
            "length": (("length",), np.array(TESTED), "1", "patterns in a sequence"),
            "head": (("head",), np.array(["read", "write"]), "", "which head"),
            "t": (("t",), np.arange(2 * SHOWN + 1), "step", "time"),
            "location": (("location",), np.arange(locations), "1", "location of the memory"),
        },
    )


def statements(found) -> list[Statement]:
    """What is learned, and what of it is right for longer sequences."""
    machine, lstm = (found.right.sel(network=name) for name in NETWORKS)
    twice = max(length for length in TESTED if length <= 2 * LONGEST)
    trained = {"length": [length for length in TESTED if length <= LONGEST]}
    ahead = machine.sel(length=twice).values - lstm.sel(length=twice).values
    lengths = f"{twice} patterns, trained with up to {LONGEST}"
    return [
        above("L1.25", "turing machine: bits right, lengths as trained", machine.sel(trained).mean("length"), 0.95),
        above("L4.16", f"turing machine: bits right, {lengths}", machine.sel(length=twice), 0.5, "above 1/2, chance"),
        below("L4.16", f"lstm: bits right, {lengths}", lstm.sel(length=twice), 0.75, "1/2 when its state is full"),
        oftener("L4.16", f"turing machine ahead of lstm, {lengths}", ahead),
    ]


def picture(found):
    """Curves, what is right by length, and where a machine's heads are."""
    figure = pictures.blank(15.5, 3.6)
    axes = figure.subplots(1, 5, gridspec_kw={"width_ratios": [4, 4, 4, 2.6, 2.6]})
    curves.drawn(axes[:2], found, "network", NETWORKS)
    axes[0].set_title("loss in training")
    axes[1].set_title("share of right bits in training")
    curves.by_length(axes[2], found, "right", "network", NETWORKS, LONGEST)
    axes[2].set_title("share of right bits by length, after training")
    curves.chance(axes[1:3], 0.5)
    axes[1].legend(loc="lower right", bbox_to_anchor=(1, 0.1))
    one = found.sel(network="turing_machine")
    best = int(one.right.mean("length").argmax("seed"))
    image = None
    for ax, head in zip(axes[3:], ("write", "read"), strict=True):
        weights = one.address.isel(seed=best).sel(head=head).transpose("location", "t").values
        image = ax.imshow(weights, cmap=pictures.MAP, vmin=0, vmax=1, aspect="auto", origin="lower")
        ax.axvline(SHOWN, color="white", linewidth=0.8, linestyle=":")
        ax.set(xlabel="step", title=f"{head} head, {SHOWN} patterns")
        pictures.steps(ax, "y")
    axes[3].set_ylabel(f"location; seed {int(found.seed[best])}")
    figure.colorbar(image, ax=axes[4], label="weight")
    return figure


EXPERIMENT = Experiment(
    name="turing_copy",
    title="A neural Turing machine learns to copy",
    sources=("L1.25", "L4.16"),
    settings={
        "n": 32,
        "locations": 20,
        "width": 8,
        "rows": 16,
        "updates": 3000,
        "rate": 0.005,
        "norm": 10.0,
        "network": tuple(NETWORKS),
    },
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"updates": 450, "rate": 0.01},
    quick_seeds=8,
)
