"""How far a command is: a bar on whichever output is a terminal, else lines on the standard error."""

import sys

import pytest
from rich.console import Console

from refseq.cli import progress


@pytest.fixture
def nowhere(capsys):
    """Neither output is a terminal."""
    assert not sys.stderr.isatty()
    return Console(file=sys.stdout)


def test_lines_where_there_is_no_terminal(nowhere, monkeypatch, capsys):
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with progress.progress_bar(nowhere) as bar:
        task = bar.add_task("counting", total=None)
        bar.update(task, total=3, completed=1)
        bar.advance(task)
        bar.update(task, description="weighing")
    told = capsys.readouterr()
    assert told.out == ""
    assert [line.split(" in ")[0] for line in told.err.splitlines()] == [f"{n} of 3 done" for n in (1, 2, 2)]
    assert told.err.splitlines()[-1] == "2 of 3 done in 00:00:00; now: weighing"


def test_a_line_a_minute(nowhere, monkeypatch, capsys):
    clock = iter([0.0, 30.0, 59.0, 60.0, 61.0, 119.0, 120.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    bar = progress.progress_bar(nowhere)
    task = bar.add_task("counting", total=10)
    for _ in range(6):
        bar.advance(task)
    assert [line.split()[0] for line in capsys.readouterr().err.splitlines()] == ["3", "6"]


@pytest.mark.parametrize("results_on_terminal", [True, False])
def test_a_bar_on_a_terminal(results_on_terminal, monkeypatch, capsys):
    on = Console(force_terminal=results_on_terminal)
    if not results_on_terminal:
        monkeypatch.setattr(progress, "Console", lambda stderr: Console(stderr=stderr, force_terminal=True))
    with progress.progress_bar(on) as bar:
        bar.update(bar.add_task("counting", total=3), completed=1, refresh=True)
    told = capsys.readouterr()
    where, other = (told.out, told.err) if results_on_terminal else (told.err, told.out)
    assert "counting" in where
    assert "1/3" in where
    assert "counting" not in other
