"""BLEU: how well predicted sequences agree with given ones, by the n-grams that they share.

    p_n = matches / n-grams of the prediction       a match counts at most as often as the n-gram occurs in a reference

``lecture_bleu`` (L2.9) is for one prediction and one label; ``corpus_bleu`` is the standard score of a corpus (K.
Papineni, S. Roukos, T. Ward, W.-J. Zhu, BLEU, ACL 2002), with the smoothing of B. Chen, C. Cherry, WMT 2014 as
sacrebleu has it (M. Post, WMT 2018). Tokens are anything that can be hashed.
"""

import math
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction

from refseq import arguments

Tokens = Sequence[Hashable]
SMOOTHING = ("none", "floor", "add-k", "exp")
DEFAULTS = {"floor": 0.1, "add-k": 1.0}


@dataclass(frozen=True)
class BLEU:
    """``score`` in [0, 1]: ``brevity`` times the geometric mean of ``precisions``; ``matches`` and ``totals`` of
    n-grams, n = 1, 2 ..., before smoothing; the lengths of all predictions, and of the closest references."""

    score: float
    precisions: tuple[float, ...]
    brevity: float
    matches: tuple[int, ...]
    totals: tuple[int, ...]
    predicted: int
    wanted: int


def ngrams(tokens: Tokens, n: int) -> Counter:
    """How often every n-gram occurs."""
    return Counter(tuple(tokens[k : k + n]) for k in range(len(tokens) - n + 1))


def matched(prediction: Tokens, references: Iterable[Tokens], n: int) -> int:
    """n-grams of the prediction that are in a reference, each at most as often as in the one that has most of it."""
    most: Counter = Counter()
    for reference in references:
        most |= ngrams(reference, n)
    return (ngrams(prediction, n) & most).total()


def precisions(prediction: Tokens, label: Tokens, order: int) -> list[Fraction]:
    """p_1 ... p_order of one prediction, exactly; 0 where it has no n-gram."""
    totals = [max(len(prediction) - n + 1, 0) for n in range(1, order + 1)]
    found = [matched(prediction, [label], n) for n in range(1, order + 1)]
    return [Fraction(match, total) if total else Fraction(0) for match, total in zip(found, totals, strict=True)]


def lecture_bleu(prediction: Tokens, label: Tokens, order: int) -> float:
    """exp(min(0, 1 - len(label)/len(prediction))) prod over n = 1 ... order of p_n^(1/2^n), in [0, 1] (L2.9).

    An empty prediction has 0. Raises TypeError or ValueError naming the argument.
    """
    arguments.integer("order", order, 1)
    prediction, label = _tokens("prediction", prediction), _tokens("label", label)
    if not prediction:
        return 0.0
    found = precisions(prediction, label, order)
    product = math.prod(float(p) ** 0.5**n for n, p in enumerate(found, start=1))
    return math.exp(min(0.0, 1 - len(label) / len(prediction))) * product


def corpus_bleu(
    predictions: Sequence[Tokens],
    references: Sequence[Sequence[Tokens]],
    *,
    order: int = 4,
    smoothing: str = "exp",
    amount: float | None = None,
    effective_order: bool = False,
) -> BLEU:
    """The score of a corpus: one prediction and one or more references for each of its sentences. Matches, totals and
    lengths are those of all sentences together; it is no mean of the sentences' scores.

        score = brevity (p_1 p_2 ... p_N)^(1/N)        brevity = min(1, exp(1 - wanted/predicted))

    Of several references the one whose length is closest to the prediction's counts as wanted, the shorter one of two.
    ``effective_order``: N is the largest n for which there are n-grams, if that is less than ``order``.

    smoothing    without any match at all, the score is 0; else
      "none"     0 as soon as one n has no match
      "floor"    an n without a match has ``amount`` matches, 0.1 unless given
      "add-k"    ``amount``, 1 unless given, is added to matches and totals of n >= 2
      "exp"      the k-th n without a match has 2^-k matches

    The empty corpus has 0. Raises TypeError or ValueError naming the argument.
    """
    arguments.integer("order", order, 1)
    arguments.choice("smoothing", smoothing, SMOOTHING)
    arguments.flag("effective_order", effective_order)
    if amount is None:
        amount = DEFAULTS.get(smoothing, 0.0)
    elif smoothing not in DEFAULTS or arguments.number("amount", amount) < 0:
        raise ValueError(f"amount: expected a number >= 0 for floor and add-k, got {amount!r} for {smoothing}")
    if len(predictions) != len(references):
        raise ValueError(f"references: expected those of {len(predictions)} predictions, got {len(references)}")
    matches, totals, predicted, wanted = [0] * order, [0] * order, 0, 0
    for s, (given, known) in enumerate(zip(predictions, references, strict=True)):
        prediction = _tokens(f"predictions[{s}]", given)
        labels = [_tokens(f"references[{s}][{k}]", label) for k, label in enumerate(known)]
        if not labels:
            raise ValueError(f"references[{s}]: expected at least one reference, got none")
        predicted += len(prediction)
        wanted += min((len(label) for label in labels), key=lambda size: (abs(size - len(prediction)), size))
        for n in range(1, order + 1):
            totals[n - 1] += max(len(prediction) - n + 1, 0)
            matches[n - 1] += matched(prediction, labels, n)
    brevity = 0.0 if predicted == 0 else min(1.0, math.exp(1 - wanted / predicted))
    found = _smoothed(matches, totals, smoothing, amount)
    counted = found[: max(sum(total + extra > 0 for total, extra in _extra(totals, smoothing, amount)), 1)]
    used = counted if effective_order else found
    score = 0.0
    if any(matches) and all(p > 0 for p in used):
        score = brevity * math.exp(sum(math.log(p) for p in used) / len(used))
    return BLEU(score, tuple(found), brevity, tuple(matches), tuple(totals), predicted, wanted)


def _extra(totals: list[int], smoothing: str, amount: float) -> list[tuple[int, float]]:
    """Totals with what is added to them."""
    return [(total, amount if smoothing == "add-k" and n else 0.0) for n, total in enumerate(totals)]


def _smoothed(matches: list[int], totals: list[int], smoothing: str, amount: float) -> list[float]:
    """The precisions; 0 from the first n on that has no n-grams."""
    found, halves = [0.0] * len(matches), 1.0
    if not any(matches):
        return found
    for n, (match, (total, extra)) in enumerate(zip(matches, _extra(totals, smoothing, amount), strict=True)):
        if total + extra == 0:
            break
        if match + extra > 0:
            found[n] = (match + extra) / (total + extra)
        elif smoothing == "exp":
            halves *= 2
            found[n] = 1 / (halves * total)
        elif smoothing == "floor":
            found[n] = amount / total
    return found


def _tokens(name: str, value: Tokens) -> Tokens:
    """A sequence of tokens; a string is none, as it might mean words or letters."""
    if isinstance(value, (str, bytes)) or not hasattr(value, "__len__"):
        raise TypeError(f"{name}: expected a list of tokens, got {type(value).__name__}")
    return list(value)
