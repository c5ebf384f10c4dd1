"""Stories whose later sentences count, for both memory networks: where is somebody? By refseq's own losses, optimisers
and loop. (Joining two facts, and copying by a Turing machine, are experiments: ``refseq.experiments.systems``.)

``python -m tests.networks.learning`` trains each and prints the curves.
"""

import sys

import numpy as np

import refseq
from refseq.losses import cross_entropy
from refseq.optimisers import Adam
from refseq.training import Training

PERSONS, PLACES, SENTENCES = 4, 5, 8
WENT, WHERE = PERSONS + PLACES, PERSONS + PLACES + 1
VOCABULARY = WHERE + 1


def stories(rng, rows=32):
    """Persons go to places; where is one of them? story, query, answer, and the sentence that says it."""
    persons, places = rng.integers(0, PERSONS, (rows, SENTENCES)), rng.integers(0, PLACES, (rows, SENTENCES))
    story = np.stack([persons, np.full_like(persons, WENT), PERSONS + places], axis=2)
    count = rng.integers(2, SENTENCES + 1, rows)
    story[np.arange(SENTENCES) >= count[:, None]] = -1
    asked = persons[np.arange(rows), rng.integers(0, count)]
    said = (persons == asked[:, None]) & (np.arange(SENTENCES) < count[:, None])
    fact = SENTENCES - 1 - said[:, ::-1].argmax(axis=1)
    return story, np.stack([np.full(rows, WHERE), asked], 1), PERSONS + places[np.arange(rows), fact], fact


SOFT = refseq.memory_network(VOCABULARY, 20, hops=2, ages=SENTENCES)
HARD = refseq.hard_memory_network(VOCABULARY, 20, facts=1, ages=SENTENCES)


def soft_step(params, batch):
    """Trained on the answers alone."""
    story, query, answer, _ = batch
    run = SOFT.forward(params, story, query)
    loss = cross_entropy(run.logits[None], answer[None])
    return loss.value, SOFT.backward(run, loss.gradient[0])


def hard_step(params, batch):
    """Trained on the supporting facts and the answers."""
    story, query, answer, fact = batch
    run = HARD.forward(params, story, query, fact[:, None])
    choice, loss = HARD.fact_loss(run, fact[:, None], "margin"), cross_entropy(run.logits[None], answer[None])
    return choice.value + loss.value, HARD.backward(run, choice.gradient, loss.gradient[0])


def train_stories(step, network, epochs, seed=0, rate=0.01):
    """100 batches an epoch."""
    training = Training(Adam(rate), seed=seed, clip_norm=40.0)
    params = network.initialise(seed)
    return training.run(step, params, lambda rng: [stories(rng) for _ in range(100)], epochs, progress=False)


def accuracy(network, params, seed=9):
    """The share of right answers, with what the network itself attends to or chooses."""
    story, query, answer, _ = stories(np.random.default_rng(seed), 1000)
    return float((network.forward(params, story, query).logits.argmax(axis=1) == answer).mean())


def _say(*words) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")


if __name__ == "__main__":
    for name, step, network in (("soft", soft_step, SOFT), ("hard", hard_step, HARD)):
        state = train_stories(step, network, 20)
        _say(name, "loss", state.losses().round(3)[::2], "accuracy", accuracy(network, state.params))
