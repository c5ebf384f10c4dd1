"""The process in which a user's source runs: its own, as numba has to leave the source to the interpreter
(``NUMBA_DISABLE_JIT``, set before numba is imported) and as numpy is changed.

``python -m proofs.foreign.child FILE`` reads from FILE what is asked, {"name", "cell"}, and writes the answers there.
"""

import json
import sys
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from proofs.foreign import judge, ordinary, symbols
from proofs.foreign.reading import patched, place, words
from proofs.theorem import Answer, Proved, Refuted, Undecided
from refseq.checks.implementation import NotOffered
from refseq.checks.problem import Problem
from refseq.checks.subject import Misbehaviour, Subject
from refseq.cli.rows import load


@dataclass(frozen=True)
class Question:
    """What is asked, the same with a planted error, and who gives a second opinion on ordinary numbers."""

    ask: judge.Question
    planted: judge.Question
    second: ordinary.Opinion


QUESTIONS = {
    "gradient": Question(judge.gradient, judge.planted_gradient, ordinary.gradient),
    "forward": Question(judge.forward, judge.planted_forward, ordinary.forward),
}

Cell = tuple[str, Mapping[str, Any]] | None


def answers(found: Any, cell: Cell) -> dict[str, tuple[Answer, Answer]]:
    """To every question, what comes out, and what does with a planted error."""
    result = {}
    for name, question in QUESTIONS.items():
        answer = answered(found, cell, question.ask, question.second)
        result[name] = answer, answered(found, cell, question.planted) if isinstance(answer, Proved) else answer
    return result


def answered(found: Any, cell: Cell, ask: judge.Question, second: ordinary.Opinion | None = None) -> Answer:
    """One answer for all shapes and problems."""
    shown: dict[str, list[str]] = {}
    absent: dict[str, str] = {}
    try:
        for case in judge.cases(found, cell, absent):
            for problem in case.problems():
                symbols.forget()
                try:
                    answer = ask(case, problem)
                except NotOffered as error:
                    absent[f"{case.shape}, {problem.label}"] = str(error)
                    continue
                if isinstance(answer, Refuted):
                    return doubted(answer, case, problem, second) if second else answer
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


def doubted(answer: Refuted, case: judge.Case, problem: Problem, second: ordinary.Opinion) -> Answer:
    """The refutation; where a law may have been used that the formal functions do not know, only if ordinary numbers
    say the same."""
    unknown = symbols.unknown()
    if not unknown:
        return answer
    seen = second(Subject(case.implementation, case.layer), problem)
    if seen:
        return Refuted(answer.claim, f"{answer.counterexample}; on ordinary numbers too: {seen}")
    doubt = f"the source may use what is not known here ({'; '.join(unknown)}), and ordinary numbers show no error"
    return Undecided(f"{answer}; but {doubt}")


def main(file: str) -> None:
    """Read the question, write the answers."""
    asked = json.loads(Path(file).read_text())
    with np.errstate(all="ignore"):
        try:
            with patched():
                target = load(asked["name"])
            found = answers(target, asked["cell"])
            result = {name: [_plain(answer) for answer in pair] for name, pair in found.items()}
        except BaseException:  # noqa: BLE001 - the parent says it; a user's module may even call sys.exit
            result = {"error": traceback.format_exc().strip().splitlines()[-1]}
    Path(file).write_text(json.dumps(result))


def _plain(answer: Answer) -> list[Any]:
    return [type(answer).__name__, asdict(answer)]


if __name__ == "__main__":
    main(sys.argv[1])
