"""A description of a recurrence validates itself when it is built."""

import pytest

from refseq.cell import Cell, Option, Recurrence, Source

GOOD = {
    "name": "toy",
    "options": {},
    "gates": ("r", "n"),
    "state": ("h",),
    "tape": ("t",),
    "forward": lambda a, s, p: (s, (a[0],)),
    "backward": lambda tape, s, s1, p, ds1: ((ds1[0], ds1[0]), ds1, ()),
    "equations": (),
    "source": Source("nobody", ()),
}
MODULATED = GOOD | {
    "early": ("r",),
    "modulated": ("n",),
    "operand_tape": ("r",),
    "operand": lambda a, s, p: (s[0], a),
    "operand_backward": lambda tape, s, p, dv: ((dv,), s, ()),
    "backward": lambda tape, s, s1, p, ds1: ((ds1[0],), ds1, ()),
}


def test_the_good_descriptions_are_good():
    plain, modulated = Cell(**GOOD), Cell(**MODULATED)
    assert (plain.values, plain.direct, plain.stored, plain.slots) == (2, 2, 1, (0, 1))
    assert (modulated.values, modulated.direct, modulated.stored, modulated.slots) == (2, 1, 3, (0, 1))


def test_a_separate_product_has_a_slot_of_its_own():
    cell = Cell(**GOOD | {"separate": ("r",), "backward": lambda *_: ((0.0,) * 3, (0.0,), ())})
    assert (cell.values, cell.slots) == (3, (2, 1))


def test_label_and_repr_show_the_options():
    cell = Cell(**GOOD | {"options": {"size": "big", "colour": "red"}})
    assert cell.label == "toy(size=big, colour=red)"
    assert repr(cell) == "<cell toy(size=big, colour=red): gates r n; state h>"


def test_options_cannot_be_changed():
    with pytest.raises(TypeError):
        Cell(**GOOD).options["colour"] = "green"  # type: ignore[index]


@pytest.mark.parametrize(
    ("base", "change", "words"),
    [
        (GOOD, {"gates": ("r", "r")}, "gates has a name twice"),
        (GOOD, {"state": ("h", "h")}, "state has a name twice"),
        (GOOD, {"parameters": ("p", "p")}, "parameters has a name twice"),
        (GOOD, {"tape": ("t", "t")}, "tape has a name twice"),
        (GOOD, {"separate": ("r", "r")}, "separate has a name twice"),
        (GOOD, {"gates": ()}, "at least one gate"),
        (GOOD, {"state": ()}, "at least one gate and one state"),
        (GOOD, {"state": ("c",)}, "first state is the output and is called 'h', got 'c'"),
        (GOOD, {"parameters": ("b_h",)}, "b_h"),
        (GOOD, {"separate": ("x",)}, r"separate names unknown gates \['x'\]"),
        (MODULATED, {"early": ("x",)}, r"early names unknown gates \['x'\]"),
        (MODULATED, {"modulated": ("x",)}, r"modulated names unknown gates \['x'\]"),
        (MODULATED, {"early": ("n",)}, r"early gates \('n',\) must come first in \('r', 'n'\)"),
        (MODULATED, {"modulated": ("r",)}, r"modulated gates \('r',\) must come last"),
        (MODULATED, {"early": ("r", "n")}, r"n.* both early and modulated"),
        (MODULATED, {"early": ()}, "together or not at all"),
        (MODULATED, {"modulated": ()}, "together or not at all"),
        (MODULATED, {"operand": None}, "together or not at all"),
        (MODULATED, {"operand_backward": None}, "together or not at all"),
        (GOOD, {"forward": lambda a, s, p: ((*s, 0.0), (a[0],))}, r"forward must return .*\(1, 1\), got \(2, 1\)"),
        (GOOD, {"forward": lambda a, s, p: (s, ())}, r"forward must return .*\(1, 1\), got \(1, 0\)"),
        (GOOD, {"forward": lambda a, s, p: (s[0], a)}, "forward must return tuples"),
        (GOOD, {"forward": lambda a, s, p: s[0]}, "forward must return tuples"),
        (GOOD, {"backward": lambda *_: ((0.0,), (0.0,), ())}, r"backward must return .*\(2, 1, 0\), got \(1, 1, 0\)"),
        (GOOD, {"backward": lambda *_: ((0.0,) * 2, (0.0,))}, r"backward must return .*\(2, 1, 0\), got \(2, 1\)"),
        (MODULATED, {"operand": lambda a, s, p: (s[0], ())}, r"operand must return .*\(1,\), got \(0,\)"),
        (
            MODULATED,
            {"operand_backward": lambda *_: ((), (0.0,), ())},
            r"operand_backward must return .*\(1, 1, 0\), got \(0, 1, 0\)",
        ),
    ],
)
def test_an_inconsistent_description_is_refused(base, change, words):
    with pytest.raises(ValueError, match=f"cell toy: .*{words}"):
        Cell(**base | change)


COLOUR = Option(("red", "green"), "red", "what it looks like")


def toy(colour):
    return Cell(**GOOD | {"options": {"colour": colour}})


def test_a_recurrence_settles_its_options():
    recurrence = Recurrence("toy", "toy", toy, {"colour": COLOUR})
    assert recurrence.cell().label == "toy(colour=red)"
    assert recurrence.cell(colour="green").label == "toy(colour=green)"
    assert [cell.label for cell in recurrence.variants()] == ["toy(colour=red)", "toy(colour=green)"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": "big"}, "'size' is not an option of 'toy' .its options: colour"),
        ({"colour": "blue"}, "colour: expected one of red, green; got 'blue'"),
        ({"colour": ["red"]}, "colour: expected one of red, green; got .'red'."),
    ],
)
def test_a_recurrence_refuses_an_option(options, words):
    with pytest.raises(ValueError, match=words):
        Recurrence("toy", "toy", toy, {"colour": COLOUR}).cell(**options)


def test_a_recurrence_needs_the_options_that_build_takes():
    with pytest.raises(ValueError, match=r"build takes \['colour'\], options \[\]"):
        Recurrence("toy", "toy", toy)


def test_the_default_of_an_option_is_one_of_its_choices():
    with pytest.raises(ValueError, match=r"default 'blue'.*red, green"):
        Option(("red", "green"), "blue", "what it looks like")
