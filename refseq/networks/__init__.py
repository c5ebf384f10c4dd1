"""Networks built of recurrences: layers stacked on one another in one or two directions; trees; graphs."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Schedule:
    """A way to arrange the steps of recurrences: how it is asked for, what it means, the lectures' ids."""

    name: str
    call: str
    meaning: str
    lectures: tuple[str, ...]


SCHEDULES = (
    Schedule("chain", "layer(name, inputs, units)", "step after step, rows of unequal length (lengths=)", ("L0.1",)),
    Schedule(
        "stacked", "layer(..., layers=2), stack(layer, ...)", "layers on one another", ("L0.2", "L1.5", "L1.10", "L2.6")
    ),
    Schedule(
        "bidirectional",
        'layer(..., bidirectional=True, merge="concat")',
        "from both ends; outputs concatenated, added or averaged",
        ("L0.11", "L1.6"),
    ),
    Schedule("checkpointed", "layer.forward(..., checkpoint=True)", "BPTT in memory O(sqrt T), the same bits", ()),
    Schedule("tree", "tree_layer(name, inputs, units)", "from the leaves to the roots of a forest", ("L4.15",)),
    Schedule("graph", "graph_layer(inputs, units, steps)", "messages along edges renew the nodes", ("L4.17",)),
)
"""Every schedule, for tables."""
