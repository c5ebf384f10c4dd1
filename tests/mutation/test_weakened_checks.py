"""Every weakening of the checker turns the test red that is named beside it, which is green on the right source."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mutation.weakenings import WEAKENINGS

TESTS = sorted({weakening.tests for weakening in WEAKENINGS.values()})


@pytest.fixture(scope="module")
def answers():
    """(passed, red) by the name of the weakening; None for the right source, on which all of these tests are run."""
    asked = [(None, TESTS), *((name, [weakening.tests]) for name, weakening in WEAKENINGS.items())]
    environment = {"NUMBA_DISABLE_JIT": "1", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "tests.mutation.weakened"],
        input=json.dumps(asked),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | environment,
    )
    return {request[0]: answer for request, answer in map(json.loads, done.stdout.splitlines())}


def test_the_tests_are_green_on_the_right_source(answers):
    passed, red = answers[None]
    assert red == []
    assert passed >= len(TESTS)


@pytest.mark.parametrize("name", WEAKENINGS)
def test_a_weakened_check_is_noticed(answers, name):
    assert answers[name] is not None, "it could not be put in place: does its text still stand there once?"
    assert answers[name][1] != [], f"{WEAKENINGS[name].tests} stays green"
