"""The conformance suite: judge anybody's implementation of a layer.

report = refseq.checks.verify(implementation, layer, dtype="float64")
report.verdict, report.findings
"""

from refseq.checks.gradient import gradient
from refseq.checks.implementation import Implementation, NotOffered, OwnImplementation
from refseq.checks.suite import CHECKS, parametrize_with_checks, verify
from refseq.checks.verdict import Finding, Outcome, Place, Report

__all__ = [
    "CHECKS",
    "Finding",
    "Implementation",
    "NotOffered",
    "Outcome",
    "OwnImplementation",
    "Place",
    "Report",
    "gradient",
    "parametrize_with_checks",
    "verify",
]
