"""Reviewed equivalents: mutants that no question can kill, because they change nothing, each with the reason.

``equivalents.toml`` names them by module, function, line and edit, so that they survive as long as the line does. An
entry that matches no mutant any more, or one that was killed, is an error: it has to be reviewed again.
"""

import tomllib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from refseq.mutation.mutants import Mutant

FILE = Path(__file__).with_name("equivalents.toml")
FIELDS = {"module", "function", "line", "edits", "nth", "reason"}


@dataclass(frozen=True)
class Entry:
    """Edits of one line that are equivalent to nothing. ``nth``: only that one of several equal edits of the line."""

    module: str
    function: str
    line: str
    edits: tuple[str, ...]
    reason: str
    nth: int | None = None

    def covers(self, mutant: Mutant) -> bool:
        """Whether the mutant is one of these."""
        module, function, line, edit, nth = mutant.key
        here = (module, function, line) == (self.module, self.function, self.line)
        return here and edit in self.edits and self.nth in (None, nth)

    def __str__(self) -> str:
        return f"{self.module} {self.function}: {self.line}"


class Equivalents:
    """All entries of a file."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.entries = tuple(entries)
        self._by_place: dict[tuple[str, str], list[Entry]] = {}
        for entry in self.entries:
            self._by_place.setdefault((entry.module, entry.line), []).append(entry)

    def of(self, mutant: Mutant) -> Entry | None:
        """The entry of a mutant, if there is one."""
        found = self._by_place.get((mutant.module, mutant.line), ())
        return next((entry for entry in found if entry.covers(mutant)), None)

    def stale(self, mutants: Collection[Mutant], modules: Collection[str]) -> list[str]:
        """Edits of entries for these modules that match none of all their mutants."""
        covered: dict[int, set[str]] = {}
        for mutant in mutants:
            entry = self.of(mutant)
            if entry is not None:
                covered.setdefault(id(entry), set()).add(mutant.edit)
        return [
            f"{entry}: no mutant {edit!r}"
            for entry in self.entries
            if entry.module in modules
            for edit in entry.edits
            if edit not in covered.get(id(entry), ())
        ]


def load(file: Path = FILE) -> Equivalents:
    """The entries of a file. Raises ValueError for one without a reason, or with anything unknown."""
    return Equivalents(map(_entry, tomllib.loads(file.read_text()).get("equivalent", [])))


def _entry(given: dict[str, Any]) -> Entry:
    missing = FIELDS - {"nth"} - {name for name, value in given.items() if value or name == "function"}
    if missing or set(given) - FIELDS:
        raise ValueError(f"equivalent: missing {sorted(missing)}, unknown {sorted(set(given) - FIELDS)} in {given}")
    fields: dict[str, Any] = given | {"edits": tuple(given["edits"])}
    return Entry(**fields)
