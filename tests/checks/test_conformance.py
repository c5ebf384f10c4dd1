"""refseq under its own conformance suite, as anybody would write it for theirs."""

from refseq.checks import OwnImplementation, parametrize_with_checks
from tests.examples import LAYERS


@parametrize_with_checks([(OwnImplementation(layer), layer) for layer in LAYERS])
def test_double_precision(check):
    check()


@parametrize_with_checks([(OwnImplementation(layer), layer) for layer in LAYERS], dtype="float32", quick=True, seed=1)
def test_single_precision(check):
    check()
