"""The process in which a user's source runs: its own, as numba has to leave the source to the interpreter
(``NUMBA_DISABLE_JIT``, set before numba is imported) and as numpy is changed.

``python -m proofs.foreign.child FILE`` reads from FILE what is asked, {"name", "cell"}, and writes the answers there.
"""

import json
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from proofs.foreign import judge, symbols
from proofs.foreign.reading import patched, place, words
from proofs.theorem import Answer, Proved, Refuted, Undecided
from refseq.checks.implementation import NotOffered
from refseq.checks.subject import Misbehaviour
from refseq.cli.rows import load

QUESTIONS: dict[str, tuple[judge.Question, judge.Question]] = {
    "gradient": (judge.gradient, judge.planted_gradient),
    "forward": (judge.forward, judge.planted_forward),
}
"""Name -> what is asked, and with a planted error."""


def answers(found: Any, cell: tuple[str, Mapping[str, Any]] | None) -> dict[str, tuple[Answer, Answer]]:
    """To every question, what comes out, and what does with a planted error."""
    result = {}
    for name, (question, planted) in QUESTIONS.items():
        answer = doubted(answered(found, cell, question))
        result[name] = answer, answered(found, cell, planted) if isinstance(answer, Proved) else answer
    return result


def answered(found: Any, cell: tuple[str, Mapping[str, Any]] | None, question: judge.Question) -> Answer:
    """One answer for all shapes and problems."""
    shown: dict[str, list[str]] = {}
    absent: dict[str, str] = {}
    try:
        for case in judge.cases(found, cell, absent):
            for problem in case.problems():
                symbols.forget()
                try:
                    answer = question(case, problem)
                except NotOffered as error:
                    absent[f"{case.shape}, {problem.label}"] = str(error)
                    continue
                if not isinstance(answer, Proved):
                    return answer
                shown.setdefault(case.shape, []).append(answer.shown)
    except Misbehaviour as error:
        where = place(error.__cause__) if error.__cause__ else ""
        return Undecided(f"does not run on ordinary numbers: {where + ': ' if where else ''}{error}")
    except Exception as error:  # noqa: BLE001 - foreign code may raise anything, and all of it is the reason
        where = place(error)
        return Undecided(f"cannot be read this way: {where + ': ' if where else ''}{words(error)}")
    missing = "".join(f"; not offered: {', '.join(_of(absent, why))} ({why})" for why in dict.fromkeys(absent.values()))
    if not shown:
        return Undecided(f"nothing was judged{missing}")
    return Proved("; ".join(f"{shape}: {' + '.join(texts)}" for shape, texts in shown.items()) + missing)


def _of(absent: Mapping[str, str], why: str) -> list[str]:
    return [what for what, reason in absent.items() if reason == why]


def doubted(answer: Answer) -> Answer:
    """A refutation, or undecided where a law may have been used that the formal functions do not know."""
    unknown = symbols.unknown() if isinstance(answer, Refuted) else []
    if not unknown:
        return answer
    return Undecided(f"{answer}; but the source may use what is not known here: {', '.join(unknown)}")


def main(file: str) -> None:
    """Read the question, write the answers."""
    asked = json.loads(Path(file).read_text())
    with patched(), np.errstate(all="ignore"):
        try:
            found = answers(load(asked["name"]), asked["cell"])
            result = {name: [_plain(answer) for answer in pair] for name, pair in found.items()}
        except BaseException:  # the parent says it; a user's module may even call sys.exit
            result = {"error": traceback.format_exc().strip().splitlines()[-1]}
    Path(file).write_text(json.dumps(result))


def _plain(answer: Answer) -> list[Any]:
    return [type(answer).__name__, asdict(answer)]


if __name__ == "__main__":
    main(sys.argv[1])
