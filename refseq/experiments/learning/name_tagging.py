"""Name tagging (L3.1, L3.8): which words of "Harry Potter and Hermione Granger invented a new spell" are names?

The notes give 1 1 0 1 1 0 0 0: eight labels for nine words. T_x = T_y = 9, as they say themselves, and the label that
is missing is a 0 of "a new spell". Networks are trained on other sentences of the same kind, in which some words are a
name only after a first name: Hermione Granger, but "the granger", which is a farmer. A feed-forward network cannot
tell these two; a recurrent one can; and it takes sentences of any length.
"""

import numpy as np

from refseq.experiments import pictures
from refseq.experiments.data import dataset
from refseq.experiments.experiment import Experiment
from refseq.experiments.learning.recipe import train
from refseq.experiments.learning.taggers import encoded, judge, lengths_of, probability, tagger
from refseq.experiments.statistics import Statement, above, always, below, exactly

LECTURE = ["harry", "potter", "and", "hermione", "granger", "invented", "a", "new", "spell"]
CORRECTED = (1, 1, 0, 1, 1, 0, 0, 0, 0)
FIRST = ("harry", "hermione", "ron", "ginny", "luna", "neville")
LAST = ("potter", "granger", "weaver", "cook", "baker", "mason")
"""Family names that are trades as well."""
VERBS, THINGS, KINDS = ("invented", "found", "lost"), ("spell", "book", "cup"), ("new", "old")
VOCABULARY = (*FIRST, *LAST, *VERBS, *THINGS, *KINDS, "and", "a", "the")
NAME, TESTED = 1, 400
NETWORKS = ("feed_forward", "elman", "bidirectional")


def sentence(rng):
    """Names, trades, or one of each do something; never the lecture's two names together."""

    def one_of(words):
        return words[rng.integers(len(words))]

    def person():
        if rng.integers(3):
            return [(one_of(FIRST), NAME), (one_of(LAST), NAME)]
        return [("the", 0), (one_of(LAST), 0)]

    while True:
        who = [*person(), ("and", 0), *person()] if rng.integers(2) else person()
        if [word for word, _ in who] != LECTURE[:5]:
            break
    what = (one_of(VERBS), "a", one_of(KINDS), one_of(THINGS))
    return [*who, *((word, 0) for word in what)]


def measure(configuration, seed):
    """Train one network; what it says of the lecture's sentence, and how often trades and names are told apart."""
    rows = configuration["rows"]
    model, params = tagger(configuration["network"], len(VOCABULARY), configuration["n"], 2, seed)

    def draw(rng):
        return encoded([sentence(rng) for _ in range(rows)], VOCABULARY)

    result = train(model, params, draw, judge, configuration, seed, lengths=lengths_of)
    rng = np.random.default_rng([seed, 2])
    tested = [sentence(rng) for _ in range(TESTED)]
    x, (labels, lengths) = encoded(tested, VOCABULARY)
    found = model.forward(result.params, x, lengths=lengths).y.argmax(axis=2)
    double = np.array([[k < len(s) and s[k][0] in LAST for s in tested] for k in range(len(x))])
    y = model.forward(result.params, encoded([[(word, 0) for word in LECTURE]], VOCABULARY)[0]).y
    name = probability(y, NAME)[:, 0]
    wrong = ((name > 0.5) != np.array(CORRECTED)).sum()
    return dataset(
        {
            "name": (("t",), name, "1", "probability that the word of the lecture's sentence is a name"),
            "wrong": ((), int(wrong), "1", "labels of the lecture's sentence that are wrong"),
            "labels": ((), len(y), "1", "labels that the network gives for it"),
            "double": ((), (found == labels)[double].mean(), "1", "share of names that are trades told right"),
        },
        {"t": (("t",), np.arange(1, len(LECTURE) + 1), "word", "place in the sentence")},
    )


def statements(found) -> list[Statement]:
    """One label for each word; the lecture's sentence; names that are trades."""
    told = [exactly("L3.1", "labels for nine words", float(found.labels.values.max()), 9, 0.0)]
    for name in map(str, found.network.values):
        one = found.sel(network=name)
        words = f"{name}: names that are trades told right"
        if name == "feed_forward":
            told.append(below("L3.8", words, one.double.values, 0.9, "below 1: one word, one answer"))
            continue
        table = "0: 1 1 0 1 1 0 0 0 0"
        told.append(always("L3.1", f"{name}: wrong labels of the lecture's sentence", one.wrong.values, 0.0, table))
        told.append(above("L3.8", words, one.double.values, 0.95, "1: the word before decides"))
    return told


def picture(found):
    """What each network says of the lecture's sentence; names that are trades."""
    names = list(map(str, found.network.values))
    figure = pictures.blank(11.0, 3.4)
    left, right = figure.subplots(1, 2, gridspec_kw={"width_ratios": [3, 1]})
    for k, (name, colour) in enumerate(pictures.label_lines(names)):
        values = found.name.sel(network=name).values
        x = np.arange(len(LECTURE)) + 0.25 * (k - (len(names) - 1) / 2)
        spread = np.linspace(-0.08, 0.08, len(values))
        left.plot((x + spread[:, None]).ravel(), values.ravel(), "osD"[k], color=colour, alpha=0.4, markersize=4)
        left.hlines(
            np.median(values, axis=0), x - 0.11, x + 0.11, color=colour, linewidth=2.5, label=name.replace("_", "-")
        )
        double = found.double.sel(network=name).values
        right.plot(k + 2 * spread, double, "osD"[k], color=colour, alpha=0.6, markersize=5)
    left.axhline(0.5, color="grey", linewidth=0.8)
    labels = [f"{word}\n{label}" for word, label in zip(LECTURE, CORRECTED, strict=True)]
    left.set_xticks(range(len(LECTURE)), labels)
    left.set_title("probability of a name by word; below each word its label: nine, the notes print eight")
    left.set_ylim(-0.05, 1.2)
    left.set_yticks([0, 0.5, 1])
    left.legend(ncols=3, loc="upper right", title=None)
    right.set_xticks(range(len(names)), [name.replace("_", "-\n") for name in names])
    right.set(ylim=(0.4, 1.03), title="names that are trades:\nshare told right", xlim=(-0.5, len(names) - 0.5))
    return figure


EXPERIMENT = Experiment(
    name="name_tagging",
    title="Name tagging: nine words have nine labels",
    sources=("L3.1", "L3.8"),
    settings={"n": 16, "rows": 32, "updates": 600, "rate": 0.01, "norm": 1.0, "network": NETWORKS},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=20,
    quick={"updates": 150, "rate": 0.03},
    quick_seeds=6,
)
