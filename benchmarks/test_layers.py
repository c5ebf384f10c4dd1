"""Layers under pytest-benchmark: ``pytest benchmarks --benchmark-only``, for its own tables and comparisons.

The same calls as ``refseq bench``, but one library after another: for ratios take the command, whose rounds are
interleaved. Results are checked before anything is timed.
"""

import pytest

from refseq.bench.cases import LayerCase
from refseq.bench.judge import judged
from refseq.bench.libraries import LIBRARIES
from refseq.bench.shapes import GROUPS
from refseq.checks import NotOffered
from refseq.cli.choice import CORE

NAMES = [name for name, library in LIBRARIES.items() if not library.missing()]


@pytest.mark.parametrize("passed", LayerCase.passes)
@pytest.mark.parametrize("library", NAMES)
@pytest.mark.parametrize("shape", GROUPS["small"], ids=str)
@pytest.mark.parametrize("variant", CORE, ids=lambda variant: "-".join([variant[0], *variant[1].values()]))
def test_layer(benchmark, variant, shape, library, passed):
    case = LayerCase(variant[0], tuple(variant[1].items()), shape, "float32")
    inputs = case.inputs()
    try:
        prepared = LIBRARIES[library].prepare(case, inputs)
    except NotOffered as refusal:
        pytest.skip(str(refusal))
    if passed not in prepared:
        pytest.skip(f"{library} has no {passed}")
    found = judged(case, {passed: prepared[passed].read(prepared[passed].call())}, case.truth(inputs))
    assert not found.trouble
    benchmark.group = f"{case.key} {passed}"
    benchmark(prepared[passed].call)
