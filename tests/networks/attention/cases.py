"""Attentions, random arguments, a textbook, and torch's autograd, which the tests of attention share."""

import numpy as np

import refseq
from refseq.checks.structures import of_attention

TQ, TK, B, V = 5, 7, 4, 3
LENGTHS = np.array([7, 0, 5, 3])
QUERY_LENGTHS = np.array([5, 5, 0, 2])
ATTENTIONS = [
    refseq.attention("additive", 4, 5, units=6),
    refseq.attention("dot", 4, 4),
    refseq.attention("scaled_dot", 4, 4),
    refseq.attention("general", 4, 5),
    refseq.attention("additive", 4, 5, units=18, causal=True),
    refseq.attention("scaled_dot", 4, 4, causal=True),
]


def mask():
    """Keys left out in three rows, all of them in the last one."""
    keep = np.random.default_rng(7).random((TK, B)) < 0.6
    keep[:, 0] = True
    keep[:, 3] = False
    return keep


WHO = {
    "all": {},
    "lengths": {"lengths": LENGTHS},
    "mask": {"mask": mask()},
    "everything": {"lengths": LENGTHS, "mask": mask(), "query_lengths": QUERY_LENGTHS},
}


def drawn(attention, dtype="float64", seed=0, sizes=(TQ, TK, B, V)):
    """Parameters, queries, keys and values by name; cotangents of y and weights."""
    tq, tk, rows, size = sizes
    rng = np.random.default_rng(seed)
    shapes = dict(attention.shapes) | {
        "queries": (tq, rows, attention.queries),
        "keys": (tk, rows, attention.keys),
        "values": (tk, rows, size),
    }
    values = {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}
    cotangents = {"y": rng.normal(size=(tq, rows, size)).astype(dtype)}
    if not attention.streaming:
        cotangents["weights"] = rng.normal(size=(tq, rows, tk)).astype(dtype)
    return values, cotangents


def results(attention, values, cotangents, target="cpu", **who):
    """Everything by name."""
    return of_attention(attention, **who).everything(values, {}, cotangents, target)


def visible(causal, lengths=None, mask=None, query_lengths=None, sizes=(TQ, TK, B)):
    """seen[i, b, j]: query i of row b sees key j."""
    tq, tk, rows = sizes
    seen = np.ones((tq, rows, tk), bool)
    if lengths is not None:
        seen &= np.arange(tk)[None, None] < lengths[None, :, None]
    if mask is not None:
        seen &= mask.T[None]
    if query_lengths is not None:
        seen &= np.arange(tq)[:, None, None] < query_lengths[None, :, None]
    if causal:
        seen &= np.arange(tk)[None, None] <= np.arange(tq)[:, None, None]
    return seen


def textbook(attention, values, seen):
    """y and weights by loops over queries and keys, in double precision."""
    given = {name: np.asarray(value, np.float64) for name, value in values.items()}
    queries, keys, read = (given[name] for name in ("queries", "keys", "values"))
    y, weights = np.zeros((*queries.shape[:2], read.shape[2])), np.zeros(seen.shape)
    for i, b in np.ndindex(queries.shape[:2]):
        places = np.flatnonzero(seen[i, b])
        if not len(places):
            continue
        s = np.array([score(attention, given, queries[i, b], keys[j, b]) for j in places])
        p = np.exp(s - s.max())
        weights[i, b, places] = p / p.sum()
        y[i, b] = sum(weights[i, b, j] * read[j, b] for j in places)
    return y, weights


def score(attention, given, q, k):
    if attention.score == "additive":
        return given["v"] @ np.tanh(given["W_q"] @ q + given["W_k"] @ k)
    if attention.score == "general":
        return q @ given["W_qk"] @ k
    return q @ k / (np.sqrt(len(q)) if attention.score == "scaled_dot" else 1.0)


def torch_results(torch, attention, values, cotangents, seen):
    """Everything by name, by autograd; no row may be without keys."""
    given = {name: torch.tensor(value, requires_grad=True) for name, value in values.items()}
    q, k = given["queries"].transpose(0, 1), given["keys"].transpose(0, 1)
    if attention.score == "additive":
        inner = (q @ given["W_q"].T)[:, :, None] + (k @ given["W_k"].T)[:, None]
        s = torch.tanh(inner) @ given["v"]
    elif attention.score == "general":
        s = q @ given["W_qk"] @ k.transpose(1, 2)
    else:
        s = q @ k.transpose(1, 2) / (attention.queries**0.5 if attention.score == "scaled_dot" else 1.0)
    weights = torch.softmax(s.masked_fill(~torch.tensor(seen).transpose(0, 1), -torch.inf), dim=2)
    y = (weights @ given["values"].transpose(0, 1)).transpose(0, 1)
    weights = weights.transpose(0, 1)
    total = (y * torch.tensor(cotangents["y"])).sum()
    if "weights" in cotangents:
        total = total + (weights * torch.tensor(cotangents["weights"])).sum()
    total.backward()
    found = {f"d{name}": value.grad.numpy() for name, value in given.items()}
    return {"y": y.detach().numpy(), "weights": weights.detach().numpy()} | found
