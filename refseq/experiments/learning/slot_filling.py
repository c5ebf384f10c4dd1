"""Slot filling (L1.1): "arrive Taipei" against "leave Taipei", in four networks.

Every word of a sentence is other, destination, departure or time. The city's slot hangs on a word elsewhere: before it
("please arrive taipei on monday") or after it ("taipei is where we arrive on monday").

A feed-forward network sees one word at a time: Taipei is the same input in both, so its output is the same, bit for
bit, whatever is learned, and one of the two is wrong. Elman's and Jordan's networks remember the word before, the one
in its hidden layer, the other in the outputs that it is told (L1.4); what comes after they do not know. A bidirectional
one sees the whole sentence (L0.11).
"""

import numpy as np

from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.learning.recipe import train
from refseq.experiments.learning.taggers import TAGGERS, encoded, judge, lengths_of, probability, tagger
from refseq.experiments.statistics import Statement, above, always, equals

SLOTS = ("other", "destination", "departure", "time")
CUES = {"arrive": SLOTS.index("destination"), "leave": SLOTS.index("departure")}
CITIES = ("taipei", "london", "paris", "lima", "oslo", "cairo")
DAYS = ("monday", "friday", "sunday")
OPENINGS = ((), ("please",), ("we", "will"), ("i", "want", "to"))
KINDS = ("before", "after")
"""Where the word is that decides."""
VOCABULARY = (*CUES, *CITIES, *DAYS, "please", "we", "will", "i", "want", "to", "on", "is", "where")
TESTED = 400


def sentence(rng, kind):
    """A sentence and the place of its city."""
    cue, city, day = (words[rng.integers(len(words))] for words in (tuple(CUES), CITIES, DAYS))
    opening = OPENINGS[rng.integers(len(OPENINGS))]
    slot, when = (city, CUES[cue]), [("on", 0), (day, SLOTS.index("time"))]
    if kind == "before":
        words = [*((word, 0) for word in opening), (cue, 0), slot]
        place = len(words) - 1
    else:
        words, place = [slot, ("is", 0), ("where", 0), *((word, 0) for word in opening), (cue, 0)], 0
    return [*words, *(when if rng.integers(2) else [])], place


def measure(configuration, seed):
    """Train one network; how often it is right about the city, and about Taipei after either word."""
    rows = configuration["rows"]
    model, params = tagger(configuration["network"], len(VOCABULARY), configuration["n"], len(SLOTS), seed)

    def draw(rng):
        return encoded([sentence(rng, KINDS[rng.integers(len(KINDS))])[0] for _ in range(rows)], VOCABULARY)

    result = train(model, params, draw, judge, configuration, seed, lengths=lengths_of)
    right, rng = [], np.random.default_rng([seed, 2])
    for kind in KINDS:
        tested = [sentence(rng, kind) for _ in range(TESTED)]
        x, (labels, lengths) = encoded([words for words, _ in tested], VOCABULARY)
        places = np.array([place for _, place in tested]), np.arange(TESTED)
        found = model.forward(result.params, x, lengths=lengths).y.argmax(axis=2)
        right.append((found[places] == labels[places]).mean())
    pair, _ = encoded([[(cue, 0), ("taipei", 0)] for cue in CUES], VOCABULARY)
    y = model.forward(result.params, pair).y
    return dataset(
        {
            "right": (("kind",), right, "1", "share of cities whose slot is right"),
            "taipei": (("cue",), probability(y, CUES["arrive"])[1], "1", "probability that Taipei is a destination"),
            "difference": ((), abs(y[1, 0] - y[1, 1]).max(), "1", "largest difference of Taipei's two outputs"),
            "error": ((), result.late, "1", "share of wrong labels in the last batches"),
        },
        {
            "kind": (("kind",), np.array(KINDS), "", "where the word is that decides"),
            "cue": (("cue",), np.array(list(CUES)), "", "the word before Taipei"),
        },
    )


def statements(found) -> list[Statement]:
    """The theorem of the feed-forward network; who is right when."""
    told = []
    for name in map(str, found.network.values):
        one = found.sel(network=name)
        if name == "feed_forward":
            words = "0: Taipei is the same input"
            told.append(always("L1.1", "feed_forward: outputs for Taipei differ by", one.difference.values, 0.0, words))
        for kind in KINDS:
            words = f"{name}, word {kind} the city: cities right"
            values = one.right.sel(kind=kind).values
            source = {"feed_forward": "L1.1", "elman": "L1.1", "jordan": "L1.4", "bidirectional": "L0.11"}[name]
            if name == "bidirectional" or (name != "feed_forward" and kind == "before"):
                told.append(above(source, words, values, 0.9, "1: it is remembered"))
            else:
                told.append(equals(source, words, values, 0.5, 0.1))
    return told


def picture(found):
    """Cities right by network; what each says of Taipei after either word."""
    figure, axes = pictures.figure(2, 1, width=5.0)
    names = list(map(str, found.network.values))
    for ax, variable, inner, labels in (
        (axes[0, 0], "right", "kind", {"before": "word before the city", "after": "word after the city"}),
        (axes[0, 1], "taipei", "cue", {"arrive": '"arrive Taipei"', "leave": '"leave Taipei"'}),
    ):
        for k, ((value, label), colour) in enumerate(zip(labels.items(), pictures.COLOURS, strict=False)):
            values = found[variable].sel({inner: value}).transpose("network", "seed").values
            x = np.arange(len(names)) + 0.3 * (k - 0.5)
            spread = np.linspace(-0.1, 0.1, values.shape[1])
            ax.plot((x[:, None] + spread).ravel(), values.ravel(), "os"[k], color=colour, alpha=0.4, markersize=4)
            ax.hlines(values.mean(axis=1), x - 0.13, x + 0.13, color=colour, linewidth=2.5, label=label)
        ax.axhline(0.5, color="black", label="one of two", **pictures.THEORY)
        ax.set_xticks(range(len(names)), [name.replace("_", "-") for name in names])
        ax.set_ylim(-0.03, 1.25)
        ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
        ax.legend(ncols=3, loc="upper center", columnspacing=1.0)
    axes[0, 0].set_title(f"share of cities whose slot is right (line: mean of {found.sizes['seed']} seeds)")
    axes[0, 1].set_title("probability that Taipei is a destination")
    return figure


EXPERIMENT = Experiment(
    name="slot_filling",
    title="Slot filling: arrive Taipei, leave Taipei",
    sources=("L0.11", "L1.1", "L1.4", "L1.6", "L1.19"),
    settings={"n": 16, "rows": 32, "updates": 600, "rate": 0.01, "norm": 1.0, "network": TAGGERS},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"updates": 150, "rate": 0.03},
    quick_seeds=6,
)
