"""Small tasks for networks with a memory, and how they are trained: by refseq's own losses, optimisers and loop.

``python -m tests.networks.learning`` trains each and prints the curves.
"""

import sys

import numpy as np

import refseq
from refseq.losses import binary_cross_entropy, cross_entropy
from refseq.optimisers import Adam
from refseq.training import Training

BITS, LONGEST, ROWS = 4, 5, 16
PERSONS, PLACES, SENTENCES = 4, 5, 8
WENT, WHERE = PERSONS + PLACES, PERSONS + PLACES + 1
VOCABULARY = WHERE + 1


def copying(rng, length=None):
    """x (T, B, bits + 1), targets (T, B, bits), and which steps count (T, B): bits, a mark, then the same bits."""
    L = int(rng.integers(1, LONGEST + 1)) if length is None else length
    bits = rng.integers(0, 2, (L, ROWS, BITS)).astype(float)
    x, y, counts = np.zeros((2 * L + 1, ROWS, BITS + 1)), np.zeros((2 * L + 1, ROWS, BITS)), np.zeros((2 * L + 1, ROWS))
    x[:L, :, :BITS], x[L, :, BITS], y[L + 1 :], counts[L + 1 :] = bits, 1, bits, 1
    return x, y, counts


MACHINE = refseq.turing_machine(BITS + 1, BITS, 32, 12, 8)


def copy_step(params, batch):
    """Loss and gradients of the machine and of the memory it begins with."""
    x, y, counts = batch
    rows = x.shape[1]
    state = dict.fromkeys(MACHINE.states) | {"memory": np.repeat(params["memory"], rows, 0)}
    run = MACHINE.forward({name: params[name] for name in MACHINE.shapes}, x, state)
    loss = binary_cross_entropy(run.y, y, weights=counts, reduction="mean per element")
    grads = MACHINE.backward(run, loss.gradient)
    return loss.value, grads.params | {"memory": grads.state["memory"].sum(axis=0, keepdims=True)}


def wrong_bits(params, length, seed=9):
    """The share of bits that are copied wrongly."""
    x, y, counts = copying(np.random.default_rng(seed), length)
    state = dict.fromkeys(MACHINE.states) | {"memory": np.repeat(params["memory"], x.shape[1], 0)}
    run = MACHINE.forward({name: params[name] for name in MACHINE.shapes}, x, state)
    return float(((run.y > 0) != y)[counts > 0].mean())


def train_copy(epochs=60, seed=0):
    """100 batches an epoch."""
    params = MACHINE.initialise(seed)
    params["memory"] = np.random.default_rng(seed).normal(0, 0.1, (1, MACHINE.locations, MACHINE.width))
    training = Training(Adam(0.005), seed=seed, clip_norm=10.0)
    return training.run(copy_step, params, lambda rng: [copying(rng) for _ in range(100)], epochs, progress=False)


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
    copied = train_copy()
    _say("copy loss", copied.losses().round(4)[::4])
    _say("wrong bits by length", [wrong_bits(copied.params, length) for length in range(1, 11)])
