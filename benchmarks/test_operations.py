"""Losses, clipping and Adam under pytest-benchmark: ``pytest benchmarks --benchmark-only``."""

import pytest

from refseq.bench.judge import judged
from refseq.bench.libraries import LIBRARIES
from refseq.bench.operations import SIZES, OperationCase

NAMES = [name for name in ("refseq", "torch", "torch-fused") if not LIBRARIES[name].missing()]


@pytest.mark.parametrize("library", NAMES)
@pytest.mark.parametrize(("name", "sizes"), [(name, sizes) for name, all_ in SIZES.items() for sizes in all_])
def test_operation(benchmark, name, sizes, library):
    case = OperationCase(name, sizes, "float32")
    if not LIBRARIES[library].fits(case):
        pytest.skip(f"{library} is not for {name}")
    inputs = case.inputs()
    prepared = LIBRARIES[library].prepare(case, inputs)["call"]
    assert not judged(case, {"call": prepared.read(prepared.call())}, case.truth(inputs)).trouble
    benchmark.group = case.key
    benchmark.pedantic(prepared.call, rounds=5, warmup_rounds=1)
