"""What arrays on the device are refused: every error names the argument. Run by test_target.py."""

import numpy as np
import pytest

from cuda_kernels import places
from cuda_kernels.interop import kinds
from refseq import clipping, losses, optimisers
from tests.cuda_kernels.callers import KINDS, Capsule, Interface
from tests.cuda_kernels.interop_cases import ROWS, STEPS, simulated
from tests.variants import layer


def arguments(make, **changes):
    """Arguments of a layer by name, with arrays of a kind; a name in changes has this one."""
    given = layer(("elman", {}), 2, 3)
    params = {name: np.ones(shape, "float32") for name, shape in given.shapes.items()}
    found = {"x": np.ones((STEPS, ROWS, 2), "float32"), **params}
    made = {name: changes[name] if name in changes else make(array) for name, array in found.items()}
    return given, {name: made[name] for name in params}, made["x"]


def refused(match, error=TypeError, make=KINDS["numba"], **changes):
    given, params, x = arguments(make, **changes)
    with pytest.raises(error, match=match):
        given.forward(params, x, target="cuda")


def test_errors_name_the_argument():
    numba, bias = KINDS["numba"], np.ones((1, 3), "float32")
    refused(r"params\['b_h'\]: expected an array on a CUDA device like x, got a numpy array, on the host", b_h=bias)
    refused(r"params\['b_h'\]: expected shape \(1, 3\), got \(3,\)", ValueError, b_h=numba(bias[0]))
    refused("params: expected one dtype, got several", b_h=numba(bias.astype("float64")))
    refused("x: expected dtype float32 like the other arrays", x=numba(np.ones((STEPS, ROWS, 2))))
    refused(r"x: expected shape \(T, B, 2\), got \(4, 3, 5\)", ValueError, x=numba(np.ones((4, 3, 5), "float32")))
    refused("target 'cuda' takes float32, float64; got float16", make=lambda array: numba(array.astype("float16")))
    refused(r"params\['b_h'\]: expected .* got a numpy array", make=Interface, b_h=bias)
    masked = Interface(bias, mask=Interface(bias))
    refused(r"params\['b_h'\]: expected an array without a mask", b_h=masked)
    backward = Interface(bias, strides=(12, -4))
    refused(r"params\['b_h'\]: expected strides that are multiples of 4 bytes", ValueError, b_h=backward)
    foreign = Interface(bias, typestr=">f4")
    refused(r"params\['b_h'\]: expected numbers in native byte order, got dtype >f4", b_h=foreign)
    assert kinds.kind_of([1.0]) is None


def test_errors_of_other_arguments():
    given, params, x = arguments(KINDS["numba"])
    with pytest.raises(TypeError, match="lengths: expected numbers on the host, which looks at them"):
        given.forward(params, x, lengths=KINDS["numba"](np.full(ROWS, STEPS)), target="cuda")
    with pytest.raises(TypeError, match=r"state\['h'\]: expected an array on a CUDA device like x"):
        given.forward(params, x, {"h": np.zeros((1, ROWS, 3), "float32")}, target="cuda")
    run = given.forward(params, x, target="cuda")
    with pytest.raises(TypeError, match="dy: expected an array on a CUDA device like x, got a numpy array"):
        given.backward(run, np.ones(run.y.shape, "float32"))
    with pytest.raises(TypeError, match="expected a numpy array"):
        given.forward(params, x, target="cpu")


def test_too_large_a_shape(monkeypatch):
    monkeypatch.setattr(places, "memory_size", lambda: 100)
    refused(r"x: expected a run that fits into 100 bytes of the device's memory, got T = 4, B = 3", ValueError)


@simulated
def test_errors_of_dlpack():
    bias = np.ones((1, 3), "float32")
    refused("x: expected an array on a CUDA device, got one on DLPack's device type 10", x=Capsule(bias, (10, 0)))
    refused(r"params\['b_h'\]: expected device 0 like x, got device 1", ValueError, b_h=Capsule(bias, (1, 1)))
    refused(
        r"params\['b_h'\]: target 'cuda' takes float32, float64; got DLPack's type 0", b_h=Capsule(bias.astype(int))
    )


