"""How many facts a memory network joins (L1.25, L4.16): "where is Mary?" takes one, "where is the milk?" two.

Every story says where each of four persons is, all in different places out of five, and who has each of three things,
sentences in any order. Where a person is, is said in one sentence. Where a thing is, is said in none: somebody has it,
and is in a place. A network that looks at the memory once cannot know which place counts, as it chooses before it has
read who has the thing: one of the four in the story. One that looks twice can, and it is trained on
answers alone. S. Sukhbaatar, A. Szlam, J. Weston, R. Fergus, arXiv:1503.08895; J. Weston et al., arXiv:1502.05698.
"""

import numpy as np

import refseq
from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.learning.recipe import DTYPE, descend
from refseq.experiments.statistics import Statement, above, equals, oftener
from refseq.experiments.systems import curves
from refseq.losses import cross_entropy

PERSONS, THINGS, PLACES = 4, 3, 5
THING, PLACE = PERSONS, PERSONS + THINGS
IS, HAS, WHERE = (PLACE + PLACES + k for k in range(3))
VOCABULARY = WHERE + 1
"""Tokens: persons, things, places, "is in", "has", "where is"."""
KINDS = ("one fact", "two facts")
TESTED = 1000


def draw(rng: np.random.Generator, rows: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Stories (B, PERSONS + THINGS, 3), questions (B, 2), answers (B,), and how many facts they take, less one (B,)."""

    def shuffled(count, size):
        return rng.permuted(np.tile(np.arange(count), (rows, 1)), axis=1)[:, :size]

    places, holders = PLACE + shuffled(PLACES, PERSONS), rng.integers(0, PERSONS, (rows, THINGS))
    persons, things = (np.tile(np.arange(count), (rows, 1)) for count in (PERSONS, THINGS))
    here = np.stack([persons, np.full_like(persons, IS), places], axis=2)
    held = np.stack([holders, np.full_like(holders, HAS), THING + things], axis=2)
    order = shuffled(PERSONS + THINGS, PERSONS + THINGS)
    story = np.take_along_axis(np.concatenate([here, held], axis=1), order[:, :, None], axis=1)
    two, row, thing = rng.integers(0, 2, rows), np.arange(rows), rng.integers(0, THINGS, rows)
    person = np.where(two, holders[row, thing], rng.integers(0, PERSONS, rows))
    question = np.stack([np.full(rows, WHERE), np.where(two, THING + thing, person)], axis=1)
    return story, question, places[row, person], two


def measure(configuration, seed):
    """Train one network on both kinds of question; how often it is right about each."""
    updates = configuration["updates"]
    network = refseq.memory_network(VOCABULARY, configuration["width"], hops=configuration["hops"])

    def step(params, batch):
        story, question, answer, _ = batch
        run = network.forward(params, story, question)
        loss = cross_entropy(run.logits[None], answer[None])
        wrong = float((run.logits.argmax(axis=1) != answer).mean())
        return loss.value, network.backward(run, loss.gradient[0]), wrong

    params = network.initialise(seed, dtype=DTYPE)
    result = descend(step, params, lambda rng: draw(rng, configuration["rows"]), configuration, seed)
    story, question, answer, two = draw(np.random.default_rng([seed, 2]), TESTED)
    right = network.forward(result.params, story, question).logits.argmax(axis=1) == answer
    return dataset(
        {
            **curves.curves(result, updates, "right answers"),
            "right": (("kind",), [right[two == kind].mean() for kind in (0, 1)], "1", "share of right answers"),
        },
        {
            "update": curves.coordinate(updates),
            "kind": (("kind",), np.array(KINDS), "", "facts that the answer takes"),
        },
    )


def statements(found) -> list[Statement]:
    """One hop for every fact that is joined."""
    told, one, two = [], *KINDS
    hops = [int(hops) for hops in found.hops.values]
    for count in hops:
        right = found.right.sel(hops=count)
        words = f"{count} hop{'s' * (count > 1)}: answers right,"
        told.append(above("L1.25", f"{words} {one}", right.sel(kind=one).values, 0.95, "1"))
        if count == 1:
            told.append(equals("L4.16", f"{words} {two}", right.sel(kind=two).values, 1 / PERSONS, 0.1))
        else:
            told.append(above("L4.16", f"{words} {two}", right.sel(kind=two).values, 0.75, "1"))
    for count in hops[1:] if hops[0] == 1 else ():
        ahead = (found.right.sel(kind=two, hops=count) - found.right.sel(kind=two, hops=1)).values
        told.append(oftener("L4.16", f"{two}: more right with {count} hops than with 1", ahead))
    return told


def picture(found):
    """Curves, and answers right by kind of question."""
    names = {int(hops): f"{int(hops)} hop{'s' * (int(hops) > 1)}" for hops in found.hops.values}
    figure, axes = pictures.figure(3, 1, width=4.4)
    curves.drawn(axes[0, :2], found, "hops", names)
    axes[0, 0].set_title("loss in training")
    axes[0, 1].set_title("share of right answers in training")
    ax = axes[0, 2]
    for k, ((hops, label), (_, colour)) in enumerate(zip(names.items(), pictures.label_lines(names), strict=True)):
        values = found.right.sel(hops=hops).transpose("kind", "seed").values
        x = np.arange(len(KINDS)) + 0.25 * (k - (len(names) - 1) / 2)
        spread = np.linspace(-0.08, 0.08, values.shape[1])
        ax.plot((x[:, None] + spread).ravel(), values.ravel(), "os^D"[k], color=colour, alpha=0.5, markersize=4)
        ax.hlines(values.mean(axis=1), x - 0.11, x + 0.11, color=colour, linewidth=2.5, label=label)
    ax.set_xticks(range(len(KINDS)), ["one fact:\nwhere is Mary?", "two facts:\nwhere is the milk?"])
    ax.set(ylim=(0, 1.03), title="share of right answers after training (line: mean)")
    pictures.theory(ax, [-0.5, 1.5], [1 / PERSONS] * 2, label=f"one of {PERSONS} places in the story")
    curves.chance(axes[0, 1:2], (1 + 1 / PERSONS) / 2, "one fact known, two guessed")
    axes[0, 1].legend(loc="lower right")
    ax.legend(loc="lower left", bbox_to_anchor=(0, 0.25))
    return figure


EXPERIMENT = Experiment(
    name="story_hops",
    title="Where is the milk? One look at the memory for each fact",
    sources=("L1.25", "L4.16"),
    settings={
        "width": 48,
        "rows": 32,
        "updates": 2000,
        "rate": 0.01,
        "norm": 40.0,
        "hops": (1, 2, 3),
    },
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"updates": 500},
    quick_seeds=8,
)
