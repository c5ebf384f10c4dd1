"""refseq bench as a person uses it: exit status, output, JSON, comparison, Ctrl-C, wrong usage."""

import importlib
import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest

from refseq.bench import parent
from refseq.bench.clock import Timing
from refseq.bench.libraries import LIBRARIES
from refseq.bench.parent import THREADS, ChildDied
from refseq.bench.plans import Plan
from refseq.cli import main
from tests.bench.small import case, document, measured, timed

MODULE = importlib.import_module("refseq.cli.bench")  # the package has the command under this name

QUICK = ["bench", "refseq", "--cell", "elman", "--shape", "3x2x4x5", "--rounds", "1", "--pause", "0"]

WRONG_USAGE = {
    "unknown library": (["bench", "tensorflow"], ["TARGET", "refseq, torch, torch-loop", "'tensorflow'"]),
    "no such file": (["bench", "missing.py:Mine"], ["missing.py:Mine", "No such file"]),
    "no such module": (["bench", "no_module_of_this_name:Mine"], ["no_module_of_this_name"]),
    "no such name": (["bench", "json:Mine"], ["json:Mine", "no attribute"]),
    "unknown cell": (["bench", "--cell", "lstn"], ["--cell", "'lstn'"]),
    "unknown shape": (["bench", "--shape", "64x8x32"], ["--shape", "TxBxIxH", "small, standard, odd", "'64x8x32'"]),
    "unknown dtype": (["bench", "--dtype", "float16"], ["--dtype", "float32 or float64", "'float16'"]),
    "unknown operation": (["bench", "--operation", "dropout"], ["--operation", "cross_entropy, clip", "'dropout'"]),
    "unknown curve": (["bench", "--curve", "I"], ["--curve", "T, B, H, threads", "'I'"]),
    "too many threads": (["bench", "--threads", "100000"], ["--threads", "the cores there are", "100000"]),
    "no threads": (["bench", "--threads", "0"], ["--threads"]),
    "no folder for JSON": ([*QUICK, "--json", "/no/such/folder/file.json"], ["--json", "/no/such/folder"]),
    "no folder for pictures": ([*QUICK, "--pictures", "/no/such/folder"], ["--pictures", "/no/such/folder"]),
    "no old results": ([*QUICK, "--compare", "/no/such/file.json"], ["--compare", "/no/such/file.json"]),
    "with without compare": (["bench", "--with", "new.json"], ["--with", "--compare"]),
}


@pytest.mark.parametrize("case", WRONG_USAGE)
def test_wrong_usage_is_one_line_and_status_2(case, capsys):
    arguments, words = WRONG_USAGE[case]
    assert main(arguments) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    for word in words:
        assert word in told


def test_a_missing_library_is_wrong_usage(monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["bench", "torch"]) == 2
    assert "pip install 'refseq[torch]'" in capsys.readouterr().err


@pytest.fixture
def here(monkeypatch):
    """Plans are measured in this process, with a tiny ceiling."""

    def events(plan):
        yield from measured(plan)

    monkeypatch.setattr(MODULE, "events", events)


