"""What tests of compiled kernels share."""

import pytest

from cuda_kernels import gpu
from tests.conftest import REQUIRE_ALL, framework


@pytest.fixture(scope="module")
def compiler():
    """Skips without the compiler libraries, fails under REFSEQ_REQUIRE_ALL=1."""
    framework("numba_cuda")
    try:
        gpu.toolchain()
    except RuntimeError as error:
        if REQUIRE_ALL:
            pytest.fail(f"{error}, and REFSEQ_REQUIRE_ALL=1 forbids skipping", pytrace=False)
        pytest.skip(str(error))
