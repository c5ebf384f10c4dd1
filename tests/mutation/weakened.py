"""Runs tests of the checker with a weakening in place: ``python -m tests.mutation.weakened < request.json``.

One process imports what everybody needs, numba with its JIT off; every weakening has a copy of it, in which refseq and
its tests are imported for the first time. The request is a list of [name of a weakening or None, tests]; a line of
JSON for each adds how many passed and which turned red. Plugins of pytest are not loaded, which takes longer than most
of the tests.
"""

import contextlib
import io
import json
import os
import sys
from pathlib import Path

import flint  # noqa: F401
import hypothesis  # noqa: F401
import pytest
import scipy.sparse  # noqa: F401
from numba.core import config

from tests.mutation.weakenings import WEAKENINGS

ROOT = Path(__file__).parents[2]
OPTIONS = ["-q", "-x", "-p", "no:cacheprovider"]


class Tally:
    """Counts the tests that pass and collects those that fail."""

    def __init__(self):
        self.passed, self.red = 0, []

    def pytest_runtest_logreport(self, report):
        self.passed += report.when == "call" and report.passed
        self.red += [report.nodeid] * report.failed

    def pytest_collectreport(self, report):
        self.red += [report.nodeid] * report.failed


def run(request):
    """(passed, red) of some tests, in a process that has not imported refseq."""
    from refseq.mutation.fresh import Finder

    name, tests = request
    for imported in [other for other in sys.modules if other.split(".")[0] == "refseq" or other.startswith("tests.")]:
        del sys.modules[imported]
    if name is not None:
        weakening = WEAKENINGS[name]
        path = ROOT / "refseq" / "checks" / f"{weakening.module.replace('.', '/')}.py"
        source = path.read_text()
        assert source.count(weakening.old) == 1, (
            f"{weakening.old!r} stands {source.count(weakening.old)} times in {path}"
        )
        code = compile(source.replace(weakening.old, weakening.new), str(path), "exec")
        sys.meta_path.insert(0, Finder(f"refseq.checks.{weakening.module}", code))
    tally = Tally()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main([*OPTIONS, *(str(ROOT / "tests" / test) for test in tests)], plugins=[tally])
    return tally.passed, tally.red


if __name__ == "__main__":
    assert config.DISABLE_JIT
    os.chdir(ROOT)
    from refseq.mutation.forks import forked

    for request, answer, _ in forked(run, json.load(sys.stdin), 2, slack=120.0):
        sys.stdout.write(json.dumps([request, answer]) + "\n")
        sys.stdout.flush()
