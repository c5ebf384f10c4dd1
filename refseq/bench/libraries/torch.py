"""PyTorch: nn.LSTM, nn.GRU and nn.RNN with autograd; cross-entropy, ctc_loss, clip_grad_norm_ and Adam."""

from collections.abc import Mapping
from typing import Any, cast

from refseq.bench.cases import Arrays, Case, Inputs, LayerCase, named_gradients, named_run
from refseq.bench.libraries.library import Library, Pass
from refseq.bench.operations import OperationCase, split, threshold
from refseq.checks.implementation import NotOffered


class Torch(Library):
    """Tensors and module are made once; forward under inference_mode, both through ``y.backward(dy)``."""

    name = "torch"
    packages = ("torch",)
    extra = "torch"

    def use(self, threads: int) -> str:
        """See ``Library``."""
        import torch

        torch.set_num_threads(threads)
        return f"torch.get_num_threads() = {torch.get_num_threads()}"

    def prepare(self, case: Case, inputs: Any) -> Mapping[str, Pass]:
        """See ``Library``."""
        if isinstance(case, LayerCase):
            return _layer(case, inputs)
        if isinstance(case, OperationCase):
            return {"call": _operation(case, inputs, fused=False)}
        raise NotOffered(f"torch has no {case.label}")


class FusedTorch(Torch):
    """torch.optim.Adam(fused=True), which has to be asked for."""

    name = "torch-fused"

    def fits(self, case: Case) -> bool:
        """Adam alone."""
        return isinstance(case, OperationCase) and case.name == "adam"

    def prepare(self, case: Case, inputs: Any) -> Mapping[str, Pass]:
        """See ``Library``."""
        if not self.fits(case):
            raise NotOffered("torch-fused is torch.optim.Adam(fused=True) alone")
        return {"call": _operation(cast("OperationCase", case), inputs, fused=True)}


def _layer(case: LayerCase, given: Inputs) -> dict[str, Pass]:
    import torch

    from refseq.adapters.torch import implementation

    adapter = implementation(case.layer)
    module = adapter.loaded(given.params)
    weights = dict(module.named_parameters())
    x, dy, *state = (torch.tensor(value) for value in (given.x, given.dy, *given.state.values()))
    leaves = [value.clone().requires_grad_(True) for value in (x, *state)]
    single = len(state) == 1

    def forward() -> Any:
        with torch.inference_mode():
            return module(x, state[0] if single else tuple(state))

    def both() -> Any:
        for tensor in (*leaves, *weights.values()):
            tensor.grad = None
        y, final = module(leaves[0], leaves[1] if single else tuple(leaves[1:]))
        y.backward(dy)
        return y, final

    def read_run(result: Any) -> Arrays:
        y, final = result
        final = dict(zip(given.state, [final] if single else final, strict=True))
        return named_run(y.detach().numpy(), {name: value.detach().numpy() for name, value in final.items()})

    def read(result: Any) -> Arrays:
        dx, *dstate = (_array(tensor.grad) for tensor in leaves)
        dparams = adapter.gradients({name: _array(weight.grad) for name, weight in weights.items()})
        return read_run(result) | named_gradients(dparams, dx, dict(zip(given.state, dstate, strict=True)))

    return {"forward": Pass(forward, read_run), "both": Pass(both, read)}


def _operation(case: OperationCase, inputs: Arrays, fused: bool) -> Pass:
    import torch

    if case.name == "cross_entropy":
        logits = torch.tensor(inputs["logits"]).requires_grad_(True)
        targets = torch.tensor(inputs["targets"]).reshape(-1)

        def loss() -> Any:
            logits.grad = None
            value = torch.nn.functional.cross_entropy(logits.reshape(-1, logits.shape[-1]), targets)
            value.backward()
            return value

        return Pass(loss, lambda value: {"loss": value.detach().numpy(), "dlogits": _array(logits.grad)})

    if case.name == "ctc":
        return _ctc(inputs)
    g = {name: torch.tensor(value) for name, value in split(inputs, "g").items()}
    if case.name == "clip":
        limit = threshold(case)
        tensors = {name: torch.nn.Parameter(torch.zeros_like(value)) for name, value in g.items()}
        for name, tensor in tensors.items():
            tensor.grad = g[name]
        # in place: from the second call on the norm is within the limit, and it multiplies all the same
        clip = torch.nn.utils.clip_grad_norm_

        def read(norm: Any) -> Arrays:
            # torch divides by the norm plus 1e-6, refseq by the norm; brought back, so that all the rest is checked
            factor = 1 + 1e-6 / float(norm)
            clipped = {f"g{name}": _array(tensor.grad) for name, tensor in tensors.items()}
            return {"norm": norm.numpy(), **{name: value * value.dtype.type(factor) for name, value in clipped.items()}}

        return Pass(lambda: clip(list(tensors.values()), limit), read)
    p = {name: torch.nn.Parameter(torch.tensor(value)) for name, value in split(inputs, "p").items()}
    for name, tensor in p.items():
        tensor.grad = g[name]
    adam = torch.optim.Adam(p.values(), lr=0.001, fused=fused or None)
    return Pass(adam.step, lambda _: {f"p{name}": _array(tensor) for name, tensor in p.items()})


def _ctc(inputs: Arrays) -> Pass:
    """Of log-probabilities: what torch gives as their gradient is that of logits, which is what refseq is asked for."""
    import torch

    leaf = torch.tensor(inputs["logits"]).requires_grad_(True)
    targets, lengths, counts = (torch.tensor(inputs[name]) for name in ("targets", "lengths", "target_lengths"))

    def loss() -> Any:
        leaf.grad = None
        value = torch.nn.functional.ctc_loss(leaf, targets, lengths, counts, reduction="sum")
        value.backward()
        return value

    return Pass(loss, lambda value: {"loss": value.detach().numpy(), "dlogits": _array(leaf.grad)})


def _array(tensor: Any) -> Any:
    """A copy as numpy."""
    return tensor.detach().numpy().copy()
