"""Who is timed: refseq on the device, torch.nn (cuDNN), flashrnn. All arrays are on the device beforehand.

A peer prepares a case: passes with a function that is timed and one that makes numpy's arrays of its results, as in
``refseq.bench.libraries``. In the simulator torch's layers run on the CPU, so that the code is run at all.
"""

import importlib.metadata
import importlib.util
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from cuda_kernels import gpu, tiers
from cuda_kernels.bench.cases import DeviceCase
from cuda_kernels.target import CUDA
from refseq import __version__
from refseq.bench.cases import Arrays, named_gradients, named_run
from refseq.bench.libraries import Pass
from refseq.checks.implementation import NotOffered

OPERANDS = {"tf32": "tf32", "bfloat16": "bf16"}
"""refseq's name of a low precision: of the operands of recurrent products, all else being float32."""


def torch_device() -> tuple[Any, str]:
    """torch and where its tensors go; None where it has no device."""
    if importlib.util.find_spec("torch") is None:
        return None, ""
    import torch

    if gpu.SIMULATOR:
        return torch, "cpu"
    return (torch, "cuda") if torch.cuda.is_available() else (None, "")


def settings(torch: Any) -> list[tuple[str, Any, bool]]:
    """Precisions by name: the dtype, and whether products may be rounded to TF32."""
    return [
        ("float32", torch.float32, False),
        ("tf32", torch.float32, True),
        ("bfloat16", torch.bfloat16, False),
        ("float16", torch.float16, False),
        ("float64", torch.float64, False),
    ]


def setting(torch: Any, precision: str) -> tuple[Any, bool]:
    """The dtype and TF32 of a precision."""
    return next((dtype, tf32) for name, dtype, tf32 in settings(torch) if name == precision)


class Own:
    """refseq's target "cuda", with arrays of numba-cuda."""

    name = "refseq"

    def missing(self) -> str | None:
        """It is there."""
        return None

    def version(self) -> str:
        """refseq's."""
        return __version__

    def prepare(self, case: DeviceCase) -> Mapping[str, Pass]:
        """See the module's text. Raises NotOffered for a precision that it has not, or not for this layer."""
        asked = _asked(case)
        layer, given, lengths, to = case.layer.layer, case.inputs, case.lengths, gpu.cuda.to_device
        params, state = ({n: to(a) for n, a in arrays.items()} for arrays in (given.params, given.state))
        x, dy = to(given.x), to(given.dy)

        def alone() -> Any:
            with tiers.using(*asked):
                return layer.forward(params, x, state, lengths, "cuda", gradient=False)

        def both() -> Any:
            with tiers.using(*asked):
                run = layer.forward(params, x, state, lengths, "cuda")
            return run, layer.backward(run, dy)

        def read_run(run: Any) -> Arrays:
            return named_run(run.y.copy_to_host(), {n: a.copy_to_host() for n, a in run.state.items()})

        def read(result: Any) -> Arrays:
            run, grads = result
            dparams, dstate = ({n: a.copy_to_host() for n, a in d.items()} for d in (grads.params, grads.state))
            return read_run(run) | named_gradients(dparams, grads.x.copy_to_host(), dstate)

        return {"forward": Pass(alone, read_run), "both": Pass(both, read)}


def _asked(case: DeviceCase) -> tuple[str | None, str | None]:
    """The tier and the precision that a case asks refseq for: on tensor cores the first tier that can. Raises
    NotOffered, with the reason, if none can."""
    if case.precision == case.layer.dtype:
        return None, None
    if case.precision not in OPERANDS:
        raise NotOffered(f"refseq has no {case.precision}")
    layer, shape, reason = case.layer.layer, case.layer.shape, ""
    for tier in ("resident", "persistent"):
        asked, sizes = (tier, OPERANDS[case.precision]), (case.layer.dtype, shape.H, shape.B, 1)
        try:
            tiers.choose(layer.cell, *sizes, CUDA.machine.hardware, *asked)
        except ValueError as error:
            reason = str(error)
        else:
            return asked
    raise NotOffered(reason)


class Torch:
    """torch.nn's layers: cuDNN."""

    name = "torch"

    def missing(self) -> str | None:
        """Why it cannot run."""
        return None if torch_device()[0] is not None else "torch is not installed, or finds no CUDA device"

    def version(self) -> str:
        """torch's, CUDA's and cuDNN's."""
        torch, _ = torch_device()
        return f"{torch.__version__}, CUDA {torch.version.cuda}, cuDNN {torch.backends.cudnn.version()}"

    def prepare(self, case: DeviceCase) -> Mapping[str, Pass]:
        """See the module's text. Raises NotOffered for a layer that torch has not."""
        from refseq.adapters.torch import implementation

        torch, place = torch_device()
        dtype, tf32 = setting(torch, case.precision)
        adapter, given = implementation(case.layer.layer), case.inputs
        module: Any = adapter.loaded(given.params).to(place, dtype)
        module.flatten_parameters()
        weights = dict(module.named_parameters())
        x, dy, *state = (torch.tensor(a).to(place, dtype) for a in (given.x, given.dy, *given.state.values()))
        leaves = [value.clone().requires_grad_(True) for value in (x, *state)]
        call = _with_lengths(torch, module, case.lengths, len(given.x))

        def set_precision() -> None:
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = tf32

        def forward() -> Any:
            set_precision()
            with torch.inference_mode():
                return call(x, state)

        def both() -> Any:
            set_precision()
            for tensor in (*leaves, *weights.values()):
                tensor.grad = None
            y, final = call(leaves[0], leaves[1:])
            y.backward(dy)
            return y, final

        def read_run(result: Any) -> Arrays:
            y, final = result
            return named_run(host(y), dict(zip(given.state, map(host, final), strict=True)))

        def read(result: Any) -> Arrays:
            dx, *dstate = (host(tensor.grad) for tensor in leaves)
            dparams = adapter.gradients({name: host(weight.grad) for name, weight in weights.items()})
            return read_run(result) | named_gradients(dparams, dx, dict(zip(given.state, dstate, strict=True)))

        return {"forward": Pass(forward, read_run), "both": Pass(both, read)}


def _with_lengths(torch: Any, module: Any, lengths: np.ndarray | None, steps: int) -> Callable[[Any, list], Any]:
    """(x, states) -> outputs, final states; rows of different lengths as a packed sequence, packed within the call."""
    several = isinstance(module, torch.nn.LSTM)
    counts = None if lengths is None else torch.as_tensor(lengths)
    utils = torch.nn.utils.rnn

    def call(x: Any, state: list) -> Any:
        packed = x if counts is None else utils.pack_padded_sequence(x, counts, enforce_sorted=False)
        y, final = module(packed, tuple(state) if several else state[0])
        if counts is not None:
            y, _ = utils.pad_packed_sequence(y, total_length=steps)
        return y, list(final) if several else [final]

    return call


def host(tensor: Any) -> np.ndarray:
    """numpy's array of a tensor; of 16 bits in float32."""
    tensor = tensor.detach()
    return (tensor if tensor.element_size() > 2 else tensor.float()).cpu().numpy()
