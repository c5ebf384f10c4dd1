"""Programs that run ONNX models as implementations to be judged: onnxruntime, and onnx's own reference evaluator.

ONNX has no gradients of RNN, LSTM and GRU; both are judged forward only.
"""

from functools import cache
from typing import Any, NoReturn

import numpy as np
import onnx

from refseq.adapters.adapter import Adapter
from refseq.adapters.onnx_model import onnx_model, operator
from refseq.adapters.onnx_node import OPERATORS
from refseq.checks.implementation import Arrays, NotOffered
from refseq.layer import Layer
from refseq.layer import layer as make_layer


class _ModelImplementation(Adapter):
    """A program that runs ONNX models, forward only: subclasses say how it runs one."""

    def execute(self, model: onnx.ModelProto, feeds: Arrays) -> list[np.ndarray]:
        """The outputs of the model."""
        raise NotImplementedError

    def run(
        self, params: Arrays, x: np.ndarray, state: Arrays, lengths: np.ndarray | None
    ) -> tuple[np.ndarray, Arrays]:
        """See ``Adapter.run``."""
        model = onnx_model(self.layer, params, lengths=lengths is not None)
        feeds = {"x": x} | {f"{name}0": value for name, value in state.items()}
        if lengths is not None:
            feeds["lengths"] = lengths.astype(np.int32)
        y, *final = self.execute(model, feeds)
        return y, dict(zip(state, final, strict=True))

    def vjp(self, *arguments: Any, **keywords: Any) -> NoReturn:
        """Raises NotOffered."""
        raise NotOffered(f"{self.name} has no gradients: ONNX's RNN, LSTM and GRU are operators for inference")

    pull = vjp


class OnnxRuntimeImplementation(_ModelImplementation):
    """onnxruntime on the CPU. Raises NotOffered, with onnxruntime's words, for dtypes and operators that it refuses.

    Its tanh and sigmoid are rational approximations (MLAS): -0 comes out for a tanh of -1e-9.
    """

    activations = "absolute"

    def __init__(self, layer: Layer) -> None:
        import onnxruntime

        operator(layer)
        super().__init__(layer, f"onnxruntime {onnxruntime.__version__}")

    def execute(self, model: onnx.ModelProto, feeds: Arrays) -> list[np.ndarray]:
        """See ``_ModelImplementation.execute``."""
        import onnxruntime
        import onnxruntime.capi.onnxruntime_pybind11_state as errors

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # a refusal is reported by the exception, not on stderr as well
        try:
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            return [np.asarray(value) for value in session.run(None, feeds)]
        except (errors.NotImplemented, errors.RuntimeException) as refusal:
            raise NotOffered(f"{self.name}: {refusal}") from refusal


class ReferenceEvaluatorImplementation(_ModelImplementation):
    """onnx.reference.ReferenceEvaluator: the operators in numpy, as the standard's authors wrote them.

    Raises NotOffered for activations that it refuses, and for lengths where it ignores them (onnx 1.23 does, silently).
    """

    def __init__(self, layer: Layer) -> None:
        operator(layer)
        super().__init__(layer, f"onnx {onnx.__version__} evaluator")

    def run(
        self, params: Arrays, x: np.ndarray, state: Arrays, lengths: np.ndarray | None
    ) -> tuple[np.ndarray, Arrays]:
        """See ``Adapter.run``."""
        if lengths is not None and (lengths < len(x)).any() and ignores_lengths(operator(self.layer)):
            raise NotOffered(f"{self.name} ignores sequence_lens of {operator(self.layer)}")
        return super().run(params, x, state, lengths)

    def execute(self, model: onnx.ModelProto, feeds: Arrays) -> list[np.ndarray]:
        """See ``_ModelImplementation.execute``."""
        from onnx.reference import ReferenceEvaluator

        try:
            return [np.asarray(value) for value in ReferenceEvaluator(model).run(None, feeds)]
        except RuntimeError as refusal:
            said = str(refusal).partition("\n")[0][:200]  # it may go on with the whole model
            raise NotOffered(f"{self.name}: {said}") from refusal


@cache
def ignores_lengths(op: str) -> bool:
    """Whether the installed reference evaluator runs two steps of this operator where sequence_lens says one."""
    evaluator = ReferenceEvaluatorImplementation(make_layer(OPERATORS[op], 1, 1))
    params = evaluator.layer.initialise(scheme="gaussian")
    states = {f"{name}0": np.ones((1, 1, 1)) for name in evaluator.layer.cell.state}
    feeds = {"x": np.ones((2, 1, 1)), "lengths": np.ones(1, np.int32)} | states
    y, *_ = evaluator.execute(onnx_model(evaluator.layer, params, lengths=True), feeds)
    return bool(y[1].any())
