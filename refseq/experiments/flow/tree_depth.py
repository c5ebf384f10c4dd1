"""A chain and a balanced tree over the same T leaves (L4.15): depth T - 1 against log2 T.

p = tanh(W_left c1 + W_right c2), W ~ N(0, g/n), leaves with random states of variance 1. How large is the gradient of
the root's loss with respect to the deepest leaf? In the mean field each level multiplies its second moment by
chi(q) = g E tanh'(sqrt(q) z)^2, q being that of the level's pre-activations: T - 1 levels from the end of the chain,
log2 T in the tree.
"""

import numpy as np

import refseq
from refseq.dynamics import growth, next_moment
from refseq.experiments import pictures
from refseq.experiments.data import dataset, setting
from refseq.experiments.experiment import Experiment
from refseq.experiments.statistics import Statement, above, equals
from refseq.trees import balanced, from_children


def comb(leaves: int):
    """The chain: node by node the next leaf is joined to all before it; leaf 0 is the deepest."""
    inner = [[0, 1]] + [[leaves + k - 1, k + 1] for k in range(1, leaves - 1)]
    return from_children([[]] * leaves + inner)


SHAPES = {"chain": comb, "balanced": balanced}


def measure(configuration, seed):
    """The second moment of the gradient at leaf 0, and its mean over all leaves."""
    n, leaves = configuration["n"], configuration["leaves"]
    layer = refseq.tree_layer("recursive", 0, n)
    params = layer.initialise(seed, "gaussian", gain=configuration["gain"])
    rng = np.random.default_rng([seed, 1])
    forest = SHAPES[configuration["shape"]](leaves)
    run = layer.forward(params, None, forest, {"h": rng.normal(size=(leaves, n))})
    dy = np.zeros_like(run.y)
    dy[-1] = rng.normal(size=n) / np.sqrt(n)
    grads = layer.backward(run, dy).state
    assert grads is not None  # the leaves' states were given
    squares = (grads["h"] ** 2).sum(axis=1)
    return dataset(
        {
            "deepest": ((), np.log10(squares[0]), "1", "log10 of ||dL/dh||^2 at leaf 0, the deepest"),
            "mean": ((), np.log10(squares.mean()), "1", "log10 of the mean of ||dL/dh||^2 over leaves"),
        }
    )


def mean_field(shape: str, leaves: int, gain: float) -> float:
    """The theory's log10 of the second moment at leaf 0."""
    q, total = 2 * gain, 0.0  # pre-activations of a node above two leaves of variance 1
    for _ in range(leaves - 1 if shape == "chain" else int(np.ceil(np.log2(leaves)))):
        total += np.log10(growth("tanh", gain, q))
        q = next_moment("tanh", gain, q, gain**0.5) if shape == "chain" else next_moment("tanh", 2 * gain, q)
    return total


def statements(found) -> list[Statement]:
    """Both shapes beside theory at the largest T, and beside one another."""
    told, leaves, gain = [], int(found.leaves.values.max()), setting(found, "gain")
    one = found.sel(leaves=leaves)
    for shape in map(str, found["shape"].values):
        theory = mean_field(shape, leaves, gain)
        values = one.deepest.sel(shape=shape).values
        told.append(
            equals(
                "L4.15", f"{shape}: log10 |dL/dh|² at the deepest of {leaves} leaves", values, theory, 0.1 * abs(theory)
            )
        )
    less = one.deepest.sel(shape="balanced").values - one.deepest.sel(shape="chain").values
    told.append(above("L4.15", f"powers of ten that the tree keeps, {leaves} leaves", less, 1.0))
    return told


def picture(found):
    """Gradients at the deepest leaf by the number of leaves."""
    figure, axes = pictures.figure(2, 1, sharey=True)
    gain = setting(found, "gain")
    fine = np.unique(np.geomspace(2, found.leaves.values.max(), 80).astype(int))
    for shape, colour in pictures.label_lines(("chain", "balanced")):
        values = 10.0 ** found.deepest.sel(shape=shape).transpose("seed", "leaves").values
        power = [10.0 ** mean_field(shape, int(T), gain) for T in fine]
        for ax, x, at in (
            (axes[0, 0], found.leaves.values, fine),
            (axes[0, 1], _depth(shape, found.leaves.values), _depth(shape, fine)),
        ):
            pictures.band(ax, x, values, colour, f"{shape}", marker="o", markersize=3)
            pictures.theory(ax, at, power, colour)
    axes[0, 0].set(xscale="log", xlabel="leaves T", title="$\\|dL/dh\\|^2$ at the deepest leaf", ylim=(1e-60, 10))
    axes[0, 0].set_xticks(found.leaves.values, [str(T) for T in found.leaves.values])
    axes[0, 0].minorticks_off()
    axes[0, 1].set(xscale="log", xlabel="depth: chain T - 1, balanced $\\log_2 T$", title="the same by depth")
    pictures.dashed_legend(axes[0, 0], "mean field", loc="lower left")
    return figure


def _depth(shape, leaves):
    return leaves - 1 if shape == "chain" else np.ceil(np.log2(leaves))


EXPERIMENT = Experiment(
    name="tree_depth",
    title="A chain against a balanced tree",
    sources=("L4.15",),
    settings={"n": 128, "gain": 0.5, "leaves": (2, 4, 8, 16, 32, 64, 128), "shape": ("chain", "balanced")},
    measure=measure,
    picture=picture,
    statements=statements,
    seeds=30,
    quick={"n": 64},
    quick_seeds=10,
)
