"""refseq catalogue, and the words by which the command line names recurrences."""

import json

import pytest
import typer

import refseq
import refseq.trees
from refseq.cli import main
from refseq.cli.catalogue import shapes
from refseq.cli.choice import CORE, chosen, every_variant
from tests.variants import EVERY, label


def test_it_lists_every_recurrence(capsys):
    assert main(["catalogue"]) == 0
    printed = capsys.readouterr().out
    for recurrence in refseq.catalogue().values():
        assert f"{recurrence.cell().label}   {recurrence.title}" in printed
        assert all(option in printed for option in recurrence.options)
    for name in refseq.trees.catalogue():
        assert f"{name}(" in printed
    for words in ("h_t = sigmoid(a_o) * tanh(c_t)", "W_hh (4, H, H)", "L1.17", "W_fh (1, H, H)", "L4.17", "both ends"):
        assert words in printed


def test_one_variant_and_json(tmp_path, capsys):
    file = tmp_path / "catalogue.json"
    assert main(["catalogue", "lstm(projection=2)", "gru", "--json", str(file)]) == 0
    gru, lstm = json.loads(file.read_text())["recurrences"]
    assert (gru["name"], lstm["name"]) == ("gru", "lstm")
    assert lstm["parameters"] == {"W_hx": "(4, H, I)", "W_hh": "(4, H, P)", "W_hm": "(1, P, H)", "b_h": "(4, H)"}
    assert "lstm(projection=2)" in capsys.readouterr().out


@pytest.mark.parametrize("variant", [*EVERY, ("lstm", {"projection": 3}), ("jordan", {"outputs": 5})], ids=label)
def test_the_label_of_a_layer_names_it_on_the_command_line(variant):
    """Also with the size of a projection or of outputs, which the cell itself does not know."""
    name, options = variant
    first = refseq.layer(name, 6, 7, **options)
    ((again, given),) = chosen([first.label])
    assert again == name
    assert refseq.layer(again, 6, 7, **given) == first
    assert refseq.layer(again, 6, 7, **given).label == first.label


def test_sizes_of_their_own_tell_layers_apart():
    assert refseq.layer("lstm", 6, 7, projection=3).label == "lstm(projection=3)"
    assert refseq.layer("jordan", 6, 7).label == "jordan(activation=tanh, output=tanh)"
    assert str(refseq.layer("jordan", 6, 7, outputs=2)) == "jordan(activation=tanh, output=tanh, outputs=2) 6->7"


def test_shapes_are_those_of_a_layer():
    """In letters; 2, 3, 5 and 7 stand for them here."""
    letters = {2: "P", 3: "I", 5: "O", 7: "H"}
    for name, options in EVERY:
        own = {key: 5 if key == "outputs" else value for key, value in options.items()}
        layer = refseq.layer(name, 3, 7, **own)
        for key, words in shapes(layer.cell).items():
            first, *rest = layer.shapes[key]
            if key.startswith(("W_", "b_h", "b_y")) and rest:
                assert words == f"({', '.join([str(first), *(letters[size] for size in rest)])})", (name, key)
            else:
                assert words == ("(1,)" if first == 1 else "(H,)"), (name, key)


def test_names_with_options():
    assert chosen(["lstm(clip=3,projection=2)"]) == [("lstm", {"clip": 3, "projection": 2})]
    assert chosen(["leaky(mu=0.25, learn=unit)", "elman(zoneout=True)"]) == [
        ("leaky", {"mu": 0.25, "learn": "unit"}),
        ("elman", {"zoneout": True}),
    ]
    assert chosen(["gru"]) == [variant for variant in CORE if variant[0] == "gru"]
    assert chosen(["skip"]) == [("skip", {})]
    assert chosen(["skip(*)"]) == every_variant(["skip"])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("lstn", "expected one of elman, .*got 'lstn'"),
        ("lstm(clip=3", r"got 'lstm\(clip=3'"),
        ("lstm(clip)", r"lstm\(clip\): expected key=value, got 'clip'"),
        ("lstm(clip=1, clip=2)", r"lstm\(clip=1, clip=2\): 'clip' stands twice"),
        ("lstm(clip=-1)", "clip: expected a number between 0 and inf"),
        ("lstm(gates=4)", "'gates' is not an option of 'lstm'"),
        ("skip(zoneout=True)", "zoneout: skip.* keeps older values"),
    ],
)
def test_wrong_names(text, words):
    with pytest.raises(typer.BadParameter, match=words):
        chosen([text])


def test_a_wrong_name_is_blamed_on_the_argument_that_it_was_given_to(capsys):
    assert main(["catalogue", "lstn"]) == 2
    assert capsys.readouterr().err.startswith("refseq: Invalid value for NAME: expected one of elman")
    assert main(["verify", "--cell", "lstn"]) == 2
    assert capsys.readouterr().err.startswith("refseq: Invalid value for --cell: expected one of elman")


def test_every_variant_is_a_cell():
    found = every_variant()
    assert len(found) > 80
    for name, options in found:
        refseq.catalogue()[name].cell(**options)
    assert ("additive", {"dropout": True}) not in found
