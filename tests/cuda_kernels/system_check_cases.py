"""The checks of losses, clipping, optimisers and systems that a device is asked, at tiny sizes: all pass, every kernel
is reached, and a kernel that does nothing is seen. Run by test_target.py."""

import numpy as np
import pytest

from cuda_kernels import gpu
from cuda_kernels.bench import checks, reach, structures, systems
from refseq.checks.structures.kinds import KINDS

UNREACHED = {"norms total float32"}
"""Adds up more sums than a tiny problem has."""


def found(posed, dtype="float32"):
    return posed.check(checks.judged, dtype)


def labels(given):
    return {posed.name for posed in given}


def test_every_kind_is_asked():
    asked = labels(systems.posed(tiny=True))
    for kind, known in KINDS.items():
        names = {network.label for network in known.examples(*systems.TINY)}
        assert names & asked, kind.__name__
        assert kind.__name__ == "TreeLayer" or names <= asked


def test_all_pass_and_reach_every_kernel():
    with reach.launched() as launched:
        bad = [check for check in (make() for make in checks.posed_checks(tiny=True)) if check.trouble]
    assert not bad
    own = {n: k for n, k in reach.kernels(True).items() if k.py_func.__module__.rpartition(".")[2] in PLANTED}
    assert {name for name, kernel in own.items() if id(kernel) not in launched} == UNREACHED
    assert len(own) > 60


def test_float64_from_the_host():
    for posed in systems.posed(tiny=True):
        if posed.name.startswith(("turing", "hmm", "viterbi")):
            assert not found(posed, "float64").trouble


PLANTED = {
    "rowwise": (systems, ()),
    "tree_scan": (systems, ()),
    "losses": (structures, ()),
    "updates": (structures, ()),
    "norms": (structures, ("multiply", "bound", "last")),  # without the others gradients would not be finite
}


@pytest.mark.parametrize("module", PLANTED)
def test_a_kernel_that_does_nothing_is_seen(module, monkeypatch):
    """In every check that launches one of the module's."""
    (source, names), launch, left_out, make = PLANTED[module], gpu.launch, [], gpu.cuda.device_array

    def broken(kernel, *rest, **options):
        own = kernel.py_func.__module__.endswith(f".{module}")
        if own and (not names or kernel.py_func.__name__ in names):
            left_out.append(kernel)
        else:
            launch(kernel, *rest, **options)

    def unwritten(shape, dtype):
        return gpu.cuda.to_device(np.full(shape, np.nan, dtype))

    monkeypatch.setattr(gpu, "launch", broken)
    monkeypatch.setattr(gpu.cuda, "device_array", lambda *given: (unwritten if given[1] != int else make)(*given))
    seen = {}
    for posed in source.posed(tiny=True):
        if module == "tree_scan" and "tree" not in posed.name:
            continue
        before = len(left_out)
        trouble = found(posed).trouble
        if len(left_out) > before:
            seen[posed.name] = trouble
    assert seen
    assert all(seen.values()), seen


def test_a_number_beyond_the_limit_is_trouble():
    """One result in a thousand."""
    posed = next(posed for posed in systems.posed(tiny=True) if posed.name == "recall")
    right = posed.run
    object.__setattr__(posed, "run", lambda values, target: wrong(right(values, target), target))
    assert found(posed).trouble


def wrong(results, target):
    if target == "cuda":
        results["weights"] = results["weights"] + results["weights"]
    return results


def test_results_are_compared_as_numpy_has_them():
    assert structures.host(gpu.cuda.to_device(np.ones(2))).tolist() == [1, 1]
    assert structures.named({"a": np.zeros((0, 2)), "b": np.float32(2)}) == {"b": 2.0}
