"""Modules of torch.nn as implementations: they agree with the reference, and stay as they are; what is refused."""

import numpy as np
import pytest

import refseq
from refseq.adapters import PEERS
from refseq.checks import NotOffered, verify
from tests.adapters.problems import LENGTHS, TOLERANCE, expected_forward, forward_distance, gradient_distance, problem
from tests.adapters.torch_modules import MODULES, make
from tests.variants import EVERY, label
from tests.variants import layer as layer_of


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("key", MODULES)
def test_agrees_with_the_reference(torch, adapter, key, dtype, lengths):
    implementation = adapter.TorchImplementation(make(torch, key))
    given = problem(implementation.layer, dtype, lengths)
    before = given.bytes()
    assert forward_distance(implementation, implementation.layer, given) <= TOLERANCE[dtype]
    assert gradient_distance(implementation, implementation.layer, given) <= TOLERANCE[dtype]
    assert given.bytes() == before


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("RNN", refseq.layer("elman", 4, 3)),
        ("RNN relu", refseq.layer("elman", 4, 3, activation="relu", layers=2)),
        ("LSTM", refseq.layer("lstm", 4, 3, layers=3, bidirectional=True)),
        ("LSTM proj", refseq.layer("lstm", 4, 3, projection=2)),
        ("LSTM proj deep", refseq.layer("lstm", 4, 3, projection=2, layers=2, bidirectional=True)),
        ("GRU no bias", refseq.layer("gru", 4, 3, reset="after", bidirectional=True, bias=False)),
        ("GRUCell", refseq.layer("gru", 4, 3, reset="after")),
    ],
)
def test_the_layer_and_name_are_the_modules(torch, adapter, key, expected):
    implementation = adapter.TorchImplementation(make(torch, key))
    assert implementation.layer == expected
    assert implementation.name == f"torch {torch.__version__} nn.{key.split()[0]}"


@pytest.mark.parametrize("key", MODULES)
def test_parameters_are_the_modules_own(torch, adapter, key):
    module = make(torch, key).double()
    implementation = adapter.TorchImplementation(module)
    layer, params = implementation.layer, implementation.parameters()
    x = problem(layer).x
    if "Cell" in key:
        out = module(torch.tensor(x[0]))
        y = (out[0] if isinstance(out, tuple) else out).detach().numpy()[None]
        x = x[:1]
    else:
        first = module.batch_first
        y = module(torch.tensor(x.swapaxes(0, 1) if first else x))[0].detach().numpy()
        y = y.swapaxes(0, 1) if first else y
    nothing = {name: np.zeros(layer.state_shape(x.shape[1], name)) for name in layer.cell.state}
    assert np.abs(expected_forward(layer, params, x, nothing, None)[0] - y).max() < 1e-14
    theirs = [value.detach().numpy() for it in (module, implementation.module) for value in it.parameters()]
    assert not any(np.shares_memory(mine, value) for mine in params.values() for value in theirs)


@pytest.mark.parametrize("key", ["LSTM", "GRUCell"])
def test_the_users_module_stays_as_it_is(torch, adapter, key):
    module = make(torch, key).eval()
    module(torch.ones(2, 4)) if key == "GRUCell" else module(torch.ones(5, 2, 4))[0].sum().backward()
    next(module.parameters()).requires_grad_(False)

    def snapshot():
        return [
            (name, p.dtype, p.requires_grad, p.detach().numpy().tobytes(), None if p.grad is None else p.grad.sum())
            for name, p in module.named_parameters()
        ]

    before, generator = snapshot(), torch.random.get_rng_state()
    implementation = adapter.TorchImplementation(module)
    given = problem(implementation.layer, "float64", LENGTHS)
    assert gradient_distance(implementation, implementation.layer, given) <= 1e-12
    assert snapshot() == before
    assert not module.training
    assert torch.equal(torch.random.get_rng_state(), generator)


@pytest.mark.parametrize(("steps", "rows"), [(0, 3), (5, 0), (1, 1)])
def test_no_steps_and_no_rows(torch, adapter, steps, rows):
    implementation = adapter.TorchImplementation(make(torch, "GRU"))
    given = problem(implementation.layer, steps=steps, rows=rows)
    assert forward_distance(implementation, implementation.layer, given) <= 1e-12
    assert gradient_distance(implementation, implementation.layer, given) <= 1e-12


