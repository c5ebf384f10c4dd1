"""Decoders that look at a memory: torch's autograd, steps one by one, rows that end."""

import numpy as np
import pytest

import refseq
from refseq.networks.attention import affine
from refseq.relay import Relay
from refseq.seq2seq import attention_decoder
from tests.conftest import framework
from tests.seq2seq.decoder_cases import DECODERS, LENGTHS, MEMORY_LENGTHS, TK, B, T, drawn, every_decoder


def torch_elman(torch, decoder, given, x, memory, state):
    """The outputs of a decoder around an Elman cell, by hand; of all rows at full length."""
    h, a, outputs = state["h"][0], state["feed"][0] if "feed" in state else None, []

    def look(h):
        s = torch.einsum("bd,de,kbe->bk", h, given["attention.W_qk"], memory)
        return torch.einsum("bk,kbe->be", torch.softmax(s, 1), memory)

    def renew(now, fed, h):
        joined = torch.cat([now, fed], 1)
        return torch.tanh(joined @ given["cell.W_hx"][0].T + h @ given["cell.W_hh"][0].T + given["cell.b_h"][0])

    for now in x:
        if a is not None:
            h = renew(now, a, h)
            context = look(h)
        else:
            context = look(h)
            h = renew(now, context, h)
        made = torch.cat([context, h], 1) @ given["combine.W_yh"][0].T + given["combine.b_y"][0]
        outputs.append(torch.tanh(made))
        a = outputs[-1] if a is not None else None
    return torch.stack(outputs)


@every_decoder
def test_torch(query):
    torch = framework("torch")
    inputs = {"current": 2 + 3, "previous": 2 + 6}[query]
    decoder = attention_decoder(refseq.layer("elman", inputs, 4), refseq.attention("general", 4, 6), 3, query=query)
    params, x, memory, state = drawn(decoder)
    run = decoder.forward(params, x, memory, state)
    dy = np.random.default_rng(5).normal(size=run.y.shape)
    got = decoder.backward(run, dy)
    tensors = {
        name: {n: torch.tensor(v, requires_grad=True) for n, v in arrays.items()}
        for name, arrays in (("params", params), ("state", state), ("own", {"x": x, "memory": memory}))
    }
    own = tensors["own"]
    want = torch_elman(torch, decoder, tensors["params"], own["x"], own["memory"], tensors["state"])
    (want * torch.tensor(dy)).sum().backward()
    close = {"rtol": 1e-9, "atol": 1e-12}
    np.testing.assert_allclose(run.y, want.detach().numpy(), **close)
    np.testing.assert_allclose(got.x, own["x"].grad, **close)
    np.testing.assert_allclose(got.memory, own["memory"].grad, **close)
    for name, value in got.params.items():
        np.testing.assert_allclose(value, tensors["params"][name].grad, **close, err_msg=name)
    for name, value in got.state.items():
        np.testing.assert_allclose(value, tensors["state"][name].grad, **close, err_msg=name)


@every_decoder
def test_step_by_step(query):
    """The state that a step leaves is all that the next one needs; rows end at their lengths."""
    decoder = DECODERS[query]
    params, x, memory, state = drawn(decoder)
    who = {"memory_lengths": MEMORY_LENGTHS}
    whole, found = decoder.forward(params, x, memory, state, LENGTHS, **who), state
    for t in range(T):
        run = decoder.forward(params, x[t : t + 1], memory, found, (t < LENGTHS).astype(int), **who)
        assert np.array_equal(run.y[0], whole.y[t])
        assert np.array_equal(run.weights[0], whole.weights[t])
        found = run.state
    assert all(np.array_equal(found[name], value) for name, value in whole.state.items())
    assert not whole.y[1:, 1].any()


@every_decoder
def test_the_gradient_of_pieces(query):
    decoder = DECODERS[query]
    params, x, memory, state = drawn(decoder)
    rng = np.random.default_rng(2)
    dy = rng.normal(size=(T, B, 3))
    whole = decoder.forward(params, x, memory, state, LENGTHS)
    dstate = {name: rng.normal(size=value.shape) for name, value in whole.state.items()}
    dweights = rng.normal(size=whole.weights.shape)
    want = decoder.backward(whole, dy, dstate, dweights)
    first = decoder.forward(params, x[:2], memory, state, np.minimum(LENGTHS, 2))
    second = decoder.forward(params, x[2:], memory, first.state, np.maximum(LENGTHS - 2, 0))
    later = decoder.backward(second, dy[2:], dstate, dweights[2:])
    before = decoder.backward(first, dy[:2], later.state, dweights[:2])
    np.testing.assert_allclose(np.concatenate([before.x, later.x]), want.x, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(before.memory + later.memory, want.memory, rtol=1e-12, atol=1e-14)
    for name, value in want.params.items():
        np.testing.assert_allclose(before.params[name] + later.params[name], value, rtol=1e-11, atol=1e-13)
    for name, value in want.state.items():
        np.testing.assert_allclose(before.state[name], value, rtol=1e-12, atol=1e-14)


@every_decoder
def test_padding_is_not_read(query):
    decoder = DECODERS[query]
    params, x, memory, state = drawn(decoder)
    dy = np.ones((T, B, 3))

    def everything():
        run = decoder.forward(params, x, memory, state, LENGTHS, memory_lengths=MEMORY_LENGTHS)
        grads = decoder.backward(run, dy)
        return [run.y, run.weights, grads.x, grads.memory, *grads.params.values(), *grads.state.values()]

    want = everything()
    silent, unseen = np.arange(T)[:, None] >= LENGTHS, np.arange(TK)[:, None] >= MEMORY_LENGTHS
    x[silent], dy[silent], memory[unseen] = np.nan, np.nan, np.nan
    for ours, theirs in zip(everything(), want, strict=True):
        assert ours.tobytes() == theirs.tobytes()


@every_decoder
def test_no_steps(query):
    decoder = DECODERS[query]
    params, x, memory, state = drawn(decoder)
    run = decoder.forward(params, x[:0], memory, state)
    grads = decoder.backward(run, None, state)
    assert all(np.array_equal(run.state[name], value) for name, value in state.items())
    assert all(np.array_equal(grads.state[name], value) for name, value in state.items())
    assert not any(value.any() for value in [*grads.params.values(), grads.memory])


@every_decoder
@pytest.mark.parametrize("target", ["cpu", "reference"])
def test_a_memory_is_projected_once(query, target, monkeypatch):
    """Its keys' matrix is used once forward and once backward, however many steps look at it; a memory that was made
    ready is as good as the arrays."""
    decoder, used, right = DECODERS[query], [], Relay.run
    params, x, memory, state = drawn(decoder)

    def noted(self, given, like):
        used.extend((launch.build, launch.inputs[1]) for launch in self.launches if launch.build in (there, back))
        return right(self, given, like)

    there, back = affine.build_forward, affine.build_backward
    monkeypatch.setattr(Relay, "run", noted)
    ready = decoder.ready(params, memory, memory_lengths=MEMORY_LENGTHS, target=target)
    run = decoder.forward(params, x, ready, state, LENGTHS, target)
    dy = np.ones_like(run.y)
    grads, matrix = decoder.backward(run, dy), f"{ready.plan.keys.of_keys.name}_flat"
    assert [build for build, W in used if matrix == W] == [there, back]
    again = decoder.forward(params, x, memory, state, LENGTHS, target, memory_lengths=MEMORY_LENGTHS)
    assert run.y.tobytes() == again.y.tobytes()
    assert grads.memory.tobytes() == decoder.backward(again, dy).memory.tobytes()
