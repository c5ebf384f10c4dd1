"""Runs tests of the checker with one weakening in place: ``python -m tests.mutation.weakened < names.json``.

One process imports what everybody needs, numba with its JIT off; every weakening has a copy of it, in which refseq and
its tests are imported for the first time. Prints a line of JSON for each: its name and the tests that turned red.
"""

import contextlib
import io
import json
import sys
from pathlib import Path

import flint  # noqa: F401
import hypothesis  # noqa: F401
import numba
import pytest

from tests.mutation.weakenings import WEAKENINGS

ROOT = Path(__file__).parents[2]
OPTIONS = ["-q", "-x", "-p", "no:cacheprovider", "-n", "0", "-W", "ignore::pytest.PytestAssertRewriteWarning"]


class Reds:
    """Collects the tests that fail."""

    def __init__(self):
        self.found = []

    def pytest_runtest_logreport(self, report):
        if report.failed:
            self.found.append(report.nodeid)


def run(name, tests):
    """The tests that turn red; in a process that has not imported refseq."""
    from refseq.mutation.fresh import Finder

    weakening = WEAKENINGS[name]
    module = f"refseq.checks.{weakening.module}"
    path = ROOT / "refseq" / "checks" / f"{weakening.module.replace('.', '/')}.py"
    source = path.read_text()
    if source.count(weakening.old) != 1:
        return [f"{weakening.old!r} stands {source.count(weakening.old)} times in {path.name}"]
    for imported in [other for other in sys.modules if other.split(".")[0] == "refseq" or other.startswith("tests.")]:
        del sys.modules[imported]
    sys.meta_path.insert(0, Finder(module, compile(source.replace(weakening.old, weakening.new), str(path), "exec")))
    reds = Reds()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        pytest.main([*OPTIONS, *tests], plugins=[reds])
    return reds.found


if __name__ == "__main__":
    assert numba.config.DISABLE_JIT
    from refseq.mutation.forks import forked

    asked = json.load(sys.stdin)
    for name, reds, _ in forked(lambda name: run(name, asked[name]), asked, 2, slack=120.0):
        sys.stdout.write(json.dumps([name, reds]) + "\n")
        sys.stdout.flush()
