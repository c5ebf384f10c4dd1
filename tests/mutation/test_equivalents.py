"""The file of reviewed equivalents, and what becomes of an entry that is wrong."""

import pytest

from refseq.mutation import Equivalents, Report, Request, load
from refseq.mutation.equivalents import Entry
from refseq.mutation.modules import MODULES
from refseq.mutation.mutants import Mutant, Verdict

MUTANT = Mutant("refseq.linear", "add", "name", 29, "j = lane", "lane -> lanes", 0, (29, 29), (3, 1))
ENTRY = Entry("refseq.linear", "add", "j = lane", ("lane -> lanes",), "an example")


def report(*entries, oracle=None):
    made = Report(Request(("refseq.linear",)), Equivalents(entries), all=[MUTANT], judged=1)
    made.verdicts.append(Verdict(MUTANT, oracle, "a case", "", 0.1))
    return made


def test_the_file_names_modules_of_the_gate_and_gives_reasons():
    for entry in load().entries:
        assert entry.module in MODULES
        assert len(entry.reason) > 20, entry
        assert entry.edits


def test_an_entry_covers_its_mutant():
    found = report(ENTRY)
    assert found.survivors == []
    assert found.passed
    assert found.rows()["refseq.linear"]["equivalent"] == 1


def test_without_an_entry_it_survives():
    found = report()
    assert [verdict.mutant for verdict in found.survivors] == [MUTANT]
    assert not found.passed


@pytest.mark.parametrize(
    "change",
    [{"line": "j = lanes"}, {"function": "copy"}, {"edits": ("lane -> 0",)}, {"nth": 1}, {"module": "refseq.step"}],
)
def test_an_entry_for_something_else_does_not_cover_it(change):
    fields = {name: getattr(ENTRY, name) for name in ("module", "function", "line", "edits", "reason", "nth")}
    assert len(report(Entry(**fields | change)).survivors) == 1


def test_an_entry_that_matches_nothing_is_an_error():
    stale = Entry("refseq.linear", "add", "j = lane", ("lane -> lanes", "lane -> 0"), "an example")
    found = report(stale)
    assert found.complaints == ["refseq.linear add: j = lane: no mutant 'lane -> 0'"]
    assert not found.passed


def test_an_entry_whose_mutant_is_killed_is_an_error():
    found = report(ENTRY, oracle="values")
    assert found.survivors == []
    (complaint,) = found.complaints
    assert complaint.startswith("no equivalent, values kills it: refseq.linear:29 add")
    assert not found.passed


@pytest.mark.parametrize("text", ['reason = ""', 'reason = "good enough, it seems"\nmore = 1', ""])
def test_an_entry_needs_a_reason_and_nothing_else(text, tmp_path):
    file = tmp_path / "equivalents.toml"
    file.write_text(f'[[equivalent]]\nmodule = "m"\nfunction = ""\nline = "x = 1"\nedits = ["1 -> 2"]\n{text}\n')
    with pytest.raises(ValueError, match=r"equivalent: missing .*, unknown "):
        load(file)
