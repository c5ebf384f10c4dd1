"""Which files a compiled function is made of."""

import subprocess
import sys

import pytest

from refseq import kernels
from refseq.targets import sources

PACKAGE = {
    "own/__init__.py": "",
    "own/rule.py": "from . import (  # two\n    deep,\n)\nfrom own import \\\n    beside\nimport numpy.linalg\n",
    "own/beside.py": "def f():\n    from .inside import late\n",
    "own/deep/__init__.py": "from refseq.rules import __doc__\nVALUE = 1\n",
    "own/inside.py": "late = 1\n",
    "own/apart.py": "",
    "alone.py": "import helper, os\nfrom own import apart\n",
    "helper.py": "import alone\n",
}


@pytest.fixture
def files(tmp_path, monkeypatch):
    for name, text in PACKAGE.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    for cached in (sources._imports, sources.file_of):
        cached.cache_clear()
    yield tmp_path
    for name in [name for name in sys.modules if name.partition(".")[0] == "own"]:
        del sys.modules[name]


def test_all_that_is_imported_from_there_on(files):
    assert sources.behind(["own.rule"]) == {
        *("own.rule", "own.deep", "own.beside", "own.inside", "refseq.rules"),
        *sources.behind(["refseq.rules"]),
    }
    assert not any(name.startswith("numpy") for name in sources.behind(["own.rule"]))


def test_a_file_in_no_package_and_those_beside_it(files):
    assert sources.behind(["alone"]) >= {"alone", "helper"}
    assert not {"os", "own.apart"} & sources.behind(["alone"])


def test_texts_change_with_a_file_far_away(files):
    before = sources.sources("own.rule")
    (files / "own/apart.py").write_text("# not imported")
    assert sources.sources("own.rule") == before
    (files / "own/inside.py").write_text("late = 2\n")
    assert sources.sources("own.rule") != before


def test_what_has_no_file_is_known_in_its_process_alone():
    program = """
from refseq.kernels import source_key
def f(): pass
print(source_key(f) == source_key.__wrapped__(f), source_key(f))
"""
    first, second = (
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout.split()
        for _ in range(2)
    )
    assert first[0] == second[0] == "True"
    assert first[1] != second[1]
    assert kernels.source_key(pytest.raises) == kernels.source_key.__wrapped__(pytest.raises)
