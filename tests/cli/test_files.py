"""Writing results and catching Ctrl-C: what can go wrong outside of refseq."""

import json
import math
import os
import signal
import stat
import threading

import pytest
import typer

from refseq.cli import main
from refseq.cli.files import check_writable, write_json
from refseq.cli.interrupts import Interrupts


def test_numbers_that_json_has_not_become_strings(tmp_path):
    write_json(tmp_path / "a.json", {"a": [math.inf, (math.nan, 1.5)]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"a": ["inf", ["nan", 1.5]]}


def test_links_keep_pointing_and_modes_follow_the_umask(tmp_path):
    real, link = tmp_path / "real.json", tmp_path / "link.json"
    real.write_text("old")
    link.symlink_to(real)
    write_json(link, 1)
    assert link.is_symlink()
    assert real.read_text() == "1"
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(real.stat().st_mode) == 0o666 & ~umask
    assert sorted(tmp_path.iterdir()) == [link, real]


def test_a_pipe_is_written_to_and_not_replaced(tmp_path):
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    write_json(pipe, [1, 2])
    reader.join(timeout=10)
    assert json.loads(read[0]) == [1, 2]
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_folder_is_refused_before_any_work(tmp_path, capsys):
    with pytest.raises(typer.BadParameter, match="is a folder"):
        check_writable(tmp_path)
    for command in ("verify", "doctor"):
        assert main([command, "--json", str(tmp_path)]) == 2
        assert "is a folder" in capsys.readouterr().err


def test_an_interrupt_that_was_dropped_is_raised_at_the_next_check():
    before = signal.getsignal(signal.SIGINT)
    with Interrupts() as seen:
        seen.check()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)  # as if a callback of compiled code had dropped it here
        with pytest.raises(KeyboardInterrupt):
            seen.check()
    assert signal.getsignal(signal.SIGINT) is before
