"""Programs that run ONNX models as implementations to be judged: onnxruntime, and onnx's own reference evaluator.

ONNX has no gradients of RNN, LSTM and GRU; both are judged forward only.
"""

from functools import cache
from typing import Any, NoReturn

import numpy as np
import onnx

from refseq.adapters.adapter import Adapter
from refseq.adapters.onnx_attributes import OPERATORS, operator, write
from refseq.adapters.onnx_model import onnx_model
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

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4  # a refusal is reported by the exception, not on stderr as well
        try:
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            return [np.asarray(value) for value in session.run(None, feeds)]
        except refusals() as refusal:
            raise NotOffered(f"{self.name}: {refusal}") from refusal


@cache
def refusals() -> tuple[type[Exception], ...]:
    """What onnxruntime raises for a model or a dtype that it does not run."""
    import onnxruntime.capi.onnxruntime_pybind11_state as errors

    return errors.NotImplemented, errors.RuntimeException


class ReferenceEvaluatorImplementation(_ModelImplementation):
    """onnx.reference.ReferenceEvaluator: the operators in numpy, as the standard's authors wrote them.

    Raises NotOffered for activations that it refuses, and for what it ignores: onnx 1.23 ignores, silently, lengths,
    and of the LSTM the attributes activations and input_forget.
    """

    def __init__(self, layer: Layer) -> None:
        operator(layer)
        super().__init__(layer, f"onnx {onnx.__version__} evaluator")

    def run(
        self, params: Arrays, x: np.ndarray, state: Arrays, lengths: np.ndarray | None
    ) -> tuple[np.ndarray, Arrays]:
        """See ``Adapter.run``."""
        op = operator(self.layer)
        if lengths is not None and (lengths < len(x)).any() and ignores_lengths(op):
            raise NotOffered(f"{self.name} ignores sequence_lens of {op}")
        for attribute in PROBES if op == "LSTM" else ():
            if attribute in write(self.layer) and ignores_attribute(attribute):
                raise NotOffered(f"{self.name} ignores {attribute} of {op}")
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
    name = next(name for name, its in OPERATORS.items() if its == op)
    evaluator, model, feeds = _probe(make_layer(name, 1, 1), lengths=True)
    y, *_ = evaluator.execute(model, feeds | {"lengths": np.ones(1, np.int32)})
    return bool(y[1].any())


PROBES: dict[str, Layer] = {
    "activations": make_layer("lstm", 1, 1, gate_activation="tanh"),
    "input_forget": make_layer("lstm_coupled", 1, 1),
}
"""LSTMs whose outputs depend on an attribute."""


@cache
def ignores_attribute(attribute: str) -> bool:
    """Whether the installed reference evaluator computes the same LSTM with this attribute and without it."""
    evaluator, model, feeds = _probe(PROBES[attribute], lengths=False)
    found = evaluator.execute(model, feeds)
    (node,) = [node for node in model.graph.node if node.op_type == "LSTM"]
    node.attribute.remove(next(entry for entry in node.attribute if entry.name == attribute))
    return all(map(np.array_equal, found, evaluator.execute(model, feeds)))


def _probe(layer: Layer, lengths: bool) -> tuple[ReferenceEvaluatorImplementation, onnx.ModelProto, Arrays]:
    """The evaluator, a model of a layer of one unit with random weights, and two steps of input."""
    model = onnx_model(layer, layer.initialise(scheme="gaussian"), lengths=lengths)
    states = {f"{name}0": np.ones((1, 1, 1)) for name in layer.cell.state}
    return ReferenceEvaluatorImplementation(layer), model, {"x": np.ones((2, 1, 1))} | states
