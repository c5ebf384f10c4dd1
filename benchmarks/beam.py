"""Beam search beside a plain one in PyTorch, over the same stationary table. Run: python -m benchmarks.beam

Both take B rows, W beams, V symbols and T steps, with score, stop symbol and parents; the model is the row of a table,
so that what is timed is the decoder. Medians of rounds in turn (``benchmarks.turns``). The best scores are compared
first; the sequences may differ, as in a table many have equal scores.
"""

import numpy as np
import torch

from benchmarks.turns import medians
from refseq.decoding import beam_search

ALPHA, STOP = 0.75, 0
SIZES = ((1, 4, 100, 50), (16, 4, 1000, 50), (16, 8, 4000, 30), (4, 5, 32000, 30), (32, 10, 200, 50))


def main() -> None:
    """Print the table."""
    print(f"float32, {torch.get_num_threads()} threads; milliseconds\n")
    print(f"{'B':>4}{'W':>4}{'V':>7}{'T':>5}{'refseq':>10}{'torch':>10}{'ratio':>8}")
    for rows, width, symbols, steps in SIZES:
        table = torch.log_softmax(3 * torch.randn(50, symbols, generator=torch.Generator().manual_seed(0)), 1)
        table[:, STOP] -= 5
        first = np.arange(rows) % 50
        times = rounds(table, first, width, steps)
        ratio = times["torch"] / times["refseq"]
        print(f"{rows:>4}{width:>4}{symbols:>7}{steps:>5}{times['refseq']:>10.3f}{times['torch']:>10.3f}{ratio:>7.2f}x")


def rounds(table: torch.Tensor, first: np.ndarray, width: int, cap: int) -> dict[str, float]:
    """The median time of each, in milliseconds."""
    array = table.numpy()

    def step(state: None, tokens: np.ndarray) -> tuple[np.ndarray, None]:
        return array[tokens % 50], state

    calls = {
        "refseq": lambda: beam_search(step, None, first, width=width, cap=cap, stop=STOP, alpha=ALPHA, best=width),
        "torch": lambda: plain(table, torch.from_numpy(first), width, cap),
    }
    ours, theirs = calls["refseq"](), calls["torch"]()
    np.testing.assert_allclose(ours.scores[:, 0], theirs[1][:, 0], rtol=1e-4)
    return medians(calls)


def plain(table: torch.Tensor, first: torch.Tensor, width: int, cap: int) -> tuple:
    """Symbols and scores of the same search in PyTorch: a finished beam offers itself as its symbol 0."""
    rows, symbols = len(first), table.shape[1]
    total = torch.full((rows, width), -torch.inf)
    total[:, 0] = 0
    done = torch.zeros(rows, width, dtype=torch.bool)
    length = torch.zeros(rows, width)
    tokens, found = first[:, None].expand(rows, width), torch.zeros(rows, width, 0, dtype=torch.int64)
    frozen = torch.full((symbols,), -torch.inf)
    frozen[0] = 0
    for _ in range(cap):
        logp = table[tokens % 50]
        logp = torch.where(done[:, :, None], frozen, logp)
        after = length + (~done).float()
        reached = total[:, :, None] + logp
        score = reached / after[:, :, None] ** ALPHA
        best, place = score.view(rows, -1).topk(width)
        parent, tokens = place // symbols, place % symbols
        total = reached.view(rows, -1).gather(1, place)
        length, done = after.gather(1, parent), done.gather(1, parent)
        written = torch.where(done, -1, tokens)
        found = torch.cat([found.gather(1, parent[:, :, None].expand_as(found)), written[:, :, None]], dim=2)
        done = done | (tokens == STOP)
        if done.all():
            break
    return found, best


if __name__ == "__main__":
    main()