def test_padding_may_be_nan(torch, adapter):
    implementation = adapter.TorchImplementation(make(torch, "LSTMCell"))
    given = problem(implementation.layer, lengths=LENGTHS)
    for row, length in enumerate(LENGTHS):
        given.x[length:, row] = np.nan
    assert gradient_distance(implementation, implementation.layer, given) <= 1e-12


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("sizes", [{}, {"layers": 2, "bidirectional": True}], ids=["plain", "deep"])
def test_the_projected_lstm_passes_the_suite(torch, adapter, sizes, dtype):
    layer = refseq.layer("lstm", 3, 5, projection=2, **sizes)
    report = verify(PEERS["torch"].build(layer), layer, dtype, quick=True)
    assert (report.verdict, report.forward_only) == ("pass", False), report.findings


def test_dropout(torch, adapter):
    module = torch.nn.LSTM(4, 3, num_layers=2, dropout=0.5)
    with pytest.raises(ValueError, match=r"module: expected dropout 0 or eval\(\), got dropout 0.5 in training mode"):
        adapter.TorchImplementation(module)
    implementation = adapter.TorchImplementation(module.eval())
    assert gradient_distance(implementation, implementation.layer, problem(implementation.layer)) <= 1e-12
    assert module.dropout == 0.5


def test_modules_that_refseq_cannot_judge(torch, adapter):
    with pytest.raises(TypeError, match=r"module: expected one of torch.nn.\{RNN, LSTM.*got Linear"):
        adapter.TorchImplementation(torch.nn.Linear(4, 3))
    odd = torch.nn.utils.parametrizations.weight_norm(torch.nn.LSTM(4, 3), "weight_hh_l0")
    with pytest.raises(ValueError, match=r"module: expected the parameters .*'weight_hh_l0'.*, got "):
        adapter.TorchImplementation(odd)


@pytest.mark.parametrize("dtype", ["complex128", "float16", "object"])
def test_dtypes_that_are_not_offered(torch, adapter, dtype):
    implementation = adapter.TorchImplementation(make(torch, "RNN"))
    given = problem(implementation.layer, dtype)
    with pytest.raises(NotOffered, match=f"float32 and float64, not in {dtype}"):
        implementation.forward(*given.inputs)


def test_errors_name_the_argument(torch, adapter):
    implementation = adapter.TorchImplementation(make(torch, "LSTM"))
    given = problem(implementation.layer)
    params, x, state, _ = given.inputs
    with pytest.raises(ValueError, match=r"x: expected shape \(T, B, 4\), got \(5, 4, 3\)"):
        implementation.forward(params, x[:, :, 1:], state, None)
    with pytest.raises(ValueError, match="state: expected the keys"):
        implementation.forward(params, x, {"h": state["h"]}, None)
    with pytest.raises(ValueError, match=r"lengths\[2\]: expected 0 <= length <= T = 5, got 6"):
        implementation.forward(params, x, state, np.array([1, 2, 6, 0]))
    with pytest.raises(TypeError, match="x: expected dtype float64"):
        implementation.forward(params, x.astype("float32"), state, None)
    with pytest.raises(ValueError, match="dy: expected shape"):
        implementation.vjp(params, x, state, None, given.dy[1:], given.dstate)


OFFERED = [
    ("elman", {}),
    ("elman", {"activation": "relu"}),
    ("lstm", {}),
    ("lstm", {"projection": 2}),
    ("gru", {"reset": "after"}),
]


@pytest.mark.parametrize("variant", EVERY, ids=label)
def test_torch_module_of_every_cell(torch, adapter, variant):
    layer = layer_of(variant, 4, 3, bias=False, layers=2)
    if not any(layer == layer_of(offered, 4, 3, bias=False, layers=2) for offered in OFFERED):
        with pytest.raises(NotOffered, match=r"torch has no|frameworks draw their own masks"):
            PEERS["torch"].build(layer)
        return
    generator = torch.random.get_rng_state()
    assert PEERS["torch"].build(layer).layer == layer
    assert adapter.layer_of(adapter.torch_module(layer, batch_first=True)) == layer
    assert torch.equal(torch.random.get_rng_state(), generator)


def test_what_torch_does_not_have(torch, adapter):
    with pytest.raises(NotOffered, match="torch has a proj_size below hidden_size only, not 3 for 3 units"):
        adapter.torch_module(refseq.layer("lstm", 4, 3, projection=3))
    with pytest.raises(NotOffered, match=r"torch has no lstm\(clip=0.5, projection=True\)"):
        adapter.torch_module(refseq.layer("lstm", 4, 3, projection=3, clip=0.5))
    with pytest.raises(NotOffered, match="no merge='mean'"):
        adapter.torch_module(refseq.layer("gru", 4, 3, reset="after", bidirectional=True, merge="mean"))
