"""Medians with their spread."""

from collections.abc import Sequence
from typing import Any

import numpy as np


def summary(seconds: Sequence[float]) -> dict[str, Any]:
    """Median, quartiles, minimum, and the samples themselves. Raises ValueError if there is none."""
    if not seconds:
        raise ValueError("seconds: expected at least one sample, got none")
    low, middle, high = (float(q) for q in np.percentile(seconds, [25, 50, 75]))
    return {"median": middle, "q1": low, "q3": high, "min": float(min(seconds)), "samples": [float(s) for s in seconds]}


def ratio(theirs: dict[str, Any], ours: dict[str, Any]) -> dict[str, float]:
    """Their time / our time: the ratio of the medians, and the quartiles of the ratios of single rounds, in each of
    which both ran within seconds of one another. Above 1, ours is faster."""
    single = [a / b for a, b in zip(theirs["samples"], ours["samples"], strict=False)]
    low, high = (float(q) for q in np.percentile(single, [25, 75]))
    return {"median": theirs["median"] / ours["median"], "q1": low, "q3": high}


def apart(new: dict[str, Any], old: dict[str, Any], least: float) -> str:
    """How a time has changed: "slower" or "faster" if the interquartile ranges do not overlap and the medians differ by
    a factor of more than 1 + least; else "same"."""
    factor = new["median"] / old["median"]
    if factor > 1 + least and new["q1"] > old["q3"]:
        return "slower"
    if factor < 1 / (1 + least) and new["q3"] < old["q1"]:
        return "faster"
    return "same"


def exponent(sizes: Sequence[float], seconds: Sequence[float]) -> float:
    """p of the fit seconds = c size^p, by least squares on logarithms; NaN for fewer than two sizes."""
    if len(set(sizes)) < 2:
        return float("nan")
    x, y = np.log(np.asarray(sizes, float)), np.log(np.asarray(seconds, float))
    return float(((x - x.mean()) * (y - y.mean())).sum() / ((x - x.mean()) ** 2).sum())
