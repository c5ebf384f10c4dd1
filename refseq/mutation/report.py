"""Running the gate from another process, and what came of it."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from refseq.mutation.equivalents import Equivalents
from refseq.mutation.mutants import Mutant, Verdict
from refseq.mutation.operators import OPERATORS

KILLED, EQUIVALENT, SURVIVED = "killed", "equivalent", "survived"


@dataclass(frozen=True)
class Request:
    """What to judge: all mutants of these modules by these operators, or ``limit`` of them, drawn by ``seed``.
    ``without``: oracles that are not asked. ``thorough``: reviewed equivalents are put to every case, too, and not only
    to a few."""

    modules: tuple[str, ...]
    operators: tuple[str, ...] = tuple(OPERATORS)
    without: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0
    workers: int = 2
    thorough: bool = False


@dataclass
class Report:
    """The verdicts so far; ``all``: every mutant of the modules, judged or not; ``judged``: how many are to be."""

    request: Request
    equivalents: Equivalents
    all: list[Mutant] = field(default_factory=list)
    judged: int = 0
    verdicts: list[Verdict] = field(default_factory=list)

    def status(self, verdict: Verdict) -> str:
        """Killed, equivalent or survived."""
        if verdict.oracle is not None:
            return KILLED
        return EQUIVALENT if self.equivalents.of(verdict.mutant) else SURVIVED

    @property
    def survivors(self) -> list[Verdict]:
        """In the order of the files."""
        found = [verdict for verdict in self.verdicts if self.status(verdict) == SURVIVED]
        return sorted(found, key=lambda verdict: (verdict.mutant.module, verdict.mutant.path))

    @property
    def complaints(self) -> list[str]:
        """Entries among the equivalents that match no mutant, or one that was killed."""
        killed = [v for v in self.verdicts if v.oracle is not None and self.equivalents.of(v.mutant)]
        found = [f"no equivalent, {verdict.oracle} kills it: {verdict.mutant}" for verdict in killed]
        whole = len(self.request.operators) == len(OPERATORS)
        return found + (self.equivalents.stale(self.all, self.request.modules) if whole and self.all else [])

    @property
    def passed(self) -> bool:
        """Everything judged, nothing survived, and every entry among the equivalents is right."""
        return len(self.verdicts) == self.judged and not self.survivors and not self.complaints

    def rows(self) -> dict[str, dict[str, Any]]:
        """For each module the numbers of mutants by status, of kills by oracle, and seconds."""
        found: dict[str, dict[str, Any]] = {}
        for verdict in self.verdicts:
            row = found.setdefault(
                verdict.mutant.module,
                {"mutants": 0, KILLED: 0, EQUIVALENT: 0, SURVIVED: 0, "seconds": 0.0, "oracles": Counter()},
            )
            row["mutants"] += 1
            row[self.status(verdict)] += 1
            row["seconds"] += verdict.seconds
            if verdict.oracle is not None:
                row["oracles"][verdict.oracle] += 1
        return {module: found[module] for module in self.request.modules if module in found}

    def to_dict(self) -> dict[str, Any]:
        """Everything as plain dicts and lists, for JSON."""
        verdicts = [asdict(verdict) | {"status": self.status(verdict)} for verdict in self.verdicts]
        content = {"request": asdict(self.request), "passed": self.passed, "modules": self.rows()}
        return content | {"complaints": self.complaints, "verdicts": verdicts}


def run(report: Report, progress: Callable[[Report], None] | None = None) -> Report:
    """Judge what the report asks for, in a process of its own with numba's JIT off, and fill it; ``progress`` is called
    as it grows, and ends the run by raising. Raises RuntimeError if that process fails."""
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-m", "refseq.mutation.server"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as server:
        try:
            assert server.stdin is not None
            assert server.stdout is not None
            server.stdin.write(json.dumps(asdict(report.request)))
            server.stdin.close()
            for line in server.stdout:
                _take(report, json.loads(line))
                if progress:
                    progress(report)
            status = server.wait()
        finally:
            server.terminate()
    if status or len(report.verdicts) != report.judged:
        raise RuntimeError(f"the gate ended after {len(report.verdicts)} of {report.judged} mutants, status {status}")
    return report


def _take(report: Report, event: dict[str, Any]) -> None:
    if "judged" in event:
        report.all, report.judged = [_mutant(given) for given in event["mutants"]], event["judged"]
    else:
        fields: dict[str, Any] = event | {"mutant": _mutant(event["mutant"])}
        report.verdicts.append(Verdict(**fields))


def _mutant(given: dict[str, Any]) -> Mutant:
    fields: dict[str, Any] = given | {"span": tuple(given["span"]), "path": tuple(given["path"])}
    return Mutant(**fields)
