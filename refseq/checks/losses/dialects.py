"""What a wrong gradient of a loss is instead: the true one of another argument, or of another sign or scale.

A dialect is a base (the gradient with respect to logits, log-probabilities or probabilities), a sign and a factor for
every row. All of them are computed, and the first whose every entry is that of the candidate up to rounding is what the
report says; an implementation is known by its numbers alone.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from refseq.checks.budget import THRESHOLD
from refseq.checks.exact import enclose
from refseq.checks.losses.implementation import OwnCTC
from refseq.checks.structures.ctc import Targets
from refseq.fields.noise import UNIT_ROUNDOFF
from refseq.losses.ctc_rows import LOG_PROBS, LOGITS

Arrays = Mapping[str, np.ndarray]
PROBS = "probs"
WORDS = {LOGITS: "logits", LOG_PROBS: "log-probabilities", PROBS: "probabilities"}
EXTRA = {
    (LOG_PROBS, LOGITS): "the true gradient plus softmax",
    (LOGITS, LOG_PROBS): "the true gradient minus softmax",
}
"""What the gradient of the second is, where that of the first is wanted."""


def diagnosis(problem: Any, candidate: np.ndarray, spread: np.ndarray) -> str:
    """The dialect that a candidate for the gradient of a ``CTCPoint`` is in, in words; nothing if it is in none of them
    or in the right one. ``spread``: standard deviations of the rounding errors of the right one."""
    wanted, cotangents, targets = problem.layer.wrt, problem.cotangents["loss"].astype(np.float64), problem.targets
    gradients = _gradients(problem, targets)
    # of a posterior: logarithms up to the loss are rounded, and then it is softmax that may cancel it
    rounding = UNIT_ROUNDOFF[problem.dtype] * (1 + np.abs(enclose(problem)["loss"].high))[:, None]
    own = spread / np.maximum(np.abs(cotangents), np.finfo(np.float64).tiny)[:, None]
    for words, factor in _factors(targets, cotangents):
        for sign in (1, -1):
            for wrt, gradient in gradients.items():
                scale = (sign * factor)[:, None]
                dialect = scale * gradient
                noise = np.abs(scale) * (own + rounding * np.maximum(np.abs(gradient), 1))
                if np.all(np.abs(candidate - dialect) <= THRESHOLD * noise):
                    return _in_words(wanted, wrt, sign, words)
    return ""


def _gradients(problem: Any, targets: Targets) -> Arrays:
    """Of every row's loss, in double precision (the reference target, which is judged by itself)."""
    x = problem.values[problem.layer.wrt].astype(np.float64)
    given = x, targets.labels, targets.lengths, targets.target_lengths, problem.layer.blank, np.ones(x.shape[1])
    found = {wrt: OwnCTC(wrt, "reference").vjp(*given) for wrt in (problem.layer.wrt, LOGITS, LOG_PROBS)}
    logs = x - np.logaddexp.reduce(x, axis=2, keepdims=True) if problem.layer.wrt == LOGITS else x
    return found | {PROBS: found[LOG_PROBS] / np.exp(logs)}


def _factors(targets: Targets, cotangents: np.ndarray) -> Iterator[tuple[str, np.ndarray]]:
    """What a row's gradient may be multiplied by: as it should be, first."""
    rows, ones = len(cotangents), np.ones(len(cotangents))
    labels, frames = np.maximum(targets.target_lengths, 1), np.maximum(targets.lengths, 1)
    scales = {
        "": ones,
        "divided by the number of rows": ones / rows,
        "divided by the length of the target": 1 / labels,
        "divided by the length of the target and the number of rows": 1 / (labels * rows),
        "divided by the number of frames": 1 / frames,
        "divided by the number of frames and the number of rows": 1 / (frames * rows),
        "multiplied by the number of rows": ones * rows,
    }
    yield from ((words, factor * cotangents) for words, factor in scales.items())
    for words, factor in scales.items():
        yield f"without the cotangent of the loss{f', {words}' if words else ''}", factor


def _in_words(wanted: str, wrt: str, sign: int, scale: str) -> str:
    parts = []
    if wrt != wanted:
        extra = EXTRA.get((wanted, wrt))
        parts.append(f"the gradient with respect to {WORDS[wrt]}, not {WORDS[wanted]}{f' ({extra})' if extra else ''}")
    parts += ["of the wrong sign"] if sign < 0 else []
    parts += [scale] if scale else []
    return f"it is {'' if wrt != wanted else 'the true gradient '}{', '.join(parts)}" if parts else ""
