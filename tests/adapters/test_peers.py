import importlib.util
import subprocess
import sys

import pytest

import refseq
from refseq.adapters import PEERS
from tests.adapters.problems import forward_distance, problem
from tests.conftest import framework

LSTM = refseq.layer("lstm", 4, 3, bidirectional=True)
names = pytest.mark.parametrize("name", PEERS)


def test_the_peers():
    assert list(PEERS) == ["torch", "onnxruntime", "onnx", "jax"]
    assert all(name == peer.name for name, peer in PEERS.items())


@names
def test_every_peer_builds_and_agrees(name):
    for package in PEERS[name].packages:
        framework(package)
    assert PEERS[name].missing() is None
    implementation = PEERS[name].build(LSTM)
    assert forward_distance(implementation, LSTM, problem(LSTM, "float32")) <= 1e-5


@names
def test_what_is_not_installed_says_how_to_install_it(name, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    absent = " and ".join(PEERS[name].packages)
    why = f"{absent} not installed: pip install 'refseq[{PEERS[name].extra}]'"
    assert PEERS[name].missing() == why
    with pytest.raises(RuntimeError) as raised:
        PEERS[name].build(LSTM)
    assert str(raised.value) == f"{name}: {why}"


def test_importing_the_adapters_imports_no_framework():
    program = (
        "import sys, refseq.adapters.onnx_cases; [p.missing() for p in refseq.adapters.PEERS.values()]; "
        "print(sorted({'torch', 'jax', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
