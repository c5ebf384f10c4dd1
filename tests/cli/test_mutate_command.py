"""refseq mutate as a person uses it: exit status, table, survivors, JSON, Ctrl-C, wrong usage."""

import importlib
import json

import pytest

from refseq.cli import main
from refseq.mutation import Equivalents, run

mutate = importlib.import_module("refseq.cli.mutate")

WRONG_USAGE = {
    "unknown module": (["mutate", "linaer"], ["MODULE", "cells.gru", "'linaer'"]),
    "unknown operator": (["mutate", "operand", "--operator", "typo"], ["--operator", "drop operand", "'typo'"]),
    "no mutants": (["mutate", "--limit", "0"], ["--limit"]),
    "no folder for JSON": (["mutate", "operand", "--json", "/no/such/folder/file.json"], ["--json", "/no/such/folder"]),
}


@pytest.mark.parametrize("case", WRONG_USAGE)
def test_wrong_usage_is_one_line_and_status_2(case, capsys):
    arguments, words = WRONG_USAGE[case]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    for word in words:
        assert word in told


def test_a_module_that_is_checked_passes_and_the_json_has_everything(tmp_path, capsys):
    file = tmp_path / "mutants.json"
    assert main(["mutate", "cells.additive", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    for word in ("cells.additive", "finite field", "values", "killed", "0 survived"):
        assert word in printed
    content = json.loads(file.read_text())
    assert content["passed"]
    assert content["environment"]["packages"]["numba"]
    (row,) = content["modules"].values()
    assert row["mutants"] == len(content["verdicts"]) == row["killed"] + row["equivalent"]
    assert sum(row["oracles"].values()) == row["killed"]


def test_survivors_are_printed_and_are_a_failure(monkeypatch, capsys):
    """Nothing is known to be equivalent: what is, survives."""
    monkeypatch.setattr(mutate, "load", lambda: Equivalents([]))
    assert main(["mutate", "refseq.cells.gru", "--operator", "name"]) == 1
    printed = " ".join(capsys.readouterr().out.split())
    assert "survived: refseq.cells.gru:72 backward_after [name]:" in printed
    assert "s1 -> tape" in printed


def test_control_c_prints_what_was_done(monkeypatch, tmp_path, capsys):
    def interrupted(report, progress):
        def once(now):
            progress(now)
            if len(now.verdicts) == 3:
                raise KeyboardInterrupt

        return run(report, once)

    monkeypatch.setattr(mutate, "run", interrupted)
    file = tmp_path / "mutants.json"
    assert main(["mutate", "cells.additive", "--json", str(file)]) == 130
    printed = capsys.readouterr().out
    assert "interrupted after 3 of" in printed
    assert "cells.additive" in printed
    content = json.loads(file.read_text())
    assert content["interrupted"]
    assert not content["passed"]
    assert len(content["verdicts"]) == 3
