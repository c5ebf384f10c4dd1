"""Shared by all tests: what to do when a framework is missing, and Hypothesis profiles."""

import importlib
import os

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.register_profile("explore", settings.get_profile("default"), derandomize=False, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

REQUIRE_ALL = os.environ.get("REFSEQ_REQUIRE_ALL") == "1"


def framework(name: str):
    """The module of an optional framework; skips where it is missing, fails under REFSEQ_REQUIRE_ALL=1."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        reason = f"{name} is not installed ({error})"
        if REQUIRE_ALL:
            pytest.fail(f"{reason}, and REFSEQ_REQUIRE_ALL=1 forbids skipping", pytrace=False)
        pytest.skip(reason)
