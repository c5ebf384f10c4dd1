"""An entry of the catalogue settles its options."""

import math

import pytest

import refseq
from refseq.cell import one_stage
from refseq.recurrence import Number, Option, Recurrence, Size
from tests.test_cell import ONE

OPTIONS = {
    "colour": Option(("red", "green"), "red", "what it looks like"),
    "bound": Number(None, "how far it goes", 0, math.inf, (0.5,)),
    "share": Number(0.5, "how much of it", 0, 1, (0, 1), closed=True),
    "length": Size(2, "how long it is", own=False, examples=(1, 3), most=9),
    "outputs": Size(None, "how many come out", own=True, examples=(4,)),
}


def build(colour, bound, share, length, outputs):
    return one_stage(**ONE | {"options": {"colour": colour, "length": length, "outputs": outputs, "share": share}})


TOY = Recurrence("toy", "toy", build, OPTIONS)


def test_defaults_are_filled_in():
    assert TOY.cell().label == "toy(colour=red, length=2, share=0.5)"
    assert TOY.cell(colour="green", length=3, share=1).label == "toy(colour=green, length=3, share=1.0)"


def test_a_size_of_its_own_is_the_layers_affair():
    assert TOY.cell(outputs=3) is TOY.cell(outputs=4)
    assert TOY.cell(outputs=3).options["outputs"] is True
    assert (TOY.sizes(outputs=3), TOY.sizes()) == ({"outputs": 3}, {})


def test_the_same_options_give_the_same_cell():
    assert TOY.cell() is TOY.cell(colour="red", share=0.5, bound=None)
    assert TOY.cell() is not TOY.cell(colour="green")


def test_every_example_is_a_variant():
    own = [options for options in TOY.variants() if not {"dropout", "zoneout"} & set(options)]
    assert own == [
        {},
        {"colour": "green"},
        {"bound": 0.5},
        {"share": 0},
        {"share": 1},
        {"length": 1},
        {"length": 3},
        {"outputs": 4},
    ]
    assert {"dropout": True} in TOY.variants()
    assert {"zoneout": True} in TOY.variants()


def test_what_would_be_too_large_to_compile_is_refused_at_once():
    """A run of skip keeps delay states at every step; a Tree-LSTM has a forget gate for each position."""
    with pytest.raises(ValueError, match="delay: expected at most 256, got 1000000000"):
        refseq.layer("skip", 3, 4, delay=10**9)
    with pytest.raises(ValueError, match="arity: expected at most 32, got 2000"):
        refseq.tree_layer("tree_lstm", 3, 4, arity=2000)
    assert len(refseq.layer("skip", 3, 4, delay=256).states) == 256
    assert refseq.tree_layer("tree_lstm", 3, 4, arity=32).shapes["W_hh_child32"] == (35, 4, 4)


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"size": "big"}, ValueError, "'size' is not an option of 'toy' .its options: colour, bound"),
        ({"colour": "blue"}, ValueError, "colour: expected one of red, green; got 'blue'"),
        ({"colour": ["red"]}, ValueError, "colour: expected one of red, green; got .'red'."),
        ({"zoneout": 1}, ValueError, "zoneout: expected one of False, True; got 1"),
        ({"bound": "far"}, TypeError, "bound: expected a number, got str 'far'"),
        ({"bound": True}, TypeError, "bound: expected a number, got bool True"),
        ({"bound": 0}, ValueError, "bound: expected a number between 0 and inf, got 0"),
        ({"bound": math.nan}, ValueError, "bound: expected a number between 0 and inf, got nan"),
        ({"bound": 10**400}, ValueError, "bound: expected a number between 0 and inf, got 10000"),
        ({"share": 1.5}, ValueError, "share: expected a number between 0 and 1, got 1.5"),
        ({"share": None}, TypeError, "share: expected a number, got NoneType None"),
        ({"length": 2.0}, TypeError, "length: expected an integer, got float 2.0"),
        ({"length": 0}, ValueError, "length: expected at least 1, got 0"),
        ({"length": 10}, ValueError, "length: expected at most 9, got 10"),
        ({"outputs": True}, TypeError, "outputs: expected an integer, got bool True"),
    ],
)
def test_an_option_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        TOY.cell(**options)


def test_a_recurrence_needs_the_options_that_build_takes():
    with pytest.raises(ValueError, match=r"build takes \['bound', .*\], options \[\]"):
        Recurrence("toy", "toy", build)


def test_a_build_that_takes_anything_is_told_options_alone():
    """Whatever the name of what takes the rest; a name of its own that is no option is still refused."""

    def anything(colour, **rest):
        return build(colour, **rest)

    assert Recurrence("toy", "toy", anything, OPTIONS).cell().label == TOY.cell().label

    def settled(settled):
        return settled

    for strange in (settled, lambda size, **rest: rest):
        with pytest.raises(ValueError, match=r"build takes \['(settled|size)'\], options"):
            Recurrence("toy", "toy", strange, OPTIONS)


def test_the_default_of_an_option_is_one_of_its_choices():
    with pytest.raises(ValueError, match=r"default 'blue'.*red, green"):
        Option(("red", "green"), "blue", "what it looks like")
