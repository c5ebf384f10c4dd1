"""CTC for T = 3 frames, the label "ab" and a blank: the forward recursion sums exactly the paths that collapse to it.

A. Graves et al., Connectionist temporal classification, ICML 2006, eqs. 6-8. An identity between polynomials in the
nine probabilities. The recursion is written here: it is about the algorithm, not about code of refseq.
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import z3

from proofs.smt.claim import Claim

FRAMES, SYMBOLS, BLANK = 3, 3, 0


def collapsed(path: Sequence[int]) -> list[int]:
    """Repeats merged, then blanks removed."""
    return [k for t, k in enumerate(path) if k != BLANK and (t == 0 or path[t - 1] != k)]


def all_paths(p: Any, label: Sequence[int]) -> Any:
    """The sum over every path that collapses to the label."""
    paths = [path for path in product(range(SYMBOLS), repeat=FRAMES) if collapsed(path) == list(label)]
    return z3.Sum([z3.Product([p[t][k] for t, k in enumerate(path)]) for path in paths])


def forward(p: Any, label: Sequence[int], skips_repeats: bool = False) -> Any:
    """alpha_t(s) = (alpha_{t-1}(s) + alpha_{t-1}(s-1) + [a blank may be skipped] alpha_{t-1}(s-2)) p_t(l'_s)."""
    extended = [BLANK, *(k for symbol in label for k in (symbol, BLANK))]
    nothing = z3.RealVal(0)
    alpha = [p[0][BLANK], p[0][extended[1]], *[nothing] * (len(extended) - 2)]
    for t in range(1, FRAMES):
        after = []
        for s, symbol in enumerate(extended):
            total = alpha[s] + (alpha[s - 1] if s else nothing)
            if s > 1 and symbol != BLANK and (skips_repeats or symbol != extended[s - 2]):
                total = total + alpha[s - 2]
            after.append(total * p[t][symbol])
        alpha = after
    return alpha[-1] + alpha[-2]


def probabilities() -> Any:
    """p_t(k) as variables."""
    return [[z3.Real(f"p_{t}_{k}") for k in range(SYMBOLS)] for t in range(FRAMES)]


def paths(planted: bool = False) -> Iterator[Claim]:
    """For "ab", and for "aa", whose two letters need a blank between them. Planted: they do not."""
    p = probabilities()
    positive = tuple(probability > 0 for row in p for probability in row)
    for word, label in (("ab", (1, 2)), ("aa", (1, 1)), ("b", (2,))):
        yield Claim(f"'{word}': forward = all paths", forward(p, label, planted) == all_paths(p, label), positive)
