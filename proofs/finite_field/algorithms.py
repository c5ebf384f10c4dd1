"""Other algorithms, and other layouts, for the same gradient."""

from dataclasses import replace

import numpy as np

import refseq
from proofs.finite_field.case import Case, equal, every_case, gradients, named, residues
from proofs.theorem import Answer
from refseq import forms, trees
from refseq.gradients import double_sum_gradients, rtrl_gradients, truncated_gradients


def truncated(planted: bool = False) -> Answer:
    """Windows that reach back to the beginning."""
    pairs = []
    for name, case in every_case():
        _, grads = case.run()
        for k1 in range(1, 6):
            given = (case.layer, *case.given, *case.asked)
            found = truncated_gradients(*given, k1=k1, k2=5 + k1, target="reference")
            pairs.append((f"{name}, k1 = {k1}", gradients(grads), gradients(found)))
    return equal(pairs, planted)


def double_sum(planted: bool = False) -> Answer:
    """Term by term."""
    pairs = []
    for name, case in every_case():
        found = double_sum_gradients(case.layer, *case.given, *case.asked)
        pairs.append((name, gradients(case.run()[1]), gradients(found)))
    return equal(pairs, planted)


def rtrl(planted: bool = False) -> Answer:
    """Forward in time."""
    pairs = []
    for name, case in every_case():
        params, state = rtrl_gradients(case.layer, *case.given, *case.asked, target="reference")
        grads = case.run()[1]
        pairs.append((name, grads.params | grads.state, params | state))
    return equal(pairs, planted)


def chain_tree(planted: bool = False) -> Answer:
    """A leaf whose state is given, and five inputs above it."""
    pairs = []
    for name, recurrent in (("recursive", "elman"), ("tree_lstm", "lstm")):
        layer, rng = refseq.tree_layer(name, 2, 3, arity=1), np.random.default_rng(12)
        case = Case.draw(refseq.layer(recurrent, 2, 3), 5, 1, padded=False)
        run, grads = case.run()
        nothing, leaf = residues(rng, 1, 2) * 0, residues(rng, 5, 3) * 0
        x, dy = np.concatenate([nothing, case.x[:, 0]]), np.concatenate([leaf[:1], case.dy[:, 0]])
        state = {key: value[:, 0] for key, value in case.state.items()}
        found = layer.forward(case.params, x, trees.chain(6), state, "reference")
        above = {key: np.concatenate([leaf, value[:, 0]]) for key, value in case.dstate.items()}
        theirs = layer.backward(found, dy, above)
        assert theirs.x is not None
        assert theirs.state is not None
        mine = {"y": run.y[:, 0], "dx": grads.x[:, 0]} | grads.params
        mine |= {f"dstate[{key}]": value[0] for key, value in grads.state.items()}
        tree = {"y": found.y[1:], "dx": theirs.x[1:]} | theirs.params
        pairs.append((name, mine, tree | {f"dstate[{key}]": value for key, value in theirs.state.items()}))
    return equal(pairs, planted)


def merged_matrix(planted: bool = False) -> Answer:
    """There and back, for weights and for gradients."""
    pairs = []
    for name, case in every_case():
        shapes = [case.params[key].shape[:2] for key in ("W_hh", "W_hx") if key in case.params]
        if len(shapes) < 2 or shapes[0] != shapes[1]:
            continue
        W = forms.merged(case.params["W_hh"], case.params["W_hx"])
        W_hh, W_hx = forms.parted(W, 3)
        other = replace(case, params=case.params | {"W_hh": W_hh, "W_hx": W_hx})
        pairs.append((name, named(*case.run()), named(*other.run())))
    return equal(pairs, planted)
