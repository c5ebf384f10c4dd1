"""Two ways to compute the same, with zero tolerance: the bits may differ, the polynomials do not."""

EQUALITIES: dict[str, tuple[str, str, str, str, tuple[str, ...]]] = {
    "checkpoints": (
        "schedules",
        "BPTT from checkpoints every k steps is BPTT",
        "k = 1, 2, 4, T = 5, unequal rows, every recurrence in both directions",
        "refseq.networks.stacked, refseq.targets.base",
        (),
    ),
    "rows alone": (
        "schedules",
        "a row of a batch is that row alone at its own length; gradients of parameters add up",
        "4 rows of 5, 0, 2 and 4 steps, every recurrence",
        "refseq.scan",
        (),
    ),
    "pieces of time": (
        "schedules",
        "a sequence cut in two, state and its cotangent handed on, is the whole; gradients of parameters add up",
        "T = 5, every cut, every recurrence",
        "refseq.layer",
        (),
    ),
    "reverse direction": (
        "schedules",
        "the reverse direction is the forward one on rows that are reversed at their own length",
        "4 rows of 5, 0, 2 and 4 steps, every recurrence",
        "refseq.scan.time_index",
        (),
    ),
    "stack": (
        "schedules",
        "a layer of two is a stack of two layers of one",
        "both directions, T = 5, every recurrence whose layers can be stacked",
        "refseq.stack, refseq.networks.stacked",
        (),
    ),
    "truncated": (
        "algorithms",
        "BPTT(k1, k2) with k2 >= T is BPTT, for windows of any length k1",
        "k1 = 1 to 5, every recurrence",
        "refseq.gradients.truncated_gradients",
        ("L4.2",),
    ),
    "double sum": (
        "algorithms",
        "BPTT is the double sum over losses and times",
        "T = 5, unequal rows, every recurrence",
        "refseq.gradients.double_sum_gradients",
        ("L4.1",),
    ),
    "rtrl": (
        "algorithms",
        "real-time recurrent learning gives the parameters' gradients of BPTT",
        "T = 5, unequal rows, every recurrence",
        "refseq.gradients.rtrl_gradients",
        (),
    ),
    "chain tree": (
        "algorithms",
        "a tree that is a chain is the recurrent net, forward and backward",
        "6 nodes, recursive against elman, tree_lstm against lstm",
        "refseq.tree_layer, tree_scan against refseq.layer, scan",
        ("L4.15",),
    ),
    "merged matrix": (
        "algorithms",
        "one matrix for [h; x], taken apart again, is two matrices",
        "every recurrence that has W_hh and W_hx",
        "refseq.forms",
        ("L3.2",),
    ),
}
"""Name -> module, statement, scope, code, sources; the proof is the module's function of this name."""
