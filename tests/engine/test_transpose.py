"""The square that is transposed in registers, entry by entry."""

import numpy as np
import pytest

from refseq.engine import vector
from refseq.engine.compiling import compiled_c
from refseq.engine.transpose import transposing
from refseq.engine.workspace import address


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_square_with_other_strides_on_both_sides(dtype):
    lanes, transpose = vector.lanes(dtype), transposing(vector.element_of(dtype))

    def transposed(source, by_row, target, by_column):
        transpose(source, by_row, target, by_column)

    function = compiled_c(transposed, 4, dtype)
    source = np.arange(lanes * (lanes + 3), dtype=dtype).reshape(lanes, lanes + 3)
    target = np.full((lanes, lanes + 5), -1, dtype)
    function.ctypes(address(source), lanes + 3, address(target), lanes + 5)
    assert np.array_equal(target[:, :lanes], source[:, :lanes].T)
    assert (target[:, lanes:] == -1).all()
