"""In the simulator every test also notices a barrier that not all threads of a block reach."""

import pytest

from cuda_kernels import gpu
from tests.cuda_kernels.barriers import every_barrier_is_met


@pytest.fixture(autouse=True)
def barriers():
    if not gpu.SIMULATOR:
        yield
        return
    with every_barrier_is_met():
        yield
