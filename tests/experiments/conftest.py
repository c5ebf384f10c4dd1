"""These tests need the extra ``experiments``."""

import pytest

from tests.conftest import framework


@pytest.fixture(autouse=True, scope="session")
def packages():
    for name in ("xarray", "h5netcdf", "joblib", "matplotlib", "distributed"):
        framework(name)
