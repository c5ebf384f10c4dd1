"""Curves of training, and of what has been learned by length, as data and as pictures."""

from typing import Any

import numpy as np

from refseq.experiments import pictures
from refseq.experiments.data import Variable
from refseq.experiments.learning.recipe import Result

BLOCKS = 40
"""Points of a drawn curve: means of as many batches as that leaves."""


def curves(result: Result, updates: int, right: str) -> dict[str, Variable]:
    """Loss and share of ``right`` (in words) of every batch before its update. Where numbers overflowed: inf, and
    nothing right from there on."""
    loss, accuracy = np.full(updates, np.inf), np.zeros(updates)
    loss[: len(result.losses)] = result.losses
    accuracy[: len(result.errors)] = np.maximum(1 - result.errors, 0)
    return {
        "loss": (("update",), loss, "nat", "loss of every batch before its update"),
        "accuracy": (("update",), accuracy, "1", f"share of {right} in every batch before its update"),
    }


def coordinate(updates: int) -> Variable:
    """The number of updates made before a batch."""
    return ("update",), np.arange(updates), "1", "updates made"


def late(found: Any, share: float = 0.1) -> Any:
    """The mean loss of the last updates, by seed."""
    return found.loss.isel(update=slice(-max(1, int(share * found.sizes["update"])), None)).mean("update")


def drawn(axes: Any, found: Any, axis: str, names: dict[Any, str]) -> None:
    """Loss and accuracy over updates on two axes, a band over seeds for every value of ``axis``, by its name."""
    for variable, ax in zip(("loss", "accuracy"), axes, strict=True):
        for (value, label), (_, colour) in zip(names.items(), pictures.label_lines(names), strict=True):
            every = found[variable].sel({axis: value}).transpose("seed", "update").values
            size = max(1, every.shape[1] // BLOCKS)
            whole = every[:, : every.shape[1] // size * size].reshape(len(every), -1, size).mean(axis=2)
            at = size * (np.arange(whole.shape[1]) + 0.5)
            pictures.band(ax, at, whole, colour, label, log=variable == "loss")
        ax.set(xlabel="update", xlim=(0, found.sizes["update"]))
    axes[0].set_ylabel(f"cross-entropy, nats; band over {found.sizes['seed']} seeds")
    axes[1].set_ylim(0, 1.03)


def chance(axes: Any, share: float, words: str = "chance", legend: int = 0) -> None:
    """A dashed line at what guessing gets right; the legend of one of the axes just above it."""
    for ax in axes:
        pictures.theory(ax, ax.get_xlim(), [share, share], label=words)
    axes[legend].legend(loc="lower right", bbox_to_anchor=(1, share + 0.02))


def by_length(ax: Any, found: Any, variable: str, axis: str, names: dict[Any, str], trained: int) -> None:
    """A variable over the lengths that were tested, a band over seeds; lengths that were trained are shaded."""
    lengths = found.length.values
    ax.axvspan(0, trained + 0.5, color="0.92", zorder=0)
    ax.text(trained + 0.3, 0.02, "trained", ha="right", color="0.35", fontsize=8)
    for k, ((value, label), (_, colour)) in enumerate(zip(names.items(), pictures.label_lines(names), strict=True)):
        every = found[variable].sel({axis: value}).transpose("seed", "length").values
        pictures.band(ax, lengths, every, colour, label, log=False, marker="os^D"[k], markersize=4)
    ax.set(xlim=(0, lengths.max() + 0.5), ylim=(0, 1.03), xlabel="length of the sequence")
    pictures.steps(ax)
