"""The checker, weakened on purpose: each edit makes it blind to something, and the tests named beside it notice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Weakening:
    """In this module of refseq.checks ``old``, which stands there once, becomes ``new``. ``tests`` turn red."""

    module: str
    old: str
    new: str
    tests: tuple[str, ...] = ()


WEAKENINGS: dict[str, Weakening] = {
    "the threshold is a million times larger": Weakening("budget", "THRESHOLD = 16.0", "THRESHOLD = 16.0e6"),
    "the budget is a thousand times larger": Weakening(
        "budget", "scaled = deviation / np.where", "scaled = 1000 * deviation / np.where"
    ),
    "the spread is taken around 0, so that an error widens its own budget": Weakening(
        "budget", "deviation = values - values.mean(axis=-1, keepdims=True)", "deviation = values"
    ),
    "ill-conditioned problems are judged": Weakening("budget", "BLIND = 0.01", "BLIND = float('inf')"),
    "a comparison with NaN passes": Weakening(
        "compare", "bad = ~(size <= THRESHOLD)  # NaN is bad", "bad = size > THRESHOLD"
    ),
    "0/0 sigma stays NaN": Weakening("compare", "return np.where(np.isnan(size), np.inf, size)", "return size"),
    "NaN is no error": Weakening(
        "exact",
        "return np.where(np.isfinite(candidate), difference, np.inf)",
        "return np.nan_to_num(difference, posinf=0.0)",
    ),
    "the first tensor is not compared": Weakening(
        "compare", "for name, candidate in tensors.items():", "for name, candidate in list(tensors.items())[1:]:"
    ),
    "one entry of a block may be wrong": Weakening("compare", "if not len(wrong):", "if len(wrong) < 2:"),
    "the true value is the candidate's own": Weakening(
        "exact", "(candidate.astype(np.float64) - self.high)", "(candidate.astype(np.float64) * 0)"
    ),
    "the oracle does not check itself": Weakening("exact", "if not derivative.overlaps(total):", "if False:"),
    "wide enclosures are taken for values": Weakening(
        "exact", "return bool(radius <= RELATIVE * abs(ball.mid())) or", "return True or"
    ),
    "the negative control is removed": Weakening(
        "accuracy",
        "return Answer((), tuple(worst), sensitivity(check, problem, tensors, absolute))",
        "return Answer((), tuple(worst))",
    ),
    "what the negative control does not see is forgotten": Weakening(
        "control", "if not seen(name, planted):", "if False:"
    ),
    "the finite field compares nothing": Weakening("own", "if not transposed(values):", "if False:"),
    "the finite field leaves out the states": Weakening(
        "own", "+ sum(_tangents(out.state[key], dstate[key]) for key in dstate)", ""
    ),
    "the agreement of targets is not looked at": Weakening(
        "own", "error = np.abs(value.astype(np.float64) - ours[name])", "error = 0 * np.abs(value)"
    ),
    "structures: the finite field finds nothing": Weakening(
        "structures", "return [] if holds", "return [] if True or holds"
    ),
    "structures: no number is no error": Weakening(
        "structures", "np.where(np.isfinite(array), ratio, np.inf)", "np.where(np.isfinite(array), ratio, 0.0)"
    ),
    "the adjoint is always right": Weakening("directional", "if together is None:", "if True:"),
    "the differences are always right": Weakening("directional", "if not size <= THRESHOLD:", "if False:"),
    "lengths are never unequal": Weakening(
        "problem", "return np.array([(steps, 0, steps // 2", "return np.array([(steps,) * 5 or (steps, 0, steps // 2"
    ),
    "initial states are zero": Weakening(
        "problem", '"generic": Regime(_normal),', '"generic": Regime(_normal, states=0.0),'
    ),
    "cotangents are uniform": Weakening(
        "problem",
        "numbers((steps, rows, layer.outputs), drawn.signals),",
        "0 * numbers((steps, rows, layer.outputs), drawn.signals) + 1,",
    ),
    "properties find nothing": Weakening(
        "properties.claim", "findings += [claim] if isinstance(claim, Finding) else judge(name, problem, claim)", "pass"
    ),
    "an undecided check is a pass": Weakening(
        "check", "verdict, reason = UNDECIDED, str(doubt)", "verdict, reason = PASS, str(doubt)"
    ),
    "what raises is passed over": Weakening("check", "verdict = FAIL\n", "verdict = PASS\n"),
    "one pass is enough": Weakening(
        "verdict", "for verdict in (FAIL, UNDECIDED, PASS)", "for verdict in (PASS, FAIL, UNDECIDED)"
    ),
    "changed arguments are not noticed": Weakening(
        "subject", 'raise Misbehaviour(name, f"the argument {name} was modified")', "pass"
    ),
    "another dtype is not noticed": Weakening(
        "subject", 'if value.dtype.newbyteorder("=") != problem.dtype:', "if False:"
    ),
    "results may be views of arguments": Weakening(
        "subject", "if any(np.shares_memory", "if False and any(np.shares_memory"
    ),
    "a problem is dropped": Weakening("suite", 'judgeable(9, 3, "sparse"),', ""),
}
"""Every weakening by what it does."""
