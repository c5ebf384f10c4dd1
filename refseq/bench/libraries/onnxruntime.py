"""ONNX Runtime: one session for each layer, forward only, numpy in and numpy out."""

from collections.abc import Mapping
from typing import Any

from refseq.bench.cases import Arrays, Case, LayerCase, named_run
from refseq.bench.libraries.library import Library, Pass
from refseq.checks.implementation import NotOffered


class OnnxRuntime(Library):
    """ONNX has no gradients of RNN, LSTM and GRU; what the runtime refuses, such as float64, it does not offer."""

    name = "onnxruntime"
    packages = ("onnx", "onnxruntime")
    extra = "onnx"
    threads = 1

    def use(self, threads: int) -> str:
        """See ``Library``; sessions take it when they are made."""
        self.threads = threads
        return f"SessionOptions.intra_op_num_threads = {threads}"

    def fits(self, case: Case) -> bool:
        """Layers alone."""
        return isinstance(case, LayerCase)

    def prepare(self, case: Case, inputs: Any) -> Mapping[str, Pass]:
        """See ``Library``."""
        if not isinstance(case, LayerCase):
            raise NotOffered("ONNX is for inference: no loss, no clipping, no optimiser is timed")
        import onnxruntime

        from refseq.adapters.onnx import refusals
        from refseq.adapters.onnx_model import onnx_model

        model = onnx_model(case.layer, inputs.params)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        feeds = {"x": inputs.x} | {f"{name}0": value for name, value in inputs.state.items()}
        try:
            session = onnxruntime.InferenceSession(
                model.SerializeToString(), options, providers=["CPUExecutionProvider"]
            )
            session.run(None, feeds)
        except refusals() as refusal:
            raise NotOffered(f"onnxruntime: {refusal}") from refusal

        def read(result: Any) -> Arrays:
            y, *final = result
            return named_run(y, dict(zip(inputs.state, final, strict=True)))

        return {"forward": Pass(lambda: session.run(None, feeds), read)}
