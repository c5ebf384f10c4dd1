import contextlib
import itertools

import numpy as np
import pytest

import refseq
from refseq.adapters import onnx_attributes, onnx_gates
from refseq.checks import NotOffered, verify
from refseq.checks.accuracy import VALUES
from refseq.checks.subject import Subject
from refseq.checks.suite import problems
from tests.adapters.problems import LENGTHS, TOLERANCE, distance, expected_forward, forward_distance, problem

NEW = {"output_sees": "new"}
ACTIVATIONS = ("sigmoid", "tanh", "relu", "identity")
CELLS = [
    *(("elman", {"activation": name}) for name in ACTIVATIONS),
    ("lstm", {}),
    *(("lstm", {f"{which}_activation": name}) for which in ("gate", "cell", "hidden") for name in ACTIVATIONS),
    ("lstm", {"gate_activation": "tanh", "cell_activation": "relu", "hidden_activation": "sigmoid"}),
    ("lstm_peephole", NEW),
    ("lstm_coupled", {}),
    ("lstm_peephole_coupled", NEW),
    ("gru", {"reset": "before"}),
    ("gru", {"reset": "after"}),
]
CONFORMING = {
    "lstm": {"gate_activation": "tanh", "cell_activation": "sigmoid", "hidden_activation": "identity"},
    "lstm_peephole": NEW,
    "lstm_coupled": {},
    "lstm_peephole_coupled": NEW,
}
LSTM_DEFAULTS = {"gate": "sigmoid", "cell": "tanh", "hidden": "tanh"}
STACKS = [{}, {"layers": 3, "bidirectional": True}, {"bias": False, "bidirectional": True}]
LAYERS = [refseq.layer(name, 4, 3, **o, **sizes) for (name, o), sizes in itertools.product(CELLS, STACKS)]
LAYERS = list(dict.fromkeys(LAYERS))
layers = pytest.mark.parametrize("layer", LAYERS, ids=str)


@pytest.fixture
def adapter(onnx):
    import refseq.adapters.onnx

    return refseq.adapters.onnx


@layers
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "lengths"])
def test_onnxruntime_agrees_with_the_reference(onnxruntime, adapter, layer, lengths):
    implementation = adapter.OnnxRuntimeImplementation(layer)
    given = problem(layer, "float32", lengths)
    before = given.bytes()
    assert forward_distance(implementation, layer, given) <= TOLERANCE["float32"]
    assert given.bytes() == before
    assert implementation.name == f"onnxruntime {onnxruntime.__version__}"


@layers
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_the_reference_evaluator_agrees_with_the_reference(adapter, layer, dtype):
    implementation = adapter.ReferenceEvaluatorImplementation(layer)
    given = problem(layer, dtype)
    if refusal := expected_refusal(layer):
        wrong = differs(implementation, layer, given)  # a newer onnx may know them
        with pytest.raises(NotOffered, match=refusal) if wrong else contextlib.nullcontext():
            assert forward_distance(implementation, layer, given) <= TOLERANCE[dtype]
        return
    assert forward_distance(implementation, layer, given) <= TOLERANCE[dtype]
    given.lengths = np.full(4, 5)  # lengths that shorten nothing
    assert forward_distance(implementation, layer, given) <= TOLERANCE[dtype]


def expected_refusal(layer):
    """What the reference evaluator of onnx 1.23 refuses, or ignores."""
    options = layer.cell.options
    if "coupled" in layer.cell.name:
        return "evaluator ignores input_forget of LSTM"
    if layer.cell.name == "lstm":
        plain = [options.get(f"{which}_activation", f) for which, f in LSTM_DEFAULTS.items()]
        return None if plain == list(LSTM_DEFAULTS.values()) else "evaluator ignores activations of LSTM"
    return "evaluator: Unknown activation function" if options.get("activation") in ("relu", "sigmoid") else None


def differs(implementation, layer, given):
    """Whether the evaluator, asked past the adapter, refuses a model or computes something else."""
    from refseq.adapters.onnx_model import onnx_model

    feeds = {"x": given.x} | {f"{n}0": s for n, s in given.state.items()}
    try:
        y, *_ = implementation.execute(onnx_model(layer, given.params), feeds)
    except NotOffered:
        return True
    return distance(y, expected_forward(layer, *given.inputs)[0]) > 1e-3


@pytest.mark.parametrize("name", ["elman", "lstm", "gru"])
def test_the_reference_evaluator_has_no_lengths_while_it_ignores_them(adapter, name):
    from refseq.adapters.onnx_model import onnx_model

    layer = refseq.layer(name, 4, 3)
    implementation = adapter.ReferenceEvaluatorImplementation(layer)
    given = problem(layer, lengths=np.array([5, 1, 2, 3]))
    feeds = {"x": given.x, "lengths": given.lengths.astype(np.int32)} | {f"{n}0": s for n, s in given.state.items()}
    y, *_ = implementation.execute(onnx_model(layer, given.params, lengths=True), feeds)
    expected = expected_forward(layer, *given.inputs)[0]
    if distance(y, expected) <= 1e-12:  # a newer onnx may know them
        assert forward_distance(implementation, layer, given) <= 1e-12
    else:
        with pytest.raises(NotOffered, match="evaluator ignores sequence_lens of"):
            implementation.forward(*given.inputs)


@pytest.mark.parametrize("name", ["elman", "lstm", "gru"])
def test_onnxruntime_refuses_float64_in_its_own_words(onnxruntime, adapter, name):
    layer = refseq.layer(name, 4, 3)
    with pytest.raises(NotOffered, match=r"does not support double yet|Could not find an implementation for RNN"):
        adapter.OnnxRuntimeImplementation(layer).forward(*problem(layer, "float64").inputs)


