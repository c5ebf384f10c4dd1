"""Losses of others, judged: values and gradients against rigorous enclosures, and what a wrong gradient is instead.

report = refseq.checks.losses.verify(implementation, dtype="float64")

implementation   what is judged: ``LossImplementation``; refseq's own in that shape
dialects         what else a gradient may be: of another argument, of another sign, scaled
suite            the checks, on every problem
"""

from refseq.checks.losses.implementation import LossImplementation, OwnCTC
from refseq.checks.losses.suite import verify

__all__ = ["LossImplementation", "OwnCTC", "verify"]
