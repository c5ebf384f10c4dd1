"""The budget that the adapter of onnxruntime declares is needed, and enough."""

from refseq import layer
from refseq.checks import verify
from tests.conftest import framework


def test_activations_are_accurate_absolutely_not_relatively():
    framework("onnxruntime")
    from refseq.adapters.onnx import OnnxRuntimeImplementation

    made = layer("elman", 3, 5, layers=2, bidirectional=True)
    implementation = OnnxRuntimeImplementation(made)
    assert verify(implementation, made, "float32").verdict == "pass"
    implementation.activations = "relative"
    strict = verify(implementation, made, "float32")
    assert strict.verdict == "fail"
    assert all("rounding of its range" in finding.diagnosis for finding in strict.findings if finding.check == "values")
