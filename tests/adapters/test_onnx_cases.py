import dataclasses

import numpy as np
import pytest

from refseq.adapters import onnx_cases
from refseq.adapters.onnx_gates import ORDERS

COMMON = ["defaults", "with_initial_bias", "batchwise", "reverse", "bidirectional"]
KINDS = {
    "RNN": ["rnn_seq_length", *(f"simple_rnn_{kind}" for kind in COMMON)],
    "LSTM": ["lstm_with_peepholes", *(f"lstm_{kind}" for kind in COMMON)],
    "GRU": ["gru_seq_length", *(f"gru_{kind}" for kind in COMMON)],
}
EXPECTED = {(op, f"test_{name}") for op, names in KINDS.items() for name in names}


@pytest.fixture(scope="module")
def cases(onnx):
    return {case.name: case for case in onnx_cases.cases()}


def test_all_eighteen_are_collected(onnx, cases):
    found = {(case.op, case.name) for case in cases.values()}
    assert len(EXPECTED) == 18
    if tuple(map(int, onnx.__version__.split(".")[:2])) < (1, 23):  # an older onnx has no directions in its cases
        found |= {(op, name) for op, name in EXPECTED if name.endswith(("reverse", "bidirectional"))}
    assert found == EXPECTED


@pytest.mark.parametrize("target", [pytest.param("reference", marks=pytest.mark.slow), "cpu"])
def test_every_case_passes(cases, target):
    results = onnx_cases.run_cases(target)
    assert [result.case for result in results] == list(cases)
    for result in results:
        assert (result.verdict, result.reason) == ("pass", "")
        assert 0 <= result.error <= 5e-7
        assert 0 <= result.ratio <= 1e-2


def planted(case, change):
    return onnx_cases.run_case(dataclasses.replace(case, outputs={n: change(v) for n, v in case.outputs.items()}))


def test_wrong_outputs_fail(cases):
    case = cases["test_gru_seq_length"]
    off = planted(case, lambda value: value * np.float32(1.002))
    assert off.verdict == "fail"
    assert 1 < off.ratio < 3
    assert "times the tolerance" in off.reason
    assert planted(case, lambda value: value * np.nan).verdict == "fail"
    assert "expected float32 (1, 3" in planted(case, lambda value: value[..., :-1]).reason
    missing = dataclasses.replace(case, outputs={"other": np.zeros(1)})
    assert "got nothing" in onnx_cases.run_case(missing).reason


def test_nan_from_refseq_fails(cases):
    case = cases["test_lstm_defaults"]
    poisoned = dataclasses.replace(case, inputs={**case.inputs, "X": case.inputs["X"] * np.float32(np.nan)})
    assert onnx_cases.run_case(poisoned).verdict == "fail"


def test_a_node_that_refseq_does_not_have_is_not_offered(cases):
    case = cases["test_lstm_defaults"]
    model = onnx_model_with(case.model, clip=1.0)
    result = onnx_cases.run_case(dataclasses.replace(case, model=model))
    assert (result.verdict, result.error, result.ratio) == ("not offered", None, None)
    assert "clip" in result.reason


def onnx_model_with(model, **attributes):
    import onnx

    changed = onnx.ModelProto.FromString(model)
    changed.graph.node[0].attribute.extend(onnx.helper.make_attribute(*item) for item in attributes.items())
    return changed.SerializeToString()


def test_a_wrong_gate_order_fails(cases, monkeypatch):
    monkeypatch.setitem(ORDERS, "gru", ("r", "z", "n"))
    assert onnx_cases.run_case(cases["test_gru_seq_length"]).verdict == "fail"


def test_a_collection_that_fails_is_an_error(onnx, monkeypatch):
    monkeypatch.setattr(onnx_cases, "__file__", "/nowhere/onnx_cases.py")
    with pytest.raises(RuntimeError, match=r"could not be collected: .*No such file"):
        onnx_cases.cases.__wrapped__()
