"""The gate: every mutant is put to the oracles, each in a copy of this process that is thrown away.

A mutant is put only to the cases that run its statement: on the others it cannot make a difference. This process never
runs a mutant; it must have numba's JIT off (``NUMBA_DISABLE_JIT=1``), see ``refseq.mutation.server``.
"""

import gc
import importlib
import sys
import traceback
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from refseq.mutation.cases import cases
from refseq.mutation.forks import OutOfTime, forked, limited
from refseq.mutation.fresh import apply, caches, called_by_import, import_again, path_of
from refseq.mutation.modules import computes
from refseq.mutation.mutants import Mutant, Source, Verdict
from refseq.mutation.oracles import ORACLES, record, run_once

ALLOWED, FACTOR = 0.3, 6
"""A mutant may compute for so many seconds, and so many times what the unmutated source needs."""

LATE, ENOUGH = ("description", "padding", "pieces", "lanes"), 6
"""Questions that come after the others; the last, which costs most, is put to the probes and so many other cases."""

FEW = 3
"""Cases that are asked everything quick before the others are asked anything; known equivalents are put to so many, and
to the probes."""


class Gate:
    """The mutants of some modules, and what is needed to judge them.

    ``without``: questions that are not asked. ``hopeless``: says of a mutant that it is known to be equivalent, so that
    few cases are enough.
    """

    def __init__(
        self,
        modules: Sequence[str],
        operators: Collection[str],
        without: Collection[str] = (),
        hopeless: Callable[[Mutant], bool] = lambda mutant: False,
    ) -> None:
        self.sources = {module: Source(module, path_of(module)) for module in modules}
        found = (mutant for source in self.sources.values() for mutant in source.mutants(operators))
        self.mutants = [mutant for mutant in found if computes(mutant.module, mutant.function)]
        self._asked, self._hopeless = [name for name in ORACLES if name not in without], hopeless
        self._called = called_by_import()
        self._cases, self._recorded = cases(), {}
        self._lines: dict[str, set[tuple[str, int]]] = {}
        files = {str(source.path) for source in self.sources.values()}
        for name, case in self._cases.items():
            if any(map(case.judges, modules)):
                lines = executed(lambda make=case.make: run_once(make()), files)
                if lines:
                    self._lines[name], self._recorded[name] = lines, record(case.make())
        self._caches = caches()
        self._kills: dict[tuple[str, str], Counter[str]] = {}

    def judge(self, mutants: Sequence[Mutant], workers: int) -> Iterator[Verdict]:
        """The verdict on each, in the order in which they are done."""
        gc.collect()
        gc.freeze()
        for mutant, answer, seconds in forked(self._judged, mutants, workers):
            oracle, case, words = answer or ("time", None, "the process had to be killed")
            if case is not None:
                self._kills.setdefault((mutant.module, mutant.function), Counter())[case] += 1
            yield Verdict(mutant, oracle, case, words, seconds)

    def cases_of(self, mutant: Mutant) -> list[str]:
        """The cases that run the mutant's statement, or anything of its module if the import runs the statement: those
        that killed most in its function, then the quickest."""
        path, (first, last) = str(self.sources[mutant.module].path), mutant.span
        called = [function for file, function in self._called if file == path]
        if any(mutant.function == function or mutant.function.startswith(f"{function}.") for function in called):
            first, last = 1, sys.maxsize
        kills = self._kills.get((mutant.module, mutant.function), Counter())
        names = [
            name
            for name, lines in self._lines.items()
            if self._cases[name].judges(mutant.module)
            and any(file == path and first <= line <= last for file, line in lines)
        ]
        return sorted(names, key=lambda name: (-kills[name], self._recorded[name].seconds))

    def _judged(self, mutant: Mutant) -> tuple[str | None, str | None, str]:
        """In the child: make it the mutant, and put the questions to the cases."""
        names = self.cases_of(mutant)
        if not names:
            return None, None, "no case runs it"
        try:
            limited(10.0, apply, mutant, self.sources[mutant.module], self._called)
        except OutOfTime:
            return "time", None, "import"
        except Exception as error:  # noqa: BLE001 - a mutant may raise anything
            return "raised", None, _words(error)
        if self._hopeless(mutant):
            names = [*_probes(names), *[name for name in names if name not in _probes(names)][:FEW]]
        return self._asked_of(names)

    def control(self) -> str | None:
        """Imports the unmutated source again, as for a mutant, and puts everything to it: None if nothing complains. A
        gate that kills what is right would kill everything."""
        module = next(iter(self.sources))

        def unmutated(_: int) -> tuple[str | None, str | None, str]:
            import_again(module, self.sources[module].code())
            return self._asked_of(list(self._lines))

        ((_, answer, _),) = forked(unmutated, [1], 1, slack=300.0)
        return None if answer and answer[0] is None else str(answer)

    def _asked_of(self, names: Sequence[str]) -> tuple[str | None, str | None, str]:
        """In the child: put the questions to the cases."""
        for forget in self._caches:
            forget()
        now = importlib.import_module("refseq.mutation.cases"), importlib.import_module("refseq.mutation.oracles")
        now[1].compile_nothing()
        made: dict[str, Any] = {}
        for question, name in self._plan(names):
            killer = self._ask(question, name, made, *now)
            if killer:
                return killer
        return None, None, f"{len(names)} cases"

    def _plan(self, names: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Which question is put to which case, in order: at first to a few cases all that are quick, then one question
        after another to the rest."""
        quick = [question for question in self._asked if question not in LATE]
        others = [name for name in names if name not in _probes(names)]
        few = [*_probes(names), *([name for name in others if self._cases[name].general] or others)[:ENOUGH]]
        yield from ((question, name) for name in names[:FEW] for question in quick)
        yield from ((question, name) for question in quick for name in names[FEW:])
        yield from ((question, name) for question in LATE[:-1] if question in self._asked for name in names)
        yield from (("lanes", name) for name in few if "lanes" in self._asked)

    def _ask(
        self, question: str, name: str, made: dict[str, Any], cases_now: Any, oracles_now: Any
    ) -> tuple[str, str, str] | None:
        recorded = self._recorded[name]
        try:
            if name not in made:
                made[name] = limited(ALLOWED, cases_now.cases()[name].make)
            asked = oracles_now.oracle(question, made[name])
            if asked is None:
                return None
            allowed = ALLOWED + FACTOR * recorded.seconds * oracles_now.SLOW.get(question, 1)
            wrong = limited(allowed, asked, made[name], recorded)
        except OutOfTime:
            return "time", name, question
        except Exception as error:  # noqa: BLE001 - a mutant may raise anything
            return "raised", name, _words(error)
        return (question, name, ", ".join(map(str, wrong))) if wrong else None


def _probes(names: Sequence[str]) -> list[str]:
    return [name for name in names if name.startswith("probe")]


def _words(error: BaseException) -> str:
    return traceback.format_exception_only(error)[-1].strip()[:200]


def executed(function: Callable[[], None], files: Collection[str]) -> set[tuple[str, int]]:
    """(file, line) of all that a call runs in these files, with all caches forgotten before."""
    found: set[tuple[str, int]] = set()

    def line(frame: Any, event: str, _: Any) -> Any:
        found.add((frame.f_code.co_filename, frame.f_lineno))
        return line

    def call(frame: Any, event: str, _: Any) -> Any:
        return line if frame.f_code.co_filename in files else None

    for forget in caches():
        forget()
    before = sys.gettrace()
    sys.settrace(call)
    try:
        function()
    finally:
        sys.settrace(before)
    return found
