"""A description of a recurrence validates itself when it is built, and says where everything is kept."""

from dataclasses import replace

import pytest

from refseq.cell import Bias, Cell, Parameter, Source, one_stage
from refseq.cells import catalogue
from refseq.layout import Place
from refseq.stage import Product, Stage
from tests.variants import CELLS

SOURCE = Source("nobody", ())
ONE = {
    "name": "toy",
    "options": {},
    "gates": ("r", "n"),
    "state": ("h",),
    "tape": ("t",),
    "forward": lambda a, s, p: (s, (a[0],)),
    "backward": lambda tape, s, s1, p, ds1: ((ds1[0], ds1[0]), ds1, ()),
    "source": SOURCE,
}
FIRST = Stage(
    slots=("r",),
    products=(Product("W_hx", "x", ("r",)), Product("W_hh", "h", ("r",))),
    makes=("v",),
    keeps=("r",),
    forward=lambda a, s, p: (a, a),
    backward=lambda kept, s, made, p, d: (d, s, ()),
)
SECOND = Stage(
    slots=("n",),
    products=(Product("W_hx", "x", ("n",)), Product("W_hh", "v", ("n",))),
    makes=("h1",),
    keeps=("n",),
    sees=("v",),
    forward=lambda a, s, p: (a, a),
    backward=lambda kept, s, made, p, d: (d, (*d, *d), ()),
)
TWO = {
    "name": "toy",
    "options": {},
    "gates": ("r", "n"),
    "state": ("h",),
    "stages": (FIRST, SECOND),
    "source": SOURCE,
    "biases": (Bias("b_h", ("r", "n")),),
}


def test_one_stage_is_laid_out():
    layout = one_stage(**ONE).layout
    assert layout.slots == {"r": 0, "n": 1}
    assert (layout.vectors, layout.kept, layout.stored) == ({}, [(0,)], 1)
    assert {name: (m.number, m.gates, m.outputs, m.inputs) for name, m in layout.matrices.items()} == {
        "W_hx": (0, ("r", "n"), "units", "inputs"),
        "W_hh": (1, ("r", "n"), "units", "units"),
    }
    assert [layout.place(name) for name in ("x", "h", "h1")] == [Place("x", 0), Place("old", 0), Place("new", 0)]
    assert (layout.bias("n"), layout.bias("n_h")) == ((0, 1), None)


def test_two_stages_are_laid_out():
    layout = Cell(**TWO).layout
    assert (layout.slots, layout.vectors) == ({"r": 0, "n": 1}, {"v": 0})
    assert (layout.kept, layout.stored) == ([(1,), (2,)], 3)
    assert layout.place("v") == Place("tape", 0)
    assert layout.matrices["W_hh"].gates == ("r", "n")
    assert (layout.rows(("h1", "v")), layout.size("x"), layout.size("h")) == (((0,), (0,)), "inputs", "units")
    assert (layout.measure("units"), layout.measure("inputs")) == ((0, 2), (0, 0))


def test_a_separate_product_has_a_slot_of_its_own():
    cell = one_stage(**ONE | {"separate": ("r",), "backward": lambda *_: ((0.0,) * 3, (0.0,), ())})
    assert cell.stages[0].slots == ("r", "n", "r_h")
    assert cell.stages[0].products[1].into == ("r_h", "n")


def test_label_and_repr_show_the_options():
    cell = one_stage(**ONE | {"options": {"size": "big", "colour": "red", "bound": None, "extra": False}})
    assert cell.label == "toy(size=big, colour=red)"
    assert repr(cell) == "<cell toy(size=big, colour=red): gates r n; state h>"


def test_the_code_does_not_depend_on_the_value_of_a_constant():
    one, other = (one_stage(**ONE | {"options": {"mu": mu}, "constants": {"mu": mu}}) for mu in (0.5, 0.25))
    assert one.code == other.code
    assert one.label != other.label


