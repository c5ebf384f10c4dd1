"""layer.bind(params): the bits of layer.forward, the same errors, parameters of its own, threads, pickle."""

import copy
import pickle
import threading

import numpy as np
import pytest

import refseq
from refseq.checks.problem import draw
from tests.variants import KINDS, label, layer

LSTM = layer(("lstm", {}), 5, 7)


def problem(stack=LSTM, steps=6, rows=3, padded=False):
    return draw(stack, "float64", steps, rows, padded=padded)


def same(one, other):
    assert one.y.tobytes() == other.y.tobytes()
    assert {name: value.tobytes() for name, value in one.state.items()} == {
        name: value.tobytes() for name, value in other.state.items()
    }
    assert one.info == other.info
    assert one.layer == other.layer


@pytest.mark.parametrize("shape", [{}, {"layers": 2, "bidirectional": True}])
@pytest.mark.parametrize("variant", KINDS, ids=label)
def test_it_is_forward(variant, shape):
    given = problem(layer(variant, 5, 7, **shape), padded=True)
    bound = given.layer.bind(given.params)
    more = {"masks": given.masks} if given.masks else {}
    for _ in range(2):
        for lengths, state in ((given.lengths, given.state), (None, given.state), (None, None)):
            ours = bound.forward(given.x, state, lengths, **more)
            same(ours, given.layer.forward(given.params, given.x, state, lengths, gradient=False, **more))


def test_many_shapes_in_turn():
    """More than are kept."""
    bound = LSTM.bind(problem().params)
    for _ in range(2):
        for rows in range(12):
            given = problem(rows=rows)
            same(bound.forward(given.x), LSTM.forward(bound._params, given.x, gradient=False))


def test_parameters_are_its_own():
    given = problem()
    params = {name: value.copy() for name, value in given.params.items()}
    bound = LSTM.bind(params)
    expected = bound.forward(given.x, given.state)
    for value in params.values():
        value.fill(np.nan)
    same(bound.forward(given.x, given.state), expected)
    same(bound.forward(given.x, given.state, [6, 6, 6]), expected)
    same(bound.forward(given.x[:, :2], None), LSTM.forward(given.params, given.x[:, :2]))


def test_results_are_the_callers():
    given = problem()
    bound = LSTM.bind(given.params)
    first = bound.forward(given.x)
    kept = first.y.copy()
    first.y.fill(0)
    again = bound.forward(given.x)
    bound.forward(given.x + 1)
    assert np.array_equal(again.y, kept)


def test_errors():
    given = problem()
    bound = LSTM.bind(given.params)
    with pytest.raises(ValueError, match=r"params: expected the keys"):
        LSTM.bind({})
    with pytest.raises(ValueError, match=r"params\['b_h'\]: expected numbers, got NaN"):
        LSTM.bind(given.params | {"b_h": np.full((4, 7), np.nan)})
    with pytest.raises(TypeError, match=r"params: expected one dtype"):
        LSTM.bind(given.params | {"b_h": np.zeros((4, 7), "float32")})
    with pytest.raises(ValueError, match=r"x: expected shape"):
        bound.forward(given.x[..., :4])
    with pytest.raises(TypeError, match=r"x: expected dtype float64 like the other arrays, got float32"):
        bound.forward(given.x.astype("float32"))
    with pytest.raises(ValueError, match=r"state\['c'\]: expected shape"):
        bound.forward(given.x, given.state | {"c": np.zeros((1, 3, 6))})
    run = bound.forward(given.x)
    with pytest.raises(ValueError, match=r"run: expected one that kept what backward needs"):
        LSTM.backward(run)
    same(bound.forward(given.x), run)


def test_python_threads_do_not_disturb_one_another():
    given = [problem(rows=3) for _ in range(4)]
    given = [each.x + k for k, each in enumerate(given)]
    bound = LSTM.bind(problem().params)
    expected, wrong = [bound.forward(x).y for x in given], []

    def work(k):
        for _ in range(200):
            if not np.array_equal(bound.forward(given[k]).y, expected[k]):
                wrong.append(k)

    workers = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert wrong == []


def test_copies_and_words():
    given = problem()
    bound = LSTM.bind(given.params)
    expected = bound.forward(given.x)
    for other in (pickle.loads(pickle.dumps(bound)), copy.deepcopy(bound)):
        same(other.forward(given.x), expected)
    assert repr(bound) == "lstm 5->7 with parameters"
    assert isinstance(bound, refseq.Bound)
