"""Tasks of the systems with attention and memory are what they say; their sentences can fail; they learn."""

import numpy as np
import pytest
import xarray

from refseq.experiments import experiment
from refseq.experiments.learning.recipe import WINDOW, Result
from refseq.experiments.systems import attention_length, curves, reversed_source, sequences, story_hops, turing_copy

RNG = np.random.default_rng(0)


def test_sequences_are_their_own_targets():
    source, targets, lengths = sequences.draw(RNG, 60, 5)
    assert source.shape == (5, 60)
    assert set(lengths) == {1, 2, 3, 4, 5}
    assert set(np.unique(source)) == set(range(2, 10))
    for b, length in enumerate(lengths):
        np.testing.assert_array_equal(targets[:length, b], source[:length, b])
        assert targets[length, b] == sequences.STOP
    assert sequences.draw(RNG, 3, 5, 2)[2].tolist() == [2, 2, 2]
    assert sequences.tested(8) == (1, 2, 4, 6, 8, 10, 12)


def test_what_is_written_is_compared_place_by_place():
    """A model that always writes one symbol is right where that symbol stands, and never after it has stopped."""
    model = sequences.fixed(3)
    params = {name: np.zeros(shape, "float32") for name, shape in model.shapes.items()}
    params["output.b_y"][0, 4] = 9
    assert sequences.right(model, params, (3,), 0)[0] == pytest.approx(1 / sequences.SYMBOLS, abs=0.05)
    params["output.b_y"][0, sequences.STOP] = 99
    assert sequences.right(model, params, (3,), 0)[0] == 0


