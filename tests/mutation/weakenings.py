"""The checker, weakened on purpose: each edit makes it blind to something, and the tests named beside it notice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Weakening:
    """In this module of refseq.checks ``old``, which stands there once, becomes ``new``; one of ``tests`` (a file below
    tests, or a test in it) turns red."""

    module: str
    old: str
    new: str
    tests: str


WEAKENINGS: dict[str, Weakening] = {
    "the threshold is a million times larger": Weakening(
        "budget", "THRESHOLD = 16.0", "THRESHOLD = 16.0e6", "checks/test_compare.py"
    ),
    "the budget is a thousand times larger": Weakening(
        "budget",
        "scaled = deviation / np.where",
        "scaled = 1000 * deviation / np.where",
        "checks/test_control.py::test_the_weakest_plant_that_is_seen_is_small",
    ),
    "the spread is taken around 0, so that an error widens its own budget": Weakening(
        "budget",
        "deviation = values - values.mean(axis=-1, keepdims=True)",
        "deviation = values",
        "checks/test_compare.py",
    ),
    "ill-conditioned problems are judged": Weakening(
        "budget", "BLIND = 0.01", "BLIND = float('inf')", "mutation/test_own_checks.py"
    ),
    "a comparison with NaN passes": Weakening(
        "compare", "bad = ~(size <= THRESHOLD)  # NaN is bad", "bad = size > THRESHOLD", "checks/test_compare.py"
    ),
    "NaN is no error": Weakening(
        "exact",
        "return np.where(np.isfinite(candidate), difference, np.inf)",
        "return np.nan_to_num(difference, posinf=0.0)",
        "checks/test_compare.py",
    ),
    "the first tensor is not compared": Weakening(
        "compare",
        "for name, candidate in tensors.items():",
        "for name, candidate in list(tensors.items())[1:]:",
        "checks/test_compare.py",
    ),
    "one entry of a block may be wrong": Weakening(
        "compare", "if not len(wrong):", "if len(wrong) < 2:", "checks/test_compare.py"
    ),
    "the true value is the candidate's own": Weakening(
        "exact",
        "(candidate.astype(np.float64) - self.high)",
        "(candidate.astype(np.float64) * 0)",
        "checks/test_compare.py",
    ),
    "the oracle does not check itself": Weakening(
        "exact", "if not derivative.overlaps(total):", "if False:", "checks/test_exact.py"
    ),
    "wide enclosures are taken for values": Weakening(
        "exact", "return bool(radius <= RELATIVE * abs(ball.mid())) or", "return True or", "checks/test_exact.py"
    ),
    "the negative control is removed": Weakening(
        "accuracy",
        "return Answer((), tuple(worst), sensitivity(check, problem, tensors, absolute))",
        "return Answer((), tuple(worst))",
        "checks/test_control.py::test_a_tensor_that_is_not_compared_makes_it_undecided",
    ),
    "what the negative control does not see is forgotten": Weakening(
        "control",
        "if not seen(name, planted):",
        "if False:",
        "checks/test_control.py::test_every_kind_of_blindness_is_undecided",
    ),
    "the finite field compares nothing": Weakening(
        "finite_field", "if holds(names):", "if True or holds(names):", "mutation/test_own_checks.py"
    ),
    "the finite field leaves out the states": Weakening(
        "finite_field",
        "return _dot(pushed, cotangents) ==",
        "return _dot({'y': pushed['y']}, cotangents) ==",
        "mutation/test_own_checks.py",
    ),
    "the agreement of targets is not looked at": Weakening(
        "own",
        "error = np.abs(value.astype(np.float64) - ours[name])",
        "error = 0 * np.abs(value)",
        "mutation/test_own_checks.py",
    ),
    "the adjoint is always right": Weakening(
        "directional",
        "if together is None:",
        "if True:",
        "checks/test_directional.py::test_a_relative_error_of_1e_6_in_one_gate_is_seen",
    ),
    "the differences are always right": Weakening(
        "directional",
        "if not size <= THRESHOLD:",
        "if False:",
        "checks/test_directional.py::test_a_relative_error_of_1e_6_in_one_gate_is_seen",
    ),
    "lengths are never unequal": Weakening(
        "problem",
        "return np.array([(steps, 0, steps // 2",
        "return np.array([(steps,) * 5 or (steps, 0, steps // 2",
        "checks/test_problem.py",
    ),
    "initial states are zero": Weakening(
        "problem",
        '"generic": Regime(_normal),',
        '"generic": Regime(_normal, states=0.0),',
        "checks/test_problem.py::test_nothing_is_zero_or_uniform",
    ),
    "cotangents are uniform": Weakening(
        "problem",
        "drawing.signals((steps, rows, layer.outputs)),",
        "0 * drawing.signals((steps, rows, layer.outputs)) + 1,",
        "checks/test_problem.py::test_nothing_is_zero_or_uniform",
    ),
    "properties find nothing": Weakening(
        "properties.claim",
        "findings += [claim] if isinstance(claim, Finding) else judge(name, problem, claim)",
        "pass",
        "checks/properties/test_harness.py::test_a_finding_made_by_the_property_itself_counts",
    ),
    "an undecided check is a pass": Weakening(
        "check",
        "verdict, reason = UNDECIDED, str(doubt)",
        "verdict, reason = PASS, str(doubt)",
        "checks/test_control.py::test_a_tensor_that_is_not_compared_makes_it_undecided",
    ),
    "what raises is passed over": Weakening(
        "check",
        "verdict = FAIL\n",
        "verdict = PASS\n",
        "checks/test_subject.py::test_a_violation_is_a_finding_of_the_report",
    ),
    "one pass is enough": Weakening(
        "verdict",
        "for verdict in (FAIL, UNDECIDED, PASS)",
        "for verdict in (PASS, FAIL, UNDECIDED)",
        "checks/test_verdict.py",
    ),
    "changed arguments are not noticed": Weakening(
        "subject",
        'raise Misbehaviour(name, f"the argument {name} was modified")',
        "pass",
        "checks/test_subject.py::test_a_violation_of_the_protocol_is_told",
    ),
    "another dtype is not noticed": Weakening(
        "subject",
        'if value.dtype.newbyteorder("=") != problem.dtype:',
        "if False:",
        "checks/test_subject.py::test_a_violation_of_the_protocol_is_told",
    ),
    "results may be views of arguments": Weakening(
        "subject",
        "if any(np.shares_memory",
        "if False and any(np.shares_memory",
        "checks/test_subject.py::test_a_violation_of_the_protocol_is_told",
    ),
    "a problem is dropped": Weakening(
        "suite", 'judgeable(9, 3, "sparse"),', "", "checks/test_suite.py::test_quick_leaves_problems_out"
    ),
}
"""Every weakening by what it does."""
