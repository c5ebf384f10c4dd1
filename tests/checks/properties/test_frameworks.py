"""The same properties of other people's layers."""

import pytest

import refseq
from refseq.checks.implementation import Implementation
from refseq.checks.problem import draw
from refseq.checks.properties import PROPERTIES
from refseq.checks.subject import Subject
from refseq.checks.verdict import FAIL, NOT_OFFERED, PASS
from refseq.layer import Layer
from tests.conftest import framework


def verdicts(implementation: Implementation, layer: Layer, dtype: str) -> dict[str, str]:
    """By property; a failure shows its findings."""
    subject, problem = Subject(implementation, layer), draw(layer, dtype, 5, 4)
    outcomes = [check.run(subject, problem) for check in PROPERTIES if check.applies(subject, problem)]
    assert not [finding for outcome in outcomes if outcome.verdict == FAIL for finding in outcome.findings]
    return {outcome.check: outcome.verdict for outcome in outcomes}


LAYERS = [
    refseq.layer("elman", 3, 4),
    refseq.layer("elman", 3, 4, layers=3, activation="relu"),
    refseq.layer("lstm", 3, 4),
    refseq.layer("lstm", 3, 4, layers=2, bidirectional=True),
    refseq.layer("gru", 3, 4, reset="after", bidirectional=True),
    refseq.layer("gru", 3, 4, reset="after", bias=False),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("layer", LAYERS, ids=str)
def test_torch_has_every_property(layer, dtype):
    framework("torch")
    from refseq.adapters.torch import implementation

    assert set(verdicts(implementation(layer), layer, dtype).values()) == {PASS}


@pytest.mark.parametrize("layer", [refseq.layer("lstm", 3, 4, bidirectional=True), refseq.layer("gru", 3, 4)], ids=str)
def test_onnxruntime_has_every_property_of_the_forward_pass(layer):
    framework("onnxruntime")
    framework("onnx")
    from refseq.adapters.onnx import OnnxRuntimeImplementation

    found = verdicts(OnnxRuntimeImplementation(layer), layer, "float32")
    assert {name for name, verdict in found.items() if verdict == NOT_OFFERED} >= {"zero cotangent", "backward twice"}
    assert {name for name, verdict in found.items() if verdict == PASS} >= {"hidden permutation", "NaN in the padding"}


def test_onnxruntime_offers_nothing_in_float64():
    framework("onnxruntime")
    framework("onnx")
    from refseq.adapters.onnx import OnnxRuntimeImplementation

    layer = refseq.layer("lstm", 3, 4)
    assert set(verdicts(OnnxRuntimeImplementation(layer), layer, "float64").values()) == {NOT_OFFERED}
