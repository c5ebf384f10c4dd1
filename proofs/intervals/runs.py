"""Theorems about runs with given weights: certified steps, and norms that prove that gradients vanish."""

import numpy as np
from flint import arb

import refseq
from proofs.intervals.certificate import Certificate, certify
from proofs.intervals.examples import balls
from proofs.intervals.norm import norm_at_least, norm_at_most, verified_gamma, verified_norm
from proofs.theorem import Answer, Proved, Refuted, Undecided
from refseq.dynamics.bounds import gamma_bound
from refseq.fields.ball import precision
from refseq.gradients.steps import Steps
from refseq.layer import Layer

INPUTS, UNITS, ROWS = 2, 3, 1


def _drawn(over: Layer, seed: int, steps: int) -> tuple[dict[str, np.ndarray], np.ndarray, dict[str, np.ndarray]]:
    """Parameters, inputs and initial states without a zero."""
    rng = np.random.default_rng(seed)
    params = {name: rng.normal(size=shape) / np.sqrt(UNITS) for name, shape in over.shapes.items()}
    state = {name: rng.normal(size=over.state_shape(ROWS, name)) for name in over.states}
    return params, rng.normal(size=(steps, ROWS, INPUTS)), state


def _orbit(over: Layer, params: dict, x: np.ndarray, state: dict) -> dict[str, np.ndarray]:
    """The states that the plain interpreter goes through on floats, each (T+1, L, B, H)."""
    objects = [{name: value.astype(object) for name, value in arrays.items()} for arrays in (params, state)]
    steps = Steps(over, objects[0], x.astype(object), objects[1], None, "reference", None, "an orbit")
    split = [steps.vector.split(s) for s in steps.s]
    return {name: np.array([s[name] for s in split], float) for name in over.states}


def certified(name: str, steps: int, planted: bool = False) -> tuple[Certificate, Layer, dict]:
    """The certificate of a run; ``planted``: one entry of one state in the middle is off by a relative 2^-40."""
    over = refseq.layer(name, INPUTS, UNITS)
    params, x, state = _drawn(over, 0, steps)
    states = _orbit(over, params, x, state)
    if planted:
        states[over.states[-1]][steps // 2, 0, 0, 1] *= 1 + 2.0**-40
    return certify(over, params, x, states), over, params


def local(name: str, steps: int, planted: bool = False) -> Answer:
    """Every step of a float64 run is within what rounding may do."""
    certificate, _, _ = certified(name, 40 if planted else steps, planted)
    if certificate.holds:
        return Proved(f"{steps} steps, at most {certificate.ratio:.2f} of the bound")
    state, t, *_ = certificate.worst
    return Refuted(
        f"{name}: every step is within its bound", f"{state} at step {t}: {certificate.ratio:.3g} times the bound"
    )


def contracting(steps: int, planted: bool = False) -> Answer:
    """A whole float64 run of an Elman network with ||W_hh|| < 1 is near the exact one, however long. Planted: of one
    whose norm is not less than 1, it is claimed that it contracts."""
    over = refseq.layer("elman", INPUTS, UNITS)
    params, x, state = _drawn(over, 1, 40 if planted else steps)
    W = params["W_hh"][0]
    params["W_hh"] = (W * ((1.1 if planted else 0.9) / np.linalg.norm(W, 2)))[None]
    with precision(128):
        gamma = verified_gamma(params["W_hh"], "tanh")
        low = verified_norm(params["W_hh"][0]).low
    if low >= 1:
        return Refuted("||W_hh|| < 1", f"it is at least {low:.6g}")
    certificate = certify(over, params, x, _orbit(over, params, x, state))
    if not (certificate.holds and gamma < 1):
        return Undecided(f"gamma {gamma}, {certificate.ratio} of the bound")
    drift = float(np.max(certificate.drift(gamma)))
    return Proved(f"{steps} steps, gamma {gamma:.6f}: never further than {drift:.2g} from the exact run")


def vanishing(planted: bool = False) -> Answer:
    """||d h_t / d h_k|| <= gamma^(t-k) along a run over balls, for all k < t <= 8, gamma = ||W_hh|| verified and below
    1. Planted: half of that gamma."""
    over = refseq.layer("elman", INPUTS, UNITS)
    params, x, state = _drawn(over, 2, 8)
    params["W_hh"] *= 0.9 / np.linalg.norm(params["W_hh"][0], 2)
    params["W_hx"] *= 0.1
    state = {name: 0.1 * value for name, value in state.items()}
    x *= 0.1
    with precision(128):
        gamma = arb(verified_gamma(params["W_hh"], "tanh")) / (2 if planted else 1)
        numbers, states = ({key: balls(value) for key, value in arrays.items()} for arrays in (params, state))
        steps = Steps(over, numbers, balls(x), states, None, "reference", None, "a proof")
        jacobians = steps.jacobians()[:, 0]
        for k in range(len(jacobians)):
            product = np.array(balls(np.eye(UNITS)))
            for t in range(k, len(jacobians)):
                product = jacobians[t] @ product
                bound = gamma ** (t + 1 - k)
                if norm_at_least(product) > bound:
                    return Refuted(
                        f"||d h_{t + 1} / d h_{k}|| <= gamma^{t + 1 - k}", f"{norm_at_least(product)} > {bound}"
                    )
                if not norm_at_most(product, bound):
                    return Undecided(f"||d h_{t + 1} / d h_{k}|| <= gamma^{t + 1 - k} is not shown")
    count = len(jacobians) * (len(jacobians) + 1) // 2
    return Proved(f"{count} products, gamma {float(gamma):.6f}")


def bounds(planted: bool = False) -> Answer:
    """What ``refseq.dynamics.gamma_bound`` gives out is above the norm, as verified, and by 1e-10 at most. Planted: the
    norm itself lowered by 1e-9."""
    count = 0
    with precision(192):
        for size in (1, 2, 3, 5, 8):
            for scale in (1e-200, 1e-3, 1.0, 1e3):
                matrix = scale * np.random.default_rng([size]).normal(size=(size, size))
                value = gamma_bound(matrix, "tanh").value * (1 - 1e-9 if planted else 1)
                if not norm_at_most(balls(matrix), value):
                    low = norm_at_least(balls(matrix))
                    if low > value:
                        return Refuted("||W|| < gamma_bound", f"n = {size}, scale {scale}: {low} and {value}")
                    return Undecided(f"n = {size}, scale {scale}: {value} is not shown to be a bound")
                if not arb(value) <= norm_at_least(balls(matrix)) * (1 + arb("1e-10")):
                    return Undecided(f"n = {size}, scale {scale}: {value} is further above the norm than 1e-10")
                count += 1
    return Proved(f"{count} matrices")
