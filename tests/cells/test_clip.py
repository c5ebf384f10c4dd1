"""The bound of an LSTM's memory is a number of the layer's dtype."""

import numpy as np
import pytest

import refseq


@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_a_bound_that_is_infinite_in_the_dtype_is_refused(target):
    """In float64 the bound is finite and bounds nothing here; in float32 it would be none at all, without a word."""
    layer = refseq.layer("lstm", 2, 3, clip=1e300)
    x, params = np.ones((2, 1, 2)), layer.initialise()
    unbounded = refseq.layer("lstm", 2, 3).forward(params, x, target=target)
    assert np.array_equal(layer.forward(params, x, target=target).y, unbounded.y)
    single = layer.initialise(dtype="float32")
    with pytest.raises(ValueError, match=r"clip: expected a number that is finite in float32, got 1e\+300"):
        layer.forward(single, x.astype("float32"), target=target)
