"""The theorems of ``proofs/coq``: what each says and of which function, read from the files, and Coq's verdict on them.

A theorem stands behind a comment in words, in which two lines have a meaning of their own:

    (** Words, on one or several lines.
        Code: refseq/scan.py backward_row; refseq/layer.py Layer.backward
        Scope: every ring, length T *)
    Theorem name ...

``Code:`` names functions as path and names, or says that the theorem is about a mathematical model only.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

SOURCES = Path(__file__).parent / "coq"
MODEL_ONLY = "model only"
MISSING = 77

_COMMENT = re.compile(r"\(\*\*(?P<text>(?:(?!\*\)).)*)\*\)\s*Theorem\s+(?P<name>[\w']+)", re.DOTALL)
_PARTS = re.compile(r"(?P<words>.*?)\s+Code: (?P<code>.*?)\s+Scope: (?P<scope>.*)", re.DOTALL)


@dataclass(frozen=True)
class Theorem:
    """One theorem: its name, file (without ``.v``), and line; the statement in words; for what it holds; the functions
    of which it speaks, or ``model only`` and why."""

    name: str
    file: str
    line: int
    statement: str
    scope: str
    code: str

    @property
    def functions(self) -> list[tuple[str, list[str]]]:
        """The functions of which it speaks: path, and names in that file. Empty for a model."""
        if self.code.startswith(MODEL_ONLY):
            return []
        places = [place.split(maxsplit=1) for place in self.code.split("; ")]
        return [(path, [name.strip() for name in names[0].split(",")] if names else []) for path, *names in places]


@dataclass(frozen=True)
class Verdict:
    """Coq's answer to one theorem. ``axioms``: "none", or those that it rests on. ``seconds``: its share of the time
    that its file took. ``message``: why it is not proved."""

    theorem: Theorem
    proved: bool
    axioms: str
    seconds: float
    message: str


def _joined(text: str) -> str:
    return " ".join(text.split())


def theorems(sources: Path = SOURCES) -> list[Theorem]:
    """All theorems in the order of ``_CoqProject``. Raises ValueError for one without words, code or scope."""
    found = []
    for file in (sources / "_CoqProject").read_text().split():
        if file.endswith(".v"):
            found += _in_file(sources / file)
    return found


def _in_file(path: Path) -> list[Theorem]:
    text = path.read_text()
    described = {match["name"]: match for match in _COMMENT.finditer(text)}
    found = []
    for match in re.finditer(r"^Theorem\s+([\w']+)", text, re.MULTILINE):
        name, line = match[1], text.count("\n", 0, match.start()) + 1
        parts = _PARTS.fullmatch(_joined(described[name]["text"])) if name in described else None
        if parts is None:
            raise ValueError(f"{path.name}:{line}: theorem {name}: expected a comment with words, Code: and Scope:")
        found.append(Theorem(name, path.stem, line, parts["words"], parts["scope"], parts["code"]))
    return found


def missing() -> str | None:
    """Why the theorems cannot be checked here, or None. (That mathcomp is of version 1 only the script finds out.)"""
    absent = [tool for tool in ("bash", "coqc", "coqchk") if shutil.which(tool) is None]
    if not absent:
        library = subprocess.run(["coqc", "-where"], capture_output=True, text=True, check=True).stdout.strip()
        if (Path(library) / "user-contrib" / "mathcomp" / "algebra").is_dir():
            return None
        absent = ["mathcomp"]
    return f"{absent[0]} is not installed: apt-get install coq libcoq-mathcomp-algebra"


def verdicts(modules: Iterable[str] = (), *, quick: bool = True, sources: Path = SOURCES) -> list[Verdict]:
    """Run ``proofs/coq/check`` on these files (all, if none is named) and what they need.

    quick  trust the libraries, which takes a minute or two less
    Raises RuntimeError with the script's message where Coq or mathcomp is missing, or the script itself fails.
    """
    with tempfile.TemporaryDirectory() as folder:
        rows_of = Path(folder) / "verdicts.tsv"
        command = ["bash", str(sources / "check"), *["--quick"] * quick, "--tsv", str(rows_of), *modules]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        if run.returncode not in (0, 1):
            raise RuntimeError((run.stdout + run.stderr).strip() or f"check ended with status {run.returncode}")
        rows = [line.split("\t") for line in rows_of.read_text().splitlines()]
    files = {name: (float(seconds), verdict) for kind, name, _, seconds, verdict in rows if kind == "file"}
    answers = {(file, name): (verdict, axioms) for kind, name, file, verdict, axioms in rows if kind == "theorem"}
    known = [theorem for theorem in theorems(sources) if theorem.file in files]
    whole = run.returncode == 0
    if not whole and all(answers[theorem.file, theorem.name][0] == "proved" for theorem in known):
        # no theorem is to blame: what is wrong is the whole, so that nothing counts as proved
        return [Verdict(theorem, False, "", 0.0, run.stdout.strip()[-600:]) for theorem in known]
    count = Counter(theorem.file for theorem in known)
    return [
        _verdict(theorem, *answers[theorem.file, theorem.name], *files[theorem.file], count[theorem.file])
        for theorem in known
    ]


def _verdict(theorem: Theorem, verdict: str, axioms: str, seconds: float, file: str, count: int) -> Verdict:
    proved = verdict == "proved"
    message = "" if proved else f"axioms: {axioms}" if file == "ok" else file
    return Verdict(theorem, proved, axioms, seconds / count, message)


def table(sources: Path = SOURCES) -> str:
    """The theorems as a table in Markdown."""
    rows = ["| theorem | meaning | function of the code | scope |", "|---|---|---|---|"]
    for theorem in theorems(sources):
        places = ["`" + f"{path} {', '.join(names)}".strip() + "`" for path, names in theorem.functions]
        code = "; ".join(places) or theorem.code
        statement = theorem.statement.replace("|", "\\|")
        rows.append(f"| `{theorem.file}.{theorem.name}` | {statement} | {code} | {theorem.scope} |")
    return "\n".join(rows)


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
