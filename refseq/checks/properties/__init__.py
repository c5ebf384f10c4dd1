"""Properties: what must hold of any recurrent layer, whatever its numbers are.

sequence    time in one direction             directions  two directions, layers on one another
batch       rows of a batch                   padding     rows shorter than the batch
symmetry    units, features, signs, scales    cotangents  linearity of the gradient, its direction in time
memory      calls leave nothing behind        balance     a conservation law for each continuous symmetry
layouts     memory layouts of arguments       limits      closed forms and ranges
gates       gates forced open and shut

Each is a generator of claims about calls of the implementation, which is seen from outside only.
"""

from refseq.checks.check import Check
from refseq.checks.properties import (
    balance,
    batch,
    cotangents,
    directions,
    gates,
    layouts,
    limits,
    memory,
    padding,
    sequence,
    symmetry,
)

THEMES = (sequence, batch, symmetry, memory, layouts, limits, gates, directions, padding, cotangents, balance)

PROPERTIES: tuple[Check, ...] = tuple(
    found for theme in THEMES for found in vars(theme).values() if isinstance(found, Check)
)
"""Every property, theme by theme."""
