"""The frameworks as fixtures: a test that asks for one is skipped where it is missing."""

import pytest

from tests.conftest import framework


@pytest.fixture(scope="session")
def torch():
    return framework("torch")


@pytest.fixture(scope="session")
def onnx():
    return framework("onnx")


@pytest.fixture(scope="session")
def onnxruntime(onnx):
    return framework("onnxruntime")


@pytest.fixture(scope="session")
def jax():
    return framework("jax")


@pytest.fixture
def adapter(torch):
    import refseq.adapters.torch

    return refseq.adapters.torch
