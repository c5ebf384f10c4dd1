"""What is timed is what refseq computes: every library on every layer and operation that it offers."""

import numpy as np
import pytest

from refseq.bench.clock import Timing
from refseq.bench.libraries import LIBRARIES, Library, Pass, Users
from refseq.bench.measure import NOT_OFFERED, REFUSED, TIMED
from refseq.bench.operations import OperationCase
from refseq.bench.structures import SIZES, StructureCase
from refseq.checks import NotOffered, OwnImplementation
from tests.bench.small import ONCE, TINY, case, run
from tests.conftest import framework

CELLS = {
    "elman": ("elman", {}),
    "lstm": ("lstm", {}),
    "gru before": ("gru", {"reset": "before"}),
    "gru after": ("gru", {"reset": "after"}),
}
OFFERED = {
    "refseq": {"elman", "lstm", "gru before", "gru after"},
    "torch": {"elman", "lstm", "gru after"},
    "torch-loop": {"gru before"},
    "torch-fused": set(),
    "torch-levels": set(),
    "onnxruntime": {"elman", "lstm", "gru before", "gru after"},
    "jax": {"lstm"},
    "jax-scan": {"elman", "lstm", "gru before", "gru after"},
}
OPERATIONS = {"cross_entropy": (3, 2, 7), "clip": (40,), "adam": (40,), "ctc": (6, 2, 4, 2)}
STRUCTURES = {name: (9, 3, 4, 3) if name == "graph" else (3, 7, 4, 5) for name in SIZES}


def library(name):
    for package in LIBRARIES[name].packages:
        framework(package)
    return LIBRARIES[name]


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_gives_refseqs_results_or_does_not_offer_them(name, cell):
    library(name)
    recurrence, options = CELLS[cell]
    for dtype in ("float32", "float64") if cell == "lstm" else ("float32",):  # compiling for both takes long
        (found,) = run([case(recurrence, dtype, **options)], [name])
        offered = cell in OFFERED[name] and not (name == "onnxruntime" and dtype == "float64")
        assert found["status"] == (TIMED if offered else NOT_OFFERED), found["reason"]
        if offered:
            assert set(found["passes"]) == ({"forward"} if name == "onnxruntime" else {"forward", "both"})
            assert found["error"] <= found["limit"]
        else:
            assert found["reason"]


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", ["refseq", "torch", "torch-fused"])
def test_operations(name, operation):
    library(name)
    for dtype in ("float32", "float64"):
        (found,) = run([OperationCase(operation, OPERATIONS[operation], dtype)], [name])
        offered = operation == "adam" or name != "torch-fused"
        assert found["status"] == (TIMED if offered else NOT_OFFERED), found["reason"]


@pytest.mark.parametrize("structure", STRUCTURES)
@pytest.mark.parametrize("name", ["refseq", "torch", "torch-levels"])
def test_structures(name, structure):
    library(name)
    for dtype in ("float32", "float64"):
        (found,) = run([StructureCase(structure, STRUCTURES[structure], dtype)], [name])
        assert found["status"] == (TIMED if name != "torch" else NOT_OFFERED), found["reason"]
        if name != "torch":
            assert set(found["passes"]) == {"forward", "both"}


@pytest.mark.parametrize("name", ["onnxruntime", "jax", "jax-scan"])
def test_libraries_of_layers_have_no_operations(name):
    library(name)
    (found,) = run([OperationCase("clip", (40,), "float32")], [name])
    assert found["status"] == NOT_OFFERED


@pytest.mark.parametrize("structure", STRUCTURES)
def test_passes_of_structures_may_be_called_again_and_again(structure):
    library("torch-levels")
    one = StructureCase(structure, STRUCTURES[structure], "float64")
    both = LIBRARIES["torch-levels"].prepare(one, one.inputs())["both"]
    first, again = both.read(both.call()), both.read(both.call())
    assert all(np.array_equal(first[name], value) for name, value in again.items())