def test_the_network_without_attention_has_more_parameters():
    for n in (16, 32, 64):
        sizes = [
            sum(int(np.prod(shape)) for shape in model.shapes.values())
            for model in (sequences.fixed(3 * n // 2), sequences.attentive(n))
        ]
        assert sizes[0] > sizes[1]
    machine, lstm = turing_copy.Machine(32, 20, 8, 0), turing_copy.Plain(32, 0)
    assert sum(p.size for p in lstm.params.values()) > sum(p.size for p in machine.params.values())


def test_bits_are_to_be_copied_after_the_mark():
    x, wanted, counts = turing_copy.draw(RNG, 5, 3)
    assert x.shape == (7, 5, turing_copy.BITS + 1)
    np.testing.assert_array_equal(x[:3, :, :-1], wanted[4:])
    assert not x[4:].any()
    assert np.array_equal(x[:, :, -1], np.repeat([[0], [0], [0], [1], [0], [0], [0]], 5, axis=1))
    assert np.array_equal(counts, np.repeat([[0], [0], [0], [0], [1], [1], [1]], 5, axis=1))
    assert turing_copy.wrong(wanted - 0.5, wanted, counts) == 0
    assert turing_copy.wrong(0.5 - wanted, wanted, counts) == 1
    assert {len(turing_copy.draw(RNG, 1)[0]) for _ in range(200)} == {2 * n + 1 for n in range(1, 7)}


def test_the_gradient_of_the_first_memory():
    """By differences: it is a parameter of all rows."""
    model = turing_copy.Machine(4, 5, 3, 0)
    params = {name: value.astype("float64") for name, value in model.params.items()}
    x = turing_copy.draw(RNG, 3, 2)[0].astype("float64")
    run = model.forward(params, x)
    dy, way = np.random.default_rng(1).normal(size=run.y.shape), np.random.default_rng(2).normal(size=(1, 5, 3))
    values = [(dy * model.forward(params | {"memory": params["memory"] + e * way}, x).y).sum() for e in (1e-6, -1e-6)]
    grads = model.backward(run, dy)
    assert (grads["memory"] * way).sum() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-6)


def answered(story, question):
    """What a reader answers."""
    persons, things = {}, {}
    for first, verb, last in story:
        if verb == story_hops.IS:
            persons[first] = last
        else:
            things[last] = first
    asked = question[1]
    return persons[things.get(asked, asked)]


def test_stories():
    story, question, answer, two = story_hops.draw(RNG, 300)
    assert story.shape == (300, 7, 3)
    assert story.min() >= 0
    assert max(story.max(), question.max()) < story_hops.VOCABULARY
    assert [answered(*one) for one in zip(story.tolist(), question.tolist(), strict=True)] == answer.tolist()
    assert np.array_equal(two == 1, question[:, 1] >= story_hops.THING)
    places = [{word for _, verb, word in one if verb == story_hops.IS} for one in story.tolist()]
    assert {len(one) for one in places} == {story_hops.PERSONS}  # all in different places: one of them is chance
    assert len({tuple(one[:, 1]) for one in story}) > 20  # sentences in any order


def test_curves_of_numbers_that_overflow():
    made = curves.curves(Result({}, np.array([2.0, np.inf]), np.array([0.25, np.inf]), False), 4, "right things")
    assert made["loss"][1].tolist() == [2.0, np.inf, np.inf, np.inf]
    assert made["accuracy"][1].tolist() == [0.75, 0, 0, 0]


def by_length(names, axis, rows, seeds=8, **more):
    """Results whose share of right things by length is the same for every seed, but for a little noise."""
    noise = np.random.default_rng(0).normal(0, 1e-3, (len(names), len(rows[0]), seeds))
    coordinates = {axis: list(names), "length": more.pop("length"), "seed": range(seeds)}
    found = xarray.Dataset({"right": ((axis, "length", "seed"), np.array(rows)[:, :, None] + noise)}, coordinates)
    return found.assign_attrs(settings='{"longest": 8}').assign(more)


def verdicts(module, found):
    return [one.passed for one in module.statements(found)]


def test_sentences_on_attention():
    who = {"names": ["fixed", "attention"], "axis": "network", "length": [2, 8]}
    assert verdicts(attention_length, by_length(rows=[[1, 0.4], [1, 0.99]], **who)) == [True] * 4
    assert verdicts(attention_length, by_length(rows=[[1, 0.99], [1, 0.99]], **who))[0]
    assert not any(verdicts(attention_length, by_length(rows=[[1, 0.99], [1, 0.95]], **who))[1:])
    alike = verdicts(attention_length, by_length(rows=[[0.4, 0.4], [0.99, 0.99]], **who))
    assert alike == [True, True, True, False]  # as much ahead for short sequences


def test_sentences_on_reading_backwards():
    def found(forward, backwards, late):
        loss = np.random.default_rng(0).normal(1, 1e-3, (2, 20, 8)) + np.array([0, late])[:, None, None]
        return by_length(
            ["forward", "backwards"],
            "reading",
            [forward, backwards],
            length=[2, 8],
            loss=(("reading", "update", "seed"), loss),
        )

    assert verdicts(reversed_source, found([1, 0.5], [1, 0.6], -0.1)) == [True] * 3
    assert verdicts(reversed_source, found([1, 0.6], [1, 0.5], 0.1)) == [False] * 3


def test_sentences_on_copying():
    who = {"names": ["turing_machine", "lstm"], "axis": "network", "length": list(turing_copy.TESTED)}
    short, long = [1, 1, 1, 1], [1, 1, 0.9, 0.7]
    assert verdicts(turing_copy, by_length(rows=[short + long, short + [0.6] * 4], **who)) == [True] * 4
    assert verdicts(turing_copy, by_length(rows=[short + [0.5] * 4, short + long], **who)) == [True] + [False] * 3


def test_sentences_on_hops():
    def found(two):
        right = (
            np.random.default_rng(0).normal(0, 1e-3, (3, 2, 8)) + np.array([[0.99, share] for share in two])[..., None]
        )
        coordinates = {"hops": [1, 2, 3], "kind": list(story_hops.KINDS), "seed": range(8)}
        return xarray.Dataset({"right": (("hops", "kind", "seed"), right)}, coordinates)

    assert verdicts(story_hops, found([0.25, 1, 1])) == [True] * 8
    assert verdicts(story_hops, found([0.5, 0.5, 1])) == [True, False, True, False, True, True, False, True]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "changes", "level"),
    [
        ("turing_copy", {"network": "turing_machine"}, 0.95),
        ("attention_length", {"network": "attention"}, 0.95),
        ("reversed_source", {"reading": "backwards"}, 0.85),
        ("story_hops", {"hops": 2}, 0.95),
    ],
)
def test_it_learns(name, changes, level):
    """One seed at the quick settings, by refseq's own kernels, losses, optimiser and loop."""
    one = experiment(name)
    found = one.measure({**one.settings, **one.quick, **changes}, 0)
    assert float(found.accuracy[-WINDOW:].mean()) > level
    assert float(found.loss[-WINDOW:].mean()) < float(found.loss[:WINDOW].mean()) / 3
