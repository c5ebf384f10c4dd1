"""Room for the rounding errors of alphas and betas that are logarithms as large as the loss.

Budgets are measured on refseq's source, whose alphas are relative to the largest of a frame. Others, the paper and
torch among them, add up logarithms from the first frame on: at a frame those of alpha and beta, which are up to the
loss L, have been rounded some three times for each of the T frames of their row, each time by L u / sqrt(3). What a
path through a class has of the posterior is the exponential of these, so that its relative error has the standard
deviation u L sqrt(T): not small beside the gradient where logits are far apart. Who goes on to logits through
log_softmax takes from each class softmax times the sum of the gradient over the classes, with the errors of all.

Here the same function, exactly, has such errors on numbers that round: w is added to each entry of the gradient and
subtracted again, which rounds twice.
"""

from dataclasses import replace

import numpy as np

from refseq.checks.exact import enclose
from refseq.checks.function import Arrays, Function, Named
from refseq.checks.losses.implementation import OwnCTC
from refseq.checks.structures.ctc import CTCPoint
from refseq.losses.ctc_rows import LOG_PROBS


def in_logarithms(problem: CTCPoint) -> CTCPoint:
    """The problem as one who computes in logarithms has it."""
    inner, room = problem.function, _room(problem)

    def backward(record: tuple, cotangents: Named) -> Arrays:
        return {name: _rounded(value, room) for name, value in inner.backward(record, cotangents).items()}

    return replace(problem, function=Function(inner.forward, backward))


def _room(problem: CTCPoint) -> np.ndarray:
    """w of every entry of the gradient: 0 where the posterior is."""
    targets, wrt = problem.targets, problem.layer.wrt
    assert targets is not None
    x, exact = problem.values[wrt].astype(np.float64), enclose(problem)
    logs = x if wrt == LOG_PROBS else x - np.logaddexp.reduce(x, axis=2, keepdims=True)
    given = targets.labels, targets.lengths, targets.target_lengths, problem.layer.blank
    posterior = -OwnCTC(LOG_PROBS, "reference").vjp(logs, *given, np.ones(x.shape[1]))
    cotangents, rounded_twice = np.abs(problem.cotangents["loss"].astype(np.float64)), np.sqrt(3 / 2)
    relative = rounded_twice * (1 + np.abs(exact["loss"].high)) * np.sqrt(targets.lengths)
    room = posterior * (cotangents * relative)[:, None]
    if wrt == LOG_PROBS:
        return room
    return np.hypot(room, np.exp(logs) * np.sqrt((room**2).sum(axis=2, keepdims=True)))


def _rounded(value: np.ndarray, room: np.ndarray) -> np.ndarray:
    result = value.copy()
    for index in zip(*np.nonzero(room), strict=True):
        result[index] = (value[index] + room[index]) - room[index]
    return result
