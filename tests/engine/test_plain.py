"""Numbers at an address are read and written as an array's are."""

import numpy as np
import pytest
from numba.core import types

from refseq.engine import vector
from refseq.engine.calling import RUN
from refseq.engine.compiling import compiled_c
from refseq.engine.plain import plain_of
from refseq.engine.workspace import address


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64"])
def test_reading_and_writing(dtype):
    plain = plain_of(types.int64 if dtype == "int64" else vector.element_of(dtype))

    def reversed_and_counted(source, target):
        x, y = plain(source), plain(target)
        for j in range(3):
            y[j] = x[2 - j]
        y[3] = 7

    function = compiled_c(reversed_and_counted, 2, dtype, "test_plain")
    x, y = np.array([1, -2, 3], dtype), np.zeros(5, dtype)
    RUN[2](function.address, address(x), address(y))
    assert y.tolist() == [3, -2, 1, 7, 0]
