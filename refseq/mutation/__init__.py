"""Mutation gate: does anything notice when refseq's own source is wrong?

Every mutant is one small wrong edit of a cell, of the step, of the scan or of another module that computes. It is run
in plain Python on small problems, and questions of the kind that the checks and tests ask must kill it. One that
survives is a hole in the checks, or a reviewed equivalent (``equivalents.toml``). ``refseq mutate`` runs it;
docs/mutation.md says more.
"""

from refseq.mutation.equivalents import Equivalents, load
from refseq.mutation.operators import OPERATORS
from refseq.mutation.report import Report, Request, run

__all__ = ["OPERATORS", "Equivalents", "Report", "Request", "load", "run"]