@pytest.mark.parametrize("kind", ["OnnxRuntimeImplementation", "ReferenceEvaluatorImplementation"])
@pytest.mark.parametrize("steps", [0, 5])
def test_there_are_no_gradients(onnxruntime, adapter, kind, steps):
    layer = refseq.layer("lstm", 4, 3)
    given = problem(layer, "float32", steps=steps)
    with pytest.raises(NotOffered, match="has no gradients"):
        getattr(adapter, kind)(layer).vjp(*given.inputs, *given.cotangents)


@pytest.mark.parametrize(("steps", "rows"), [(0, 3), (5, 0), (1, 1)])
def test_no_steps_and_no_rows(onnxruntime, adapter, steps, rows):
    layer = refseq.layer("gru", 4, 3, layers=2)
    given = problem(layer, "float32", steps=steps, rows=rows)
    assert forward_distance(adapter.OnnxRuntimeImplementation(layer), layer, given) <= 1e-5


@pytest.mark.parametrize(
    ("name", "options", "order"),
    [
        ("lstm", {}, ("i", "f", "g", "o")),
        ("gru", {}, ("r", "z", "n")),
        ("lstm_coupled", {}, ("f", "g", "o")),
        ("lstm_peephole_coupled", NEW, ("o", "f", "g")),
    ],
)
def test_gates_in_the_wrong_order_are_noticed(onnxruntime, adapter, monkeypatch, name, options, order):
    layer = refseq.layer(name, 4, 3, **options)
    monkeypatch.setitem(onnx_gates.ORDERS, name, order)
    assert forward_distance(adapter.OnnxRuntimeImplementation(layer), layer, problem(layer, "float32")) > 0.01


@pytest.mark.parametrize("order", ["ifo", "oif", "foi"])
def test_peepholes_in_the_wrong_order_are_noticed(onnxruntime, adapter, monkeypatch, order):
    monkeypatch.setattr(onnx_gates, "_peepholes", lambda layer, part: [f"w_c{gate}{part.suffix}" for gate in order])
    layer = refseq.layer("lstm_peephole", 4, 3, **NEW)
    assert forward_distance(adapter.OnnxRuntimeImplementation(layer), layer, problem(layer, "float32")) > 0.01


def test_the_other_memory_in_the_output_gate_is_noticed(onnxruntime, adapter):
    new, old = (refseq.layer("lstm_peephole", 4, 3, output_sees=which) for which in ("new", "old"))
    assert forward_distance(adapter.OnnxRuntimeImplementation(new), old, problem(old, "float32")) > 0.01


@pytest.mark.parametrize("wrong", ["sign kept", "forget gate kept", "attribute dropped"])
def test_coupled_gates_read_otherwise_are_noticed(onnxruntime, adapter, monkeypatch, wrong):
    layer = refseq.layer("lstm_coupled", 4, 3)
    if wrong == "attribute dropped":
        model, run = "refseq.adapters.onnx_model", onnx_attributes.write
        monkeypatch.setattr(f"{model}.write", lambda one: {k: v for k, v in run(one).items() if k != "input_forget"})
    else:
        f = {"sign kept": slice(0, 3), "forget gate kept": slice(6, 9)}[wrong]
        right = onnx_gates._couple

        def couple(value, units):
            found = right(value, units)
            found[:3] = -found[f] if wrong == "sign kept" else 0 * found[f]
            return found

        monkeypatch.setattr(onnx_gates, "_couple", couple)
    assert forward_distance(adapter.OnnxRuntimeImplementation(layer), layer, problem(layer, "float32")) > 0.01


@pytest.mark.parametrize("which", ["gate", "cell", "hidden"])
def test_an_activation_in_the_wrong_place_is_noticed(onnxruntime, adapter, monkeypatch, which):
    layer = refseq.layer("lstm", 4, 3, **{f"{which}_activation": "identity"})
    names = onnx_attributes.FUNCTIONS["lstm"]
    monkeypatch.setitem(onnx_attributes.FUNCTIONS, "lstm", names[1:] + names[:1])
    given = problem(layer, "float32")
    with pytest.raises(AssertionError):
        assert forward_distance(adapter.OnnxRuntimeImplementation(layer), layer, given) <= 0.01


@pytest.mark.parametrize("name", CONFORMING)
@pytest.mark.parametrize("sizes", [{}, {"layers": 2, "bidirectional": True}], ids=["plain", "deep"])
def test_onnxruntime_passes_the_suite(onnxruntime, adapter, name, sizes):
    layer = refseq.layer(name, 3, 5, **sizes, **CONFORMING[name])
    report = verify(adapter.OnnxRuntimeImplementation(layer), layer, "float32", quick=True)
    assert (report.verdict, report.forward_only) == ("pass", True), report.findings


@pytest.mark.parametrize("sizes", [{}, {"layers": 2, "bidirectional": True}], ids=["plain", "deep"])
def test_the_reference_evaluator_passes_the_suite_with_peepholes(adapter, sizes):
    layer = refseq.layer("lstm_peephole", 3, 5, **sizes, **NEW)
    implementation = adapter.ReferenceEvaluatorImplementation(layer)
    padded, full = problems(layer, "float64", quick=True)
    assert VALUES.run(Subject(implementation, layer), full).verdict == "pass"
    assert VALUES.run(Subject(implementation, layer), padded).verdict in ("pass", "not offered")


def test_the_other_reset_is_noticed(onnxruntime, adapter):
    before, after = (refseq.layer("gru", 4, 3, bias=False, reset=reset) for reset in ("before", "after"))
    assert forward_distance(adapter.OnnxRuntimeImplementation(before), after, problem(after, "float32")) > 0.01