@pytest.mark.parametrize("name", [name for name in LIBRARIES if name not in ("torch-fused", "torch-levels")])
def test_a_pass_may_be_called_again_and_again(name):
    """Gradients do not add up from call to call."""
    one = case("gru", reset="before") if name == "torch-loop" else case("lstm")
    inputs = one.inputs()
    for each in library(name).prepare(one, inputs).values():
        first = {key: value.copy() for key, value in each.read(each.call()).items()}
        again = each.read(each.call())
        assert all(np.array_equal(first[key], again[key]) for key in first)


def test_a_missing_library_says_what_installs_it(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert LIBRARIES["jax"].missing() == "jax not installed: pip install 'refseq[jax]'"
    assert LIBRARIES["refseq"].missing() is None


class Wrong(OwnImplementation):
    """refseq's layer with one entry of one gradient off by a thousandth of the largest."""

    def vjp(self, *arguments, **keywords):
        params, x, state = super().vjp(*arguments, **keywords)
        params["W_hh"][0, 0, 0] += np.abs(params["W_hh"]).max() / 1000
        return params, x, state


class ForwardOnly(OwnImplementation):
    def vjp(self, *arguments, **keywords):
        raise NotOffered("no gradients")


class Raising(OwnImplementation):
    def forward(self, *arguments, **keywords):
        raise ZeroDivisionError("as always")


def test_ones_own_is_timed_if_it_is_right_and_refused_if_it_is_wrong():
    kinds = {"right": OwnImplementation, "wrong": Wrong, "half": ForwardOnly, "raising": Raising}
    found = {one["library"]: one for one in run([case()], kinds, kinds.__getitem__)}
    assert {name: one["status"] for name, one in found.items()} == {
        "right": TIMED,
        "wrong": REFUSED,
        "half": TIMED,
        "raising": "failed",
    }
    assert "both: error of dW_hh is 1.0e-03" in found["wrong"]["reason"]
    assert "passes" not in found["wrong"]
    assert set(found["half"]["passes"]) == {"forward"}
    assert found["raising"]["reason"] == "ZeroDivisionError: as always"


def test_an_implementation_with_a_layer_of_its_own_is_for_that_layer_alone():
    mine = OwnImplementation(case().layer)
    statuses = [one["status"] for one in run([case(), case("lstm")], ["mine"], lambda name: mine)]
    assert statuses == [TIMED, NOT_OFFERED]


def test_the_user_has_no_operations():
    with pytest.raises(NotOffered, match="layers alone"):
        Users("mine", OwnImplementation).prepare(OperationCase("clip", (4,), "float32"), {})


def test_the_hostile_setting_works_between_the_calls(monkeypatch):
    framework("torch")
    worked = []
    monkeypatch.setattr("refseq.bench.measure.torch_work", lambda: lambda: worked.append(1))
    (found,) = run([case()], ["refseq"], timing=Timing(rounds=2, slice=0.0, calls=3, hostile=True))
    assert found["hostile"]
    assert len(worked) == 2 * 2 * 3  # rounds, passes, calls


def test_a_result_of_the_wrong_kind_is_refused():
    class Odd(Library):
        name = "odd"
        packages = ("numpy",)

        def __init__(self, change):
            self.change = change

        def use(self, threads):
            return ""

        def prepare(self, case, inputs):
            right = LIBRARIES["refseq"].prepare(case, inputs)["both"]
            return {"both": Pass(right.call, lambda result: self.change(right.read(result)))}

    changes = {
        "has shape": lambda a: a | {"y": a["y"][:-1]},
        "is float64": lambda a: a | {"y": a["y"].astype("float64")},
        "no result dx": lambda a: {name: value for name, value in a.items() if name != "dx"},
        "no result 'z'": lambda a: a | {"z": a["y"]},
        "error of y is inf": lambda a: a | {"y": a["y"] * np.float32(np.nan)},
    }
    for words, change in changes.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("refseq.bench.measure.LIBRARIES", {"odd": Odd(change)})
            (found,) = run([case(shape=TINY)], ["odd"], timing=ONCE)
        assert found["status"] == REFUSED
        assert words in found["reason"]
