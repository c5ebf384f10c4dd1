import dataclasses

import numpy as np
import pytest

import refseq
from refseq.adapters import PEERS
from refseq.checks import NotOffered, verify
from tests.adapters.problems import LENGTHS, TOLERANCE, expected_forward, forward_distance, gradient_distance, problem
from tests.variants import EVERY, label
from tests.variants import layer as layer_of

MODULES = {
    "RNN": {},
    "RNN relu": {"nonlinearity": "relu", "num_layers": 2},
    "LSTM": {"num_layers": 3, "bidirectional": True},
    "LSTM no bias": {"bias": False, "batch_first": True},
    "GRU": {"num_layers": 3, "bidirectional": True, "batch_first": True},
    "GRU no bias": {"bias": False, "bidirectional": True},
    "LSTM proj": {"proj_size": 2},
    "LSTM proj deep": {"proj_size": 2, "num_layers": 2, "bidirectional": True, "batch_first": True},
    "LSTM proj no bias": {"proj_size": 1, "bias": False, "bidirectional": True},
    "RNNCell": {},
    "RNNCell relu": {"nonlinearity": "relu", "bias": False},
    "LSTMCell": {},
    "GRUCell": {},
    "GRUCell no bias": {"bias": False},
}


@pytest.fixture
def adapter(torch):
    import refseq.adapters.torch

    return refseq.adapters.torch


def make(torch, key):
    torch.manual_seed(7)
    return getattr(torch.nn, key.split()[0])(4, 3, **MODULES[key])


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


@pytest.mark.parametrize("wrong", ["read by columns", "units swapped", "left out"])
def test_a_wrong_projection_is_noticed(torch, adapter, monkeypatch, wrong):
    right = adapter.stack
    change = {
        "read by columns": lambda W: np.resize(W.T, W.shape),
        "units swapped": lambda W: W[:, [1, 0, 2]],
        "left out": lambda W: np.eye(*W.shape),
    }[wrong]

    def planted(layer, part, params, order):
        stacked = right(layer, part, params, order)
        return dataclasses.replace(stacked, W_hr=change(stacked.W_hr))

    monkeypatch.setattr(adapter, "stack", planted)
    implementation = adapter.TorchImplementation(make(torch, "LSTM proj"))
    given = problem(implementation.layer)
    assert forward_distance(implementation, implementation.layer, given) > 0.01
    assert gradient_distance(implementation, implementation.layer, given) > 0.01


def test_a_missing_gradient_of_the_projection_is_noticed(torch, adapter):
    class Detached(torch.nn.LSTM):
        def forward(self, *inputs):
            self._flat_weights[4] = self._flat_weights[4].detach()
            return super().forward(*inputs)

    implementation = adapter.TorchImplementation(Detached(4, 3, proj_size=2))
    given = problem(implementation.layer)
    assert forward_distance(implementation, implementation.layer, given) <= 1e-12
    assert gradient_distance(implementation, implementation.layer, given) > 0.1


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("sizes", [{}, {"layers": 2, "bidirectional": True}], ids=["plain", "deep"])
def test_the_projected_lstm_passes_the_suite(torch, adapter, sizes, dtype):
    layer = refseq.layer("lstm", 3, 5, projection=2, **sizes)
    report = verify(PEERS["torch"].build(layer), layer, dtype, quick=True)
    assert (report.verdict, report.forward_only) == ("pass", False), report.findings


@pytest.mark.parametrize("key", ["LSTM", "GRU", "RNN"])
def test_gates_in_the_wrong_order_are_noticed(torch, adapter, monkeypatch, key):
    right = adapter.stack
    monkeypatch.setattr(adapter, "stack", lambda layer, part, p, order: right(layer, part, p, order[1:] + order[:1]))
    implementation = adapter.TorchImplementation(make(torch, key))
    given = problem(implementation.layer)
    off = forward_distance(implementation, implementation.layer, given)
    assert off > 0.01 if len(implementation.layer.cell.gates) > 1 else off <= 1e-12


def test_a_module_that_drops_a_bias_is_noticed(torch, adapter):
    class Dropping(torch.nn.LSTM):
        def forward(self, *inputs):
            self._flat_weights[3] = torch.zeros_like(self._flat_weights[3])
            return super().forward(*inputs)

    implementation = adapter.TorchImplementation(Dropping(4, 3))
    assert forward_distance(implementation, implementation.layer, problem(implementation.layer)) > 0.01


@pytest.mark.parametrize("bias", [2, 3])
def test_a_missing_gradient_of_either_bias_is_noticed(torch, adapter, bias):
    class Detached(torch.nn.LSTM):
        def forward(self, *inputs):
            self._flat_weights[bias] = self._flat_weights[bias].detach()
            return super().forward(*inputs)

    implementation = adapter.TorchImplementation(Detached(4, 3))
    given = problem(implementation.layer)
    assert forward_distance(implementation, implementation.layer, given) <= 1e-12
    assert gradient_distance(implementation, implementation.layer, given) > 0.1


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
