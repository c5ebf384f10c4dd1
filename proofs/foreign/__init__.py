"""Proofs about a user's own source: what ``refseq verify mine.py:Mine`` judges by numbers, judged without a tolerance.

Where its Python can be read over exact numbers, ``refseq prove mine.py:Mine --cell lstm`` says whether vjp is the
transposed derivative of its own forward, and whether that forward is refseq's; where not, at which line and why. See
``docs/proofs_of_your_code.md``.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from proofs.finite_field import NAME
from proofs.foreign.judge import OWN_SCOPE, SCOPE
from proofs.theorem import Answer, Proved, Refuted, Theorem, Undecided
from refseq.layer import Layer

Cell = tuple[str, Mapping[str, Any]]
"""A recurrence's name and its options."""

STATEMENTS = {
    "gradient": "vjp is the transposed derivative of its own forward: <u, J v> = <J^T u, v>",
    "forward": "its forward is refseq's, as a rational function of inputs and formal exponentials",
}

_ANSWERS: dict[str, type] = {kind.__name__: kind for kind in (Proved, Refuted, Undecided)}


def theorems(name: str, found: Any, cells: Sequence[Cell]) -> Iterator[Theorem]:
    """What is to be proved of ``name``, module:object or file.py:object; ``found`` is that object. ``cells``: for which
    recurrences, if it has no layer of its own."""
    own = isinstance(getattr(found, "layer", None), Layer) and not isinstance(found, type)
    for cell in [None] if own else cells:
        label = found.layer.cell.label if cell is None else _label(cell)
        for question, statement in STATEMENTS.items():
            yield Theorem(
                f"{_short(name)} {label} {question}",
                NAME,
                statement,
                OWN_SCOPE if cell is None else SCOPE,
                name,
                _answer(name, cell, question, 0),
                _answer(name, cell, question, 1),
            )


def _short(name: str) -> str:
    where, _, attribute = name.rpartition(":")
    return f"{Path(where).name}:{attribute}"


def _label(cell: Cell) -> str:
    name, options = cell
    inside = ",".join(f"{key}={value}" for key, value in options.items())
    return f"{name}({inside})" if inside else name


def _answer(name: str, cell: Cell | None, question: str, part: int) -> Callable[[], Answer]:
    asked = json.dumps({"name": name, "cell": None if cell is None else [cell[0], dict(cell[1])]})

    def proof() -> Answer:
        found = _answers(asked)
        if "error" in found:
            return Undecided(f"the source could not be run: {found['error']}")
        kind, fields = found[question][part]
        return _ANSWERS[kind](**fields)

    return proof


@cache
def _answers(asked: str) -> dict[str, Any]:
    """All answers, from a process in which numba does not compile. What the user's code prints is dropped."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "answers.json"
        file.write_text(asked)
        command = [sys.executable, "-m", "proofs.foreign.child", str(file)]
        environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(_paths())}
        ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if ended.returncode:
            last = (ended.stderr.strip().splitlines() or ["no message"])[-1]
            return {"error": f"the process ended with status {ended.returncode}: {last}"}
        return json.loads(file.read_text())


def _paths() -> list[str]:
    """Where this process finds modules: the other has to find the same."""
    return [path for path in sys.path if path]
