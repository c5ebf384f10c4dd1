"""The budget that the adapter of onnxruntime declares is needed, and enough."""

from dataclasses import replace

import numpy as np

from refseq import layer
from refseq.checks import verify
from refseq.checks.compare import against_exact
from refseq.checks.problem import draw
from refseq.checks.subject import Subject
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


def test_the_gates_of_its_lstm_are_accurate_absolutely_not_relatively():
    """Where gates are nearly shut, with weights stronger than those of any regime."""
    framework("onnxruntime")
    from refseq.adapters.onnx import OnnxRuntimeImplementation

    made = layer("lstm", 3, 5, layers=2, bidirectional=True)
    problem = draw(made, "float32", 4, 3, "saturated", padded=False)
    problem = replace(problem, params={name: value * np.float32(1.5) for name, value in problem.params.items()})
    implementation = OnnxRuntimeImplementation(made)
    assert not against_exact("values", problem, Subject(implementation, made).forward(problem), absolute=True)[0]
    assert against_exact("values", problem, Subject(implementation, made).forward(problem))[0]
