"""Every operator on a few lines: the edits that it is there to make."""

import textwrap

import pytest

from refseq.mutation.mutants import Source
from refseq.mutation.operators import OPERATORS

PROGRAM = """
from numba.extending import overload, register_jitable

BOUND = 0.5


def build(first, last, steps):
    '''Text.'''
    if first > last:
        raise ValueError(f"first: expected at most {last}")

    def forward(a, s, t):
        i, f = a
        c, h = s
        c1 = sigmoid(f) * c + i - h
        if t < steps and not t == 0:
            c1 = c1 / 2
        return (c1, h), (i, f)

    def scan(U, x, y, lane, lanes):
        for t in range(first, last):
            j = lane
            while j < U.shape[1]:
                y[t, j] += -U[t, j] * x[t]
                j += lanes
            barrier()

    return combine(forward, scan, size=last)


@overload(build)
def _build(first, last):
    return first + last
"""

EXPECTED = {
    "arithmetic": ["sigmoid(f) * c + i -> sigmoid(f) * c - i", "sigmoid(f) * c -> sigmoid(f) / c", "c1 / 2 -> c1 * 2"],
    "drop operand": ["sigmoid(f) * c -> c", "sigmoid(f) * c + i - h -> h", "c1 / 2 -> 2"],
    "sign": ["-U[t, j] -> U[t, j]", "sigmoid(f) * c + i - h -> h - (sigmoid(f) * c + i)"],
    "constant": ["0.5 -> 1.5", "2 -> 1", "0 -> -1"],
    "comparison": ["t < steps -> t <= steps", "t == 0 -> t != 0", "j < U.shape[1] -> j <= U.shape[1]"],
    "condition": [
        "if t < steps and (not t == 0): -> if not (t < steps and (not t == 0)):",
        "t < steps and (not t == 0) -> t < steps or not t == 0",
        "not t == 0 -> t == 0",
    ],
    "bounds": ["range(first, last) -> range(first, last - 1)", "range(first, last) -> range(first + 1, last)"],
    "index": ["U[t, j] -> U[j, t]", "x[t] -> x[t + 1]", "y[t, j] -> y[t + 1, j]"],
    "name": ["i -> f", "h -> c", "c -> c1", "first -> last", "lane -> lanes"],
    "slots": ["(c1, h) -> (h, c1)", "(i, f) -> (f, i)"],
    "arguments": [
        "combine(forward, scan, size=last) -> combine(scan, forward, size=last)",
        "combine(forward, scan, size=last) -> combine(forward, scan)",
    ],
    "drop call": ["sigmoid(f) -> f"],
    "statement": ["barrier() -> pass", "j += lanes -> j -= lanes", "j += lanes -> j = lanes", "c1 = c1 / 2 -> pass"],
    "leave": ["while j < U.shape[1]: -> while j < U.shape[1]: ... break"],
}


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(textwrap.dedent(PROGRAM))
    return Source("program", path)


def test_every_operator_has_an_example():
    assert EXPECTED.keys() == OPERATORS.keys()


@pytest.mark.parametrize("operator", OPERATORS)
def test_an_operator_makes_its_edits(source, operator):
    edits = [mutant.edit for mutant in source.mutants([operator])]
    assert set(EXPECTED[operator]) - set(edits) == set()


def test_what_computes_nothing_is_left_alone(source):
    lines = {mutant.line for mutant in source.mutants()}
    assert not [line for line in lines if "Text" in line or "raise" in line or "first > last" in line]
    assert "return first + last" not in lines


def test_mutants_are_distinct_programs_with_names_of_their_own(source):
    mutants = list(source.mutants())
    assert len({mutant.key for mutant in mutants}) == len(mutants)
    codes = {source.code(mutant) for mutant in mutants}
    assert source.code() not in codes
    assert len(codes) == len(mutants)


def test_the_source_stays_as_it_is(source):
    before = source.code()
    for mutant in source.mutants():
        source.code(mutant)
    assert source.code() == before


def test_a_mutant_keeps_its_name_when_lines_move(source, tmp_path):
    moved = tmp_path / "moved.py"
    moved.write_text("\n\nUNITS = 3\n" + textwrap.dedent(PROGRAM))
    here = {mutant.key[1:] for mutant in source.mutants()}
    assert here <= {mutant.key[1:] for mutant in Source("moved", moved).mutants()}


def test_a_mutant_says_where_it_is(source):
    mutant = next(mutant for mutant in source.mutants(["drop call"]))
    assert str(mutant) == (
        f"program:{mutant.number} build.forward [drop call]: c1 = sigmoid(f) * c + i - h    sigmoid(f) -> f"
    )
