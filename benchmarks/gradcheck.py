"""refseq.checks.gradient beside torch.autograd.gradcheck: the same LSTM, the same entries, seconds of each in turn.

    python benchmarks/gradcheck.py [rounds]

Both compare the analytic gradient with central differences at every entry of the parameters, of x and of the initial
state. gradcheck runs torch's own forward twice for each; refseq its own, as a few large batches.
"""

import sys
import time

import numpy as np
import torch

import refseq
from refseq.adapters.torch import TorchImplementation

INPUTS, UNITS, STEPS, ROWS = 20, 40, 10, 2


def main(rounds: int) -> None:
    """Print the seconds and the ratio."""
    torch.set_num_threads(torch.get_num_threads())
    module = torch.nn.LSTM(INPUTS, UNITS).double()
    implementation = TorchImplementation(module)
    layer = implementation.layer
    rng = np.random.default_rng(0)
    params = {name: 0.2 * rng.normal(size=shape) for name, shape in layer.shapes.items()}
    x = rng.normal(size=(STEPS, ROWS, INPUTS))
    state = {name: rng.normal(size=layer.state_shape(ROWS, name)) for name in layer.states}
    given = [torch.tensor(x, requires_grad=True)]
    given += [torch.tensor(state[name], requires_grad=True) for name in ("h", "c")]
    names = [name for name, _ in module.named_parameters()]
    given += [torch.nn.Parameter(value.detach().clone()) for value in module.parameters()]

    def function(x, h, c, *weights):
        y, (h, c) = torch.func.functional_call(module, dict(zip(names, weights, strict=True)), (x, (h, c)))
        return (y * y).sum() + (h * c).sum()

    entries = sum(value.numel() for value in given)
    seconds: dict[str, list[float]] = {"torch": [], "refseq": []}
    for _ in range(rounds + 1):
        start = time.perf_counter()
        assert torch.autograd.gradcheck(function, given)
        seconds["torch"].append(time.perf_counter() - start)
        start = time.perf_counter()
        report = refseq.checks.gradient(implementation, layer, params=params, x=x, state=state)
        assert report.verdict == "pass", report.findings
        seconds["refseq"].append(time.perf_counter() - start)
    torch_s, own_s = (float(np.median(values[1:])) for values in seconds.values())
    print(f"{entries} entries (torch has two biases, refseq {sum(map(np.size, params.values()))} parameters)")
    print(f"torch gradcheck {torch_s:.2f} s, refseq.checks.gradient {own_s:.3f} s, ratio {torch_s / own_s:.1f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