def test_options_cannot_be_changed():
    with pytest.raises(TypeError):
        one_stage(**ONE).options["colour"] = "green"  # type: ignore[index]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"gates": ("r", "r")}, "gates: a name stands twice"),
        ({"state": ("h", "h")}, "state: a name stands twice"),
        ({"parameters": (Parameter("p"), Parameter("p"))}, "parameters, constants and masks: a name stands twice"),
        ({"parameters": (Parameter("p"),), "masks": ("p",)}, "parameters, constants and masks: a name stands twice"),
        ({"gates": ()}, "at least one gate"),
        ({"state": ()}, "at least one gate, state and stage"),
        ({"biases": (Bias("b_h", ("q",)),)}, r"biases name unknown pre-activations \['q'\]"),
        ({"biases": (Bias("b", ("r",)), Bias("c", ("r",)))}, "biased pre-activations: a name stands twice"),
        ({"forward": lambda a, s, p: ((*s, 0.0), (a[0],))}, r"forward must return .*\(1, 1\), got \(2, 1\)"),
        ({"forward": lambda a, s, p: (s, ())}, r"forward must return .*\(1, 1\), got \(1, 0\)"),
        ({"forward": lambda a, s, p: (s[0], a)}, "forward must return tuples"),
        ({"forward": lambda a, s, p: s[0]}, "forward must return tuples"),
        ({"backward": lambda *_: ((0.0,), (0.0,), ())}, r"backward must return .*\(2, 1, 0\), got \(1, 1, 0\)"),
        ({"backward": lambda *_: ((0.0,) * 2, (0.0,))}, r"backward must return .*\(2, 1, 0\), got \(2, 1\)"),
    ],
)
def test_an_inconsistent_cell_of_one_stage_is_refused(change, words):
    with pytest.raises(ValueError, match=f"cell toy: .*{words}"):
        one_stage(**ONE | change)


NORMALISE = {"forward": None, "backward": None, "operation": "normalise"}


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ({"makes": ("w",)}, {}, "uses 'v', which nothing has made"),
        ({}, {"sees": ("w",)}, "uses 'w', which nothing has made"),
        ({}, {"makes": ("h2",)}, r"no stage makes \['h1'\]"),
        ({"makes": ("h1",)}, {"sees": ("h1",)}, "vectors: a name stands twice"),
        ({"slots": ("n",)}, {}, "pre-activations: a name stands twice"),
        ({"products": (Product("W_hx", "x", ("r",), ("q",)),)}, {}, "does not fit the pre-activations"),
        ({"products": (Product("W_hx", "x", ("r",), ("r", "r")),)}, {}, "does not fit the pre-activations"),
        ({"backward": None}, {}, "needs two functions or one operation"),
        ({"operation": "normalise"}, {}, "needs two functions or one operation"),
        (NORMALISE | {"operation": "sort"}, {}, "expected one of normalise, softmax; got 'sort'"),
        (NORMALISE | {"keeps": ()}, {}, "normalise makes one vector of each"),
        (NORMALISE, {}, "normalise needs the constant 'epsilon'"),
    ],
)
def test_inconsistent_stages_are_refused(first, second, words):
    with pytest.raises(ValueError, match=f"cell toy: .*{words}"):
        Cell(**TWO | {"stages": (replace(FIRST, **first), replace(SECOND, **second))})


def test_blocks_of_a_product_are_next_to_one_another():
    stage = replace(
        FIRST,
        slots=("a", "b", "c"),
        products=(Product("W", "x", ("a", "b", "c")), Product("W", "h", ("a", "c"), ("a", "c"))),
        makes=("h1",),
    )
    with pytest.raises(ValueError, match=r"\('a', 'c'\) are not next to one another in \('a', 'b', 'c'\)"):
        Cell(**TWO | {"stages": (stage,), "biases": ()})


def test_vectors_are_named_after_new_states():
    stage = replace(SECOND, makes=("v", "h1"), sees=(), products=(Product("W_hx", "x", ("n",)),))
    with pytest.raises(ValueError, match=r"expected new states, then vectors of stages; got \('v', 'h1'\)"):
        Cell(**TWO | {"stages": (stage,), "biases": ()})


def test_a_parameter_is_not_called_like_a_matrix():
    with pytest.raises(ValueError, match=r"parameters \['W_hh'\] are names of matrices or biases"):
        one_stage(**ONE | {"parameters": (Parameter("W_hh"),)})


def test_cells_of_one_code_differ_in_numbers_alone():
    """Two cells whose compiled loops differ may not share a name in the disk cache."""
    parts: dict[str, set] = {}
    for cell in CELLS:
        stages = tuple(replace(stage, forward=None, backward=None) for stage in cell.stages)
        parts.setdefault(cell.code, set()).add((stages, cell.own, tuple(cell.constants), cell.masks))
    assert {code: len(different) for code, different in parts.items()} == dict.fromkeys(parts, 1)


def test_a_number_is_no_part_of_the_code():
    leaky, lstm = catalogue()["leaky"], catalogue()["lstm"]
    assert leaky.cell(mu=0.25).code == leaky.cell(mu=0).code
    assert lstm.cell(clip=1).code == lstm.cell(clip=2).code != lstm.cell().code


def test_a_label_shows_a_number_that_is_zero():
    assert catalogue()["leaky"].cell(mu=0).label == "leaky(activation=tanh, mu=0.0, learn=no)"
