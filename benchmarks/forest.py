"""Cost of recursive networks: linear in the nodes, whatever the shape. Run: python benchmarks/forest.py

For every layer, forests of 100, 1,000 and 10,000 trees (balanced, 20 leaves) and one chain of 100,000 nodes, forward
and backward: the median of 5 runs, the sizes taken in turn: a busy machine slows all alike.
"""

from statistics import median
from time import perf_counter

import numba
import numpy as np

import refseq
from refseq.trees import Forest, balanced, chain, join

INPUTS, UNITS, LEAVES, REPEATS = 16, 32, 20, 5
LAYERS = ("recursive", "tree_lstm", "child_sum_tree_lstm")


def main() -> None:
    """Print the tables."""
    print("leaves of a balanced tree    depth    ceil(log2)")
    for leaves in (2, 3, 1000, 1024, 1025, 1_000_000):
        print(f"{leaves:>24,} {balanced(leaves).depth:>8} {int(np.ceil(np.log2(leaves))):>13}")
    forests = {f"{trees:,} trees": join([balanced(LEAVES)] * trees) for trees in (100, 1_000, 10_000)}
    forests |= {"chain": chain(100_000)}
    print(f"\n{INPUTS} inputs, {UNITS} units, float32, target cpu, {numba.get_num_threads()} threads\n")
    print(f"{'layer':<22}{'forest':<16}{'nodes':>9}{'depth':>9}{'forward':>16}{'backward':>16}  per node")
    for name in LAYERS:
        layer = refseq.tree_layer(name, INPUTS, UNITS)
        times(layer, balanced(2))  # compile
        rounds = [{label: times(layer, forest) for label, forest in forests.items()} for _ in range(REPEATS)]
        for label, forest in forests.items():
            forward, backward = (median(run[label][k] for run in rounds) / forest.nodes * 1e6 for k in (0, 1))
            shape = f"{label:<16}{forest.nodes:>9,}{forest.depth:>9,}"
            print(f"{name:<22}{shape}{forward:>13.3f} us{backward:>13.3f} us")


def times(layer: refseq.TreeLayer, forest: Forest) -> tuple[float, float]:
    """Seconds of forward and of backward."""
    rng = np.random.default_rng(0)
    params = layer.initialise(dtype="float32")
    x, dy = (rng.normal(size=(forest.nodes, size)).astype("float32") for size in (INPUTS, UNITS))
    start = perf_counter()
    run = layer.forward(params, x, forest)
    middle = perf_counter()
    layer.backward(run, dy)
    return middle - start, perf_counter() - middle


if __name__ == "__main__":
    main()
