"""An implementation is held to the protocol: every violation becomes a finding that says what was wrong."""

import numpy as np
import pytest

import refseq
from refseq.checks import NotOffered, OwnImplementation, verify
from refseq.checks.subject import Misbehaviour, Subject
from refseq.checks.verdict import FAIL, NOT_OFFERED
from tests.examples import everything, example, same

LAYER = refseq.layer("lstm", 3, 4)


class Foreign:
    """refseq's layer in disguise, with a function that spoils what it returns or what it was given."""

    name = "foreign"

    def __init__(self, forward=None, vjp=None):
        self.after = {"forward": forward, "vjp": vjp}

    def forward(self, *arguments):
        return self._spoiled("forward", arguments)

    def vjp(self, *arguments):
        return self._spoiled("vjp", arguments)

    def _spoiled(self, what, arguments):
        result = getattr(OwnImplementation(LAYER), what)(*arguments)
        return self.after[what](result, *arguments) if self.after[what] else result


def writing(place):
    """Write to one of the arguments: params, x, state, lengths, dy, dstate."""

    def after(result, *arguments):
        array = arguments[place[0]]
        for key in place[1:]:
            array = array[key]
        array.reshape(-1)[0] += 1
        return result

    return after


def raising(result, *arguments):
    raise RuntimeError("no kernel image is available")


def forgetful(result, params, *arguments):
    params.pop("b_h")
    return result


def crowded(result, params, *arguments):
    params["scratch"] = np.zeros(3)
    return result


def replaced(result, params, *arguments):
    params["b_h"] = params["b_h"].tolist()
    return result


FORWARD = [
    (lambda r, *_: (r[0][:-1], r[1]), "y", ["(6, 5, 4)", "(5, 5, 4)"]),
    (lambda r, *_: (r[0].astype("float32"), r[1]), "y", ["float64", "float32"]),
    (lambda r, *_: (r[0].tolist(), r[1]), "y", ["numpy array", "list"]),
    (lambda r, *_: (np.ma.masked_less(r[0], 0), r[1]), "y", ["numpy array", "MaskedArray"]),
    (lambda r, *_: (None, r[1]), "y", ["numpy array", "NoneType"]),
    (lambda r, *_: (r[0], {"h": r[1]["h"]}), "names", ["state[c]"]),
    (lambda r, *_: (r[0], {**r[1], "n": r[0]}), "names", ["state[n]"]),
    (lambda r, *_: (r[0], {"h": r[1]["h"][0], "c": r[1]["c"]}), "state[h]", ["(1, 5, 4)", "(5, 4)"]),
    (lambda r, *_: (r[0], (r[1]["h"], r[1]["c"])), "final state", ["dict", "tuple"]),
    (lambda r, *_: (r[0], {0: r[1]["h"], 1: r[1]["c"]}), "final state", ["names as keys", "[0, 1]"]),
    (lambda r, *_: r[0], "forward", ["tuple of 2", "ndarray"]),
    (lambda r, *_: (*r, None), "forward", ["tuple of 2"]),
    (lambda r, params, x, state, lengths: (r[0], {**r[1], "c": state["c"]}), "state[c]", ["shares memory"]),
    (writing((0, "W_hh")), "params['W_hh']", ["modified"]),
    (writing((1,)), "x", ["modified"]),
    (writing((2, "c")), "state['c']", ["modified"]),
    (writing((3,)), "lengths", ["modified"]),
    (forgetful, "names", ["modified", "b_h"]),
    (crowded, "names", ["modified", "scratch"]),
    (replaced, "params['b_h']", ["modified"]),
    (raising, "forward", ["raised RuntimeError", "no kernel image"]),
]
VJP = [
    (lambda r, *_: (r[0], r[1].swapaxes(0, 1), r[2]), "dx", ["(6, 5, 3)", "(5, 6, 3)"]),
    (lambda r, *_: ({k: v for k, v in r[0].items() if k != "b_h"}, *r[1:]), "names", ["db_h"]),
    (lambda r, *_: ({**r[0], "b_h": r[0]["b_h"].reshape(-1)}, *r[1:]), "db_h", ["(4, 4)", "(16,)"]),
    (lambda r, *_: (list(r[0].values()), *r[1:]), "dparams", ["dict", "list"]),
    (lambda r, *_: ({1: r[0]["b_h"]}, *r[1:]), "dparams", ["names as keys"]),
    (lambda r, *_: (r[0], r[1], None), "dstate", ["dict", "NoneType"]),
    (lambda r, *_: r[:2], "vjp", ["tuple of 3"]),
    (lambda r, p, x, s, n, dy, dstate: (r[0], r[1], {**r[2], "h": dstate["h"]}), "dstate[h]", ["shares memory"]),
    (writing((4,)), "dy", ["modified"]),
    (writing((5, "h")), "dstate['h']", ["modified"]),
    (writing((0, "W_hx")), "params['W_hx']", ["modified"]),
    (raising, "vjp", ["raised RuntimeError", "no kernel image"]),
]


@pytest.mark.parametrize(
    ("what", "spoil", "tensor", "words"),
    [("forward", *row) for row in FORWARD] + [("vjp", *row) for row in VJP],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_a_violation_of_the_protocol_is_told(what, spoil, tensor, words):
    problem = example(LAYER)
    before = everything(problem)
    with pytest.raises(Misbehaviour) as caught:
        getattr(Subject(Foreign(**{what: spoil}), LAYER), what)(problem)
    assert caught.value.tensor == tensor
    assert [word for word in words if word not in caught.value.message] == []
    assert same(everything(problem), before)  # the problem itself is unharmed


@pytest.mark.parametrize("spoil", [FORWARD[0][0], FORWARD[6][0], FORWARD[14][0], raising], ids=range(4))
def test_a_violation_is_a_finding_of_the_report(spoil):
    report = verify(Foreign(forward=spoil), LAYER, quick=True)
    assert report.verdict == FAIL
    assert report.findings


def test_what_is_right_comes_through():
    problem = example(LAYER)
    assert same(Subject(Foreign(), LAYER).everything(problem), everything(problem))


def refuse(result, *arguments):
    raise NotOffered("no gradients")


def test_what_is_not_offered_is_not_a_pass():
    problem = example(LAYER)
    subject = Subject(Foreign(vjp=refuse), LAYER)
    assert set(subject.everything(problem)) == {"y", "state[h]", "state[c]"}
    with pytest.raises(NotOffered, match="no gradients"):
        subject.vjp(problem)
    silent = verify(Foreign(forward=refuse, vjp=refuse), LAYER, quick=True)
    assert silent.verdict == NOT_OFFERED
    assert any("no gradients" in reason for reason in silent.reasons)


def test_an_unknown_declaration_is_refused():
    foreign = Foreign()
    foreign.activations = "approximate"
    with pytest.raises(ValueError, match=r"activations: expected 'relative' or 'absolute', got 'approximate'"):
        Subject(foreign, LAYER)