@pytest.mark.usefixtures("here")
def test_the_table_and_the_json(tmp_path, capsys):
    file = tmp_path / "result.json"
    assert main([*QUICK, "--dtype", "float64", "--threads", "1", "--memory", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    for word in ("float64, 1 thread,", "elman(activation=tanh)", "3x2x4x5", "refseq", "forward + backward", "1 timed"):
        assert word in printed
    assert "peak memory" in printed
    text = file.read_text()
    content = json.loads(text)
    assert (content["schema"], content["threads"], content["interrupted"]) == (1, 1, False)
    assert content["environment"]["packages"]["numba"]
    assert set(content["libraries"]) == {"refseq"}
    (one,) = content["measurements"]
    assert one["status"] == "timed"
    assert set(one["passes"]["both"]) == {"median", "q1", "q3", "min", "samples"}
    assert [entry["library"] for entry in content["memory"]] == ["refseq"]
    assert os.uname().nodename not in text or len(os.uname().nodename) < 3
    assert str(tmp_path) not in text
    assert sys.prefix not in text


@pytest.mark.usefixtures("here")
def test_ones_own_kernel_and_a_wrong_one(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "from refseq.checks import OwnImplementation\n\n\n"
        "class Wrong(OwnImplementation):\n"
        "    def forward(self, *arguments, **keywords):\n"
        "        y, final = super().forward(*arguments, **keywords)\n"
        "        return y * y.dtype.type(1.01), final\n"
    )
    quick = [word for word in QUICK if word != "refseq"]
    assert main([*quick, f"{file}:OwnImplementation"]) == 0
    assert "mine.py:OwnImplementation" in capsys.readouterr().out
    assert main([*quick, f"{file}:Wrong"]) == 1
    printed = re.sub(r"[\s│]+", " ", capsys.readouterr().out)  # a table breaks its lines where there is no room
    assert "1 timed, 1 refused" in printed
    assert "refused: forward: error of y is" in printed


@pytest.mark.usefixtures("here")
def test_operations_and_curves(monkeypatch, capsys):
    monkeypatch.setattr("refseq.cli.bench_choice.SIZES", {"clip": ((40,),)})
    monkeypatch.setattr("refseq.cli.bench_choice.STRUCTURES", {"recursive": ((2, 3, 4, 5),)})
    monkeypatch.setattr("refseq.cli.bench_choice.along", lambda curve: [case().shape])
    assert main(["bench", "refseq", "--operation", "all", "--curve", "T", "--rounds", "1", "--pause", "0"]) == 0
    printed = capsys.readouterr().out
    for word in (
        "operation",
        "clip",
        "GB/s",
        "recursive",
        "2x3x4x5",
        "GFLOP/s",
        "forward along T",
        "T = 3",
        "exponent",
    ):
        assert word in printed


def saved(path, **changes):
    path.write_text(json.dumps(document(**changes)))
    return str(path)


def test_two_files_are_compared(tmp_path, capsys):
    old, new = saved(tmp_path / "old.json"), tmp_path / "new.json"
    assert main(["bench", "--compare", old, "--with", saved(new)]) == 0
    assert "0 slower, 0 faster, 4 same" in capsys.readouterr().out
    saved(new, measurements=[timed("refseq", 1e-3), timed("torch", 3e-3)])
    assert main(["bench", "--compare", old, "--with", str(new)]) == 0
    printed = capsys.readouterr().out
    assert "2 slower, 0 faster, 2 same" in printed
    assert "now / before 1.50" in printed
    saved(new, measurements=[timed("refseq", 2e-3)], threads=1)
    assert main(["bench", "--compare", old, "--with", str(new)]) == 1
    printed = capsys.readouterr().out
    for word in ("slower", "1 ms", "2 ms", "2.00", "2 times only before", "not the same as before: threads"):
        assert word in printed


def test_a_busy_machine_is_said(tmp_path, capsys):
    for load, said in ((7.0, True), (0.1, False), (None, False)):
        file = saved(tmp_path / "one.json", environment={"load": load})
        assert main(["bench", "--compare", file, "--with", file]) == 0
        assert ("busy when this began (load 7.0)" in capsys.readouterr().out) is said


@pytest.mark.usefixtures("here")
def test_what_the_old_file_has_is_measured_again(tmp_path, capsys):
    old = saved(tmp_path / "old.json", measurements=[timed("refseq", 1e3)])  # a time that no machine needs
    assert main(["bench", "refseq", "--rounds", "1", "--pause", "0", "--threads", "2", "--compare", old]) == 0
    assert "0 slower, 2 faster, 0 same" in capsys.readouterr().out


def test_an_old_file_of_another_form_is_wrong_usage(tmp_path, capsys):
    assert main(["bench", "--compare", saved(tmp_path / "old.json", schema=7)]) == 2
    assert "expected schema 1, got 7" in capsys.readouterr().err


def test_pictures_without_matplotlib_are_wrong_usage(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main([*QUICK, "--pictures", str(tmp_path)]) == 2
    assert "pip install 'refseq[bench]'" in capsys.readouterr().err


def test_control_c_keeps_what_was_measured(monkeypatch, tmp_path, capsys):
    def interrupted(plan):
        for event in measured(plan):
            yield event
            if event["event"] == "measurement":
                raise KeyboardInterrupt

    monkeypatch.setattr(MODULE, "events", interrupted)
    file = tmp_path / "result.json"
    assert main([*QUICK, "--dtype", "float32", "--dtype", "float64", "--json", str(file)]) == 130
    printed = capsys.readouterr().out
    assert "interrupted" in printed
    assert "1 timed" in printed
    content = json.loads(file.read_text())
    assert content["interrupted"]
    assert len(content["measurements"]) == 1


def test_the_child_has_the_threads_and_its_noise_is_not_the_results(tmp_path, monkeypatch):
    (tmp_path / "loud.py").write_text(
        "import os\nfrom refseq.checks import OwnImplementation\n\n\n"
        "def make(layer):\n"
        "    os.write(1, b'noise')\n"
        f"    assert all(os.environ[name] == '1' for name in {THREADS})\n"
        "    return OwnImplementation(layer)\n"
    )
    monkeypatch.setattr("refseq.bench.ceiling.SIZE", 4)
    plan = Plan((case(),), (f"{tmp_path / 'loud.py'}:make",), 1, Timing(1, 0.0, 0.0, 1), memory="both")
    title, found = parent.events(plan)
    assert (title["event"], found["event"]) == ("title", "memory")


def test_the_last_words_of_a_dead_child_are_told(tmp_path):
    (tmp_path / "dying.py").write_text("import os, sys\n\n\ndef make(layer):\n    os._exit(3)\n")
    plan = Plan((case(),), (f"{tmp_path / 'dying.py'}:make",), 1, memory="both")
    with pytest.raises(ChildDied, match="status 3"):
        list(parent.events(plan))


def test_control_c_ends_the_child_as_well(tmp_path):
    mark = tmp_path / "pid"
    (tmp_path / "slow.py").write_text(
        "import os, pathlib, time\n\n\ndef make(layer):\n"
        f"    pathlib.Path({str(mark)!r}).write_text(str(os.getpid()))\n    time.sleep(600)\n"
    )
    command = [sys.executable, "-m", "refseq", *QUICK, "--memory", f"{tmp_path / 'slow.py'}:make"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        until = time.monotonic() + 120
        while not (mark.exists() and mark.read_text()) and time.monotonic() < until:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in printed
    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


def test_the_libraries_that_are_installed_are_the_usual_ones(monkeypatch):
    from refseq.cli.bench_choice import chosen_libraries

    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "torch" else object())
    assert chosen_libraries(()) == tuple(name for name in LIBRARIES if not name.startswith("torch"))
    assert chosen_libraries(("jax",)) == ("refseq", "jax")
