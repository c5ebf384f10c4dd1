"""What mutants of systems are run on: the problems that the checks put to them (``refseq.checks.structures``), and what
only floats can show."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations, product

import numpy as np

from refseq.checks.structures import ctc
from refseq.losses import ctc_mixture, ctc_of_log_probs, ctc_of_logits, ctc_trellis
from refseq.mutation.calls import Calls, Tensors, nothing
from refseq.mutation.networks import Network

CLASSES = 4
STEPS, LENGTHS = 7, np.array([7, 6, 4, 3, 5, 0, 7])
LABELS, COUNTS = (
    np.array([[1, 2, 3], [2, 2, 2], [3, 3, 1], [1, 1, 2], [9, 9, 9], [9, 9, 9], [1, 9, 9]]),
    [3, 3, 3, 3, 0, 0, 1],
)
"""Targets of every kind: equal neighbours, just long enough, too long, empty, without frames; 9 is padding."""


def _posed(system: ctc.CTC, number: int) -> Network:
    problem = list(ctc.problems(system, "float64"))[number]
    assert problem.targets is not None  # those of a loss
    wrt, lengths = system.wrt, problem.targets.lengths
    outside = np.arange(len(problem.values[wrt]))[:, None] >= lengths
    return Network(None, problem.function, dict(problem.values), dict(problem.cotangents), {wrt: outside})


def _problems() -> Iterator[tuple[str, Callable[[], Network]]]:
    for system in ctc.examples(2, CLASSES):
        for number, problem in enumerate(ctc.problems(system, "float64")):
            yield f"{system} {problem.label}", partial(_posed, system, number)


PROBLEMS: dict[str, Callable[[], Network]] = dict(_problems())
"""Every problem, by name."""


def _floats() -> Tensors:
    """Probabilities of 0, targets that no path spells, long sums."""
    rng, found = np.random.default_rng(21), {}
    for dtype in ("float32", "float64"):
        x = (3 * rng.normal(size=(STEPS, len(LENGTHS), CLASSES))).astype(dtype)
        x[2, 0, 2] = x[:, 1, 2] = -np.inf
        for name, loss in (("logits", ctc_of_logits), ("log_probs", ctc_of_log_probs)):
            for infeasible in ("inf", "zero"):
                how = {"lengths": LENGTHS, "target_lengths": COUNTS, "infeasible": infeasible}
                with np.errstate(all="ignore"):
                    made = loss(x, LABELS, **how, reduction="sum", target="reference")
                found[f"{name} {infeasible} {dtype}"] = [*made.sequences, *made.gradient.reshape(-1)]
    return found


def _mixtures() -> Tensors:
    """Every order of two and three numbers, each there or not."""
    found, numbers = {}, (-1.5, 0.25, 2.0)
    for there in product((True, False), repeat=3):
        for given in permutations(numbers):
            name = f" {given} {there}"
            if any(there[:2]):
                found["two" + name] = ctc_mixture.two(*given[:2], *there[:2])
                found["three" + name] = ctc_mixture.three(*given, *there)
    return found


def _states() -> Tensors:
    """Which states live, of room that was in use before; the largest number of those that do."""
    labels, found = np.array([3, 1, 1, 2, 2, 2, 3]), {}
    rng = np.random.default_rng(22)
    for begin, count in ((0, 0), (1, 1), (1, 2), (2, 3), (1, 6)):
        need = np.full(count + 2, 5)
        total = ctc_trellis.requirements(need, labels, begin, count, 0)
        found[f"need {begin} {count}"] = [total, *need]
        other = np.full(count + 2, 5)
        found[f"other lane {begin} {count}"] = [ctc_trellis.requirements(other, labels, begin, count, 1), *other]
        for n in range(max(total, 1), total + 3):
            for t in range(n):
                j = range(count + 1)
                blanks = [ctc_trellis.blank_lives(k, t, n, need, count) for k in j]
                spoken = [ctc_trellis.label_lives(k, t, n, need, count) for k in j[1:]]
                a, b = rng.normal(size=(2, count + 2)) - 3
                most = ctc_trellis._largest(a, b, need, count, t, n)
                found[f"lives {begin} {count} {n} {t}"] = [*blanks, *spoken, most]
        found[f"skips {begin} {count}"] = [ctc_trellis.skips(k, need) for k in range(1, count + 1)]
    return found


CALLS: dict[str, Calls] = {
    "ctc of floats": Calls(_floats, nothing),
    "ctc mixtures": Calls(_mixtures, nothing),
    "ctc states": Calls(_states, nothing),
}
"""Every case of floats, by name."""
