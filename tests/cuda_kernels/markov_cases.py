"""Hidden Markov models, AR(tau) and the selection of beam search on the target "cuda"; run by test_target.py."""

import numpy as np
import pytest

from refseq.decoding import beam, beam_search
from refseq.markov import autoregressive, hmm
from refseq.team import ALONE
from tests.cuda_kernels.callers import floats, mapped, plain
from tests.cuda_kernels.training_cases import both_precisions, launches
from tests.decoding.models import prefix_model, start

LENGTHS = [4, 0, 3]
MODELS = [hmm(3, symbols=4), hmm(2, features=2), hmm(3, symbols=2, sums="direct"), autoregressive(2, 2)]


def everything(model, dtype, target, to=np.copy):
    rng = np.random.default_rng(3)
    params = {name: rng.normal(size=shape).astype(dtype) for name, shape in model.shapes.items()}
    if "transition" in params:
        params["transition"][0, 0] = -np.inf
    discrete = getattr(model, "symbols", 0)
    x = rng.integers(0, discrete, (4, 3)) if discrete else rng.normal(size=(4, 3, 2)).astype(dtype)
    params, x = mapped(to, params), x if discrete else to(x)
    run = model.forward(params, x, LENGTHS, target)
    grads = model.backward(run)
    found = {"value": run.log_likelihood}
    if isinstance(grads, tuple):
        return found | grads[0] | {"x": grads[1]}
    path, value = model.viterbi(params, x, LENGTHS, target)
    return found | grads.params | {"states": grads.posteriors, "path": path.astype(dtype), "best": value}


@both_precisions
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_it_agrees_with_the_reference(model, dtype):
    ours, theirs = everything(model, dtype, "cuda"), everything(model, dtype, "reference", plain)
    bound = 64 * float(np.finfo(dtype).eps)
    for name, value in ours.items():
        assert value.dtype == dtype
        np.testing.assert_allclose(value, floats(theirs[name]), rtol=bound, atol=bound, err_msg=name)


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_a_launch_changes_no_bit(model, monkeypatch):
    want = everything(model, "float32", "cuda")
    for _ in launches(monkeypatch):
        for name, value in everything(model, "float32", "cuda").items():
            assert value.tobytes() == want[name].tobytes(), name


def interpreted(build, options, rows, inputs, outputs, scratch, **_):
    """``refseq.rowwise.run_rows`` as Python runs it."""
    row = build(*options, ALONE)
    for b in range(rows):
        row(b, *inputs, *outputs, *scratch)


def test_beam_search(monkeypatch):
    given = {"width": 3, "cap": 3, "stop": 1, "best": 3}
    first = np.array([0, 1])
    with monkeypatch.context() as patch:
        patch.setattr(beam, "run_rows", interpreted)
        want = beam_search(prefix_model(2, 5), start(2), first, **given)
    for _ in launches(monkeypatch):
        found = beam_search(prefix_model(2, 5), start(2), first, target="cuda", **given)
        assert found.tokens.tolist() == want.tokens.tolist()
        assert found.scores.tobytes() == want.scores.tobytes()
