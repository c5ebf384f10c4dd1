"""The short way of plain runs: when it is taken, the same bits as the long way, runs that do not touch one another."""

import gc

import numpy as np
import pytest

from refseq.checks.problem import draw
from refseq.engine import direct, ready, workspace
from refseq.engine.target import EngineTarget, forget
from tests.engine.problems import everything, shared_between
from tests.engine.twice import twice
from tests.variants import KINDS, label, layer

LSTM = ("lstm", {})
VARIANTS = [kind for kind in KINDS if not layer(kind, 5, 17).cell.masks] + [("lstm", {"projection": 3})]


def short(run) -> bool:
    return isinstance(run._recording, direct.Recording)


def run_of(problem, **changed):
    given = {"params": problem.params, "x": problem.x, "state": problem.state} | changed
    return problem.layer.forward(**given)


@pytest.fixture
def the_long_way(monkeypatch):
    """Call it: from then on there is no short way."""
    return lambda: monkeypatch.setattr(EngineTarget, "direct", lambda *_: None)


def both_ways(problem, go_long):
    """Results of the first short run, of another, and of the long one."""
    arguments = (problem.params, problem.x, problem.state)

    def results():
        run = problem.layer.forward(*arguments)
        grads = problem.layer.backward(run, problem.dy, problem.dstate)
        only = problem.layer.forward(*arguments, gradient=False)
        return run, [run.y, *run.state.values(), *grads.params.values(), grads.x, *grads.state.values(), only.y]

    (one, first), (_, again) = results(), results()
    go_long()
    other, long = results()
    shared = any(parameter.shared for parameter in problem.layer.cell.parameters)
    assert short(one) == (not shared)
    assert not short(other)
    return first, again, long


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("variant", VARIANTS, ids=label)
def test_both_ways_have_the_same_bits(variant, bias, the_long_way):
    first, again, long = both_ways(draw(layer(variant, 5, 17, bias=bias), "float64", 9, 3, padded=False), the_long_way)
    for ours in (first, again):
        assert [each.tobytes() for each in ours] == [each.tobytes() for each in long]
        assert [each.shape for each in ours] == [each.shape for each in long]
        assert all(each.flags.c_contiguous and each.flags.writeable for each in ours)


def test_gradients_that_are_sums_of_several(the_long_way):
    first, _, long = both_ways(draw(twice(5, 17), "float64", 9, 3, padded=False), the_long_way)
    assert [each.tobytes() for each in first] == [each.tobytes() for each in long]


def test_threads(monkeypatch):
    problem = draw(layer(LSTM, 5, 17), "float64", 9, 3, padded=False)
    run, alone = run_of(problem), everything(problem)
    with shared_between(3, monkeypatch):
        shared = run_of(problem)
        assert short(shared)
        assert shared.y.tobytes() == run.y.tobytes()
        assert problem.layer.backward(shared, problem.dy, problem.dstate).x.tobytes() == alone["dx"].tobytes()


def test_threads_share_long_copies(monkeypatch, the_long_way):
    problem = draw(layer(("lstm_peephole", {}), 251, 73), "float64", 90, 3, padded=False)
    assert problem.params["W_hx"].size > ready.WORTH_A_THREAD < problem.x.size
    with shared_between(3, monkeypatch):
        first, again, long = both_ways(problem, the_long_way)
    for ours in (first, again):
        assert [each.tobytes() for each in ours] == [each.tobytes() for each in long]


def test_when_it_is_taken():
    problem = draw(layer(LSTM, 5, 7), "float64", 4, 3, padded=False)
    x, params = problem.x, problem.params
    sealed = x.copy()
    sealed.flags.writeable = False
    assert short(run_of(problem))
    assert short(run_of(problem, state=None))
    for other in (sealed, np.asfortranarray(x), x.astype(">f8"), np.repeat(x, 2, axis=2)[..., ::2]):
        run = run_of(problem, x=other)
        assert not short(run)
        assert run.y.tobytes() == run_of(problem).y.tobytes()
    assert not short(run_of(problem, lengths=[4, 4, 4]))
    assert not short(run_of(problem, checkpoint=2))
    assert not short(run_of(problem, state={"h": problem.state["h"], "c": None}))
    both = draw(layer(LSTM, 5, 7, bidirectional=True), "float64", 4, 3)
    assert not short(run_of(both))
    assert short(layer(LSTM, 5, 7).forward(params, np.zeros((4000, 100, 5))))


@pytest.mark.parametrize(
    ("what", "value", "message"),
    [
        ("params", "nan", r"params\['W_hh'\]: expected numbers, got NaN at \(2, 1, 3\)"),
        ("params", "missing", r"params: expected the keys"),
        ("params", "extra", r"params: expected the keys"),
        ("x", "shape", r"x: expected shape"),
        ("state", "shape", r"state\['h'\]: expected shape"),
        ("state", "extra", r"state: expected the keys"),
    ],
)
def test_errors_are_those_of_the_long_way(what, value, message):
    problem = draw(layer(LSTM, 5, 7), "float64", 4, 3, padded=False)
    run_of(problem)
    changed = getattr(problem, what)
    if value == "nan":
        changed = changed | {"W_hh": changed["W_hh"].copy()}
        changed["W_hh"][2, 1, 3] = np.nan
    elif value == "missing":
        changed = {name: each for name, each in changed.items() if name != "b_h"}
    elif value == "extra":
        changed = changed | {"more": np.zeros(3)}
    else:
        changed = changed | {"h": changed["h"][:, :2]} if what == "state" else changed[..., :4]
    with pytest.raises(ValueError, match=message):
        run_of(problem, **{what: changed})


def test_a_run_remembers_what_it_was_computed_from():
    """Whatever becomes of the caller's arrays, and whatever runs in between."""
    problem = draw(layer(LSTM, 5, 7), "float64", 4, 3, padded=False)
    expected = everything(problem)
    params = {name: value.copy() for name, value in problem.params.items()}
    x, state = problem.x.copy(), {name: value.copy() for name, value in problem.state.items()}
    run = problem.layer.forward(params, x, state)
    others = [problem.layer.forward(params, x + k, state) for k in range(3)]
    for array in (*params.values(), x, *state.values()):
        array.fill(9)
    for other in others:
        problem.layer.backward(other, problem.dy, problem.dstate)
    for _ in range(2):
        grads = problem.layer.backward(run, problem.dy, problem.dstate)
        assert all(grads.params[name].tobytes() == expected[f"d{name}"].tobytes() for name in params)
        assert grads.x.tobytes() == expected["dx"].tobytes()


def test_a_read_only_cotangent():
    problem = draw(layer(LSTM, 5, 7), "float64", 4, 3, padded=False)
    run, dy = run_of(problem), problem.dy.copy()
    expected = problem.layer.backward(run, dy).x
    dy.flags.writeable = False
    assert np.array_equal(problem.layer.backward(run, dy).x, expected)
    turned = np.asfortranarray(dy)
    assert np.array_equal(problem.layer.backward(run, turned).x, expected)


def test_jobs_are_used_again_and_given_up():
    forget()
    gc.collect()
    workspace.free()
    problem = draw(layer(LSTM, 5, 7), "float64", 4, 3, padded=False)
    run = run_of(problem)
    where = run._recording.lease.ready.where
    assert workspace.waiting_bytes() == 0
    del run
    waiting = workspace.waiting_bytes()
    assert waiting > 0
    assert run_of(problem)._recording.lease.ready.where == where
    assert workspace.waiting_bytes() == waiting
    forget()
    gc.collect()
    assert workspace.waiting_bytes() == 0  # nobody can ask for them any more