@simulated
def test_errors_of_torch():
    torch = pytest.importorskip("torch")
    bias, make = torch.ones(1, 3), KINDS["torch"]
    refused(r"params\['b_h'\]: expected a tensor without requires_grad", make=make, b_h=bias.clone().requires_grad_())
    refused(r"params\['b_h'\]: .*got torch.bfloat16", make=make, b_h=bias.bfloat16())
    refused(r"params\['b_h'\]: .*got one on meta", make=make, b_h=bias.to("meta"))
    lazy = torch.ones(1, 3, dtype=torch.complex64).conj().imag
    refused(r"params\['b_h'\]: expected a tensor with its numbers in memory", make=make, b_h=lazy)
    other = KINDS["numba"](np.ones((1, 3), "float32"))
    refused(r"params\['b_h'\]: expected a torch tensor .* like x, got FakeCUDAArray", make=make, b_h=other)
    with torch.no_grad():
        given, params, x = arguments(make, b_h=bias.clone().requires_grad_())
        assert type(given.forward(params, x, target="cuda").y) is torch.Tensor


X, K = np.zeros((2, 3, 4), "float32"), np.zeros((2, 3), int)
NUMBA = KINDS["numba"]


def logits(targets, given=X, **options):
    return lambda: losses.cross_entropy(given, targets, **{"target": "cuda", **options})


def clipped(grads, out=None):
    return lambda: clipping.clip_by_norm(grads, 1.0, out=out, target="cuda")


def stepped(params, grads, state):
    return lambda: optimisers.SGD(0.1).step(params, grads, state, target="cuda")


REFUSED = [
    (logits(X, NUMBA(X)), "targets: expected an array on a CUDA device like logits"),
    (logits(NUMBA(X)), "targets: expected a numpy array, got FakeCUDAArray"),
    (logits(NUMBA(K), NUMBA(X)), "targets: target 'cuda' takes float32, float64; got int64"),
    (logits(K, NUMBA(X), weights=NUMBA(X[0])), "weights: expected numbers on the host"),
    (logits(K, NUMBA(X), lengths=NUMBA(K[0])), "lengths: expected numbers on the host"),
    (logits(K, NUMBA(X), target="cpu"), "logits: expected a numpy array"),
    (logits(NUMBA(X.astype(float)), NUMBA(X)), "targets: expected dtype float32"),
    (clipped({"a": NUMBA(X), "b": X}), r"grads\['b'\]: expected an array on a CUDA device"),
    (clipped({"a": NUMBA(X)}, {"a": X}), r"out\['a'\]: expected an array on a CUDA device"),
    (stepped({"a": NUMBA(X)}, {"a": X}, {"step": K[0, 0]}), r"grads\['a'\]: expected an array on a CUDA device"),
    (
        stepped({"a": X}, {"a": NUMBA(X)}, {"step": K[0, 0], "buffers/a": X[:0]}),
        r"grads\['a'\]: expected a numpy array",
    ),
    (lambda: losses.ctc_of_logits(NUMBA(X), NUMBA(K), target="cuda"), "targets: expected numbers on the host"),
]


@pytest.mark.parametrize(("call", "match"), REFUSED, ids=[match for _, match in REFUSED])
def test_errors_of_losses_and_training(call, match):
    with pytest.raises((TypeError, ValueError), match=match):
        call()


def test_what_results_are_written_to_is_contiguous():
    turned = Interface(X, strides=(4, 8, 24))
    with pytest.raises(ValueError, match=r"out\['a'\]: expected .* whose entries follow one another"):
        clipping.clip_by_norm({"a": NUMBA(X)}, 1.0, out={"a": turned}, target="cuda")
