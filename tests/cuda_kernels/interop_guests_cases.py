"""Losses, clipping, optimisers and systems on arrays that are on the device already: the bits of the numpy path, in the
caller's kind, and nothing that is read or waited for unasked. Run by test_target.py."""

import numpy as np
import pytest

import refseq
from cuda_kernels import gpu, places
from cuda_kernels.bench import structures, systems
from cuda_kernels.interop.guest_machine import GuestMachine
from refseq import clipping, losses, markov, seq2seq
from refseq.targets import visiting
from tests.cuda_kernels.callers import KINDS, host, mapped
from tests.cuda_kernels.interop_cases import assert_bitwise, simulated
from tests.cuda_kernels.training_cases import LENGTHS, LOSSES, RULES, drawn, gradients

OWN = [kind for kind in KINDS if kind in ("numba", "torch")]
"""Kinds whose results are of the same kind."""
rng = np.random.default_rng(7)


def numbers(*shape):
    return rng.normal(size=shape).astype("float32")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", LOSSES)
def test_a_loss(name, kind):
    x, k, y, w = drawn("float32")
    want, got = (LOSSES[name](to(x), k, to(y), w, "cuda") for to in (np.copy, KINDS[kind]))
    assert_bitwise({"gradient": got.gradient, "tokens": got.tokens}, {"gradient": want.gradient, "tokens": want.tokens})
    assert host(got.value).shape == ()
    assert host(got.value) == pytest.approx(want.value, rel=1e-6)
    assert got.scale.tobytes() == want.scale.tobytes()
    assert type(got.gradient) is type(got.value) is type(KINDS["torch" if kind == "torch" else "numba"](x))


def test_the_value_is_summed_in_double_precision():
    x = np.full((3000, 1, 1), 1e-4, "float32")
    x[0] = 1000
    found = losses.squared_error(KINDS["numba"](x), KINDS["numba"](np.zeros_like(x)), reduction="sum", target="cuda")
    assert host(found.value) == np.float32(np.sum(x.astype(float) ** 2))


@pytest.mark.parametrize("kind", OWN)
def test_clipping(kind):
    given, to = gradients("float32"), KINDS[kind]
    for clip in (clipping.clip_by_norm, clipping.clip_by_value):
        (got, norm), (want, known) = clip(mapped(to, given), 0.5, target="cuda"), clip(given, 0.5, target="cuda")
        assert norm == known
        assert_bitwise({n: a for n, a in got.items() if want[n].size}, {n: a for n, a in want.items() if a.size})
    own = mapped(to, given)
    clipped, _ = clipping.clip_by_norm(own, 0.5, out=own, target="cuda")
    assert all(clipped[name] is array for name, array in own.items())
    assert host(own["W"]).tobytes() == clipping.clip_by_norm(given, 0.5, target="cuda")[0]["W"].tobytes()
    assert clipping.global_norm(mapped(to, given), target="cuda") == clipping.global_norm(given, target="cuda")


@pytest.mark.parametrize("scale", [0.0, 1e30, 1e-30])
def test_gradients_whose_squares_leave_the_range(scale):
    given = gradients("float64", scale * scale * scale * scale * scale * scale)
    got, want = (clipping.clip_by_norm(mapped(to, given), 1.0, target="cuda") for to in (KINDS["numba"], np.copy))
    assert got[1] == want[1]
    assert host(got[0]["W"]).tobytes() == want[0]["W"].tobytes()


def test_gradients_that_are_not_finite():
    given = gradients("float32")
    given["b"][3] = np.inf
    device = mapped(KINDS["numba"], given)
    with pytest.raises(ValueError, match=r"grads\['b'\]: expected finite numbers, got inf at \(3,\)"):
        clipping.clip_by_norm(device, 1.0, target="cuda")
    zeros, norm = clipping.clip_by_norm(device, 1.0, "zero", target="cuda")
    assert norm == np.inf
    assert not any(host(array).any() for array in zeros.values() if array.size)


@pytest.mark.parametrize("kind", OWN)
@pytest.mark.parametrize("optimiser", RULES, ids=lambda optimiser: optimiser.rule.__name__)
def test_steps_of_an_optimiser(optimiser, kind):
    """The last in place."""
    paths = []
    for to in (KINDS[kind], np.copy):
        params, grads = mapped(to, gradients("float32")), mapped(to, gradients("float32", 0.3))
        state = optimiser.initialise(params, target="cuda")
        params, state = optimiser.step(params, grads, state, target="cuda")
        after, kept = optimiser.step(params, grads, state, out=(params, state), target="cuda")
        assert all(after[name] is array for name, array in params.items())
        assert int(kept["step"]) == 2
        paths.append({name: array for name, array in (after | kept).items() if name.rpartition("/")[2] in "Wb"})
    assert_bitwise(*paths)


def test_every_system_has_the_bits_of_the_numpy_path():
    """One of every kind of ``refseq.checks.structures``, and what no gradient goes through."""
    kinds = {posed.name.partition("(")[0].partition(" to ")[0]: posed for posed in systems.posed(tiny=True)}
    assert len(kinds) > 20
    for posed in kinds.values():
        want = structures.named(posed.run(structures.mapped(np.copy, posed.values), "cuda"))
        got = structures.within(posed.run, structures.mapped(gpu.cuda.to_device, posed.values), target="cuda")
        elsewhere = [array for array in got.values() if not isinstance(array, np.ndarray)]
        assert all(map(places.is_array, elsewhere))
        assert elsewhere or posed.name == "beam"  # which says on the host what it found
        made = structures.named(got)
        different = [name for name, array in made.items() if array.tobytes() != want[name].tobytes()]
        assert not different, (posed.name, posed.shape, different)


@pytest.mark.parametrize("steps", [3, 0])
def test_masked_attention_is_sent_where_keys_are(steps, monkeypatch):
    """A number for each key, not for each weight: rows of all, no and some keys and queries."""
    rows, count, sent, send = 3, 4, [0], GuestMachine.send

    def told(machine, array):
        if isinstance(array, np.ndarray):
            sent.append(array.size)
        return send(machine, array)

    monkeypatch.setattr(GuestMachine, "send", told)
    mask = np.array([[1, 0, 1], [0, 0, 1], [1, 1, 1], [1, 1, 0]], bool)
    who = {"lengths": np.array([4, 0, 3]), "mask": mask, "query_lengths": np.minimum([3, 2, 0], steps)}
    attention = refseq.attention("general", 2, 3)
    groups = {"W_qk": numbers(2, 3), "queries": numbers(steps, rows, 2), "keys": numbers(count, rows, 3)}
    groups |= {"values": numbers(count, rows, 2), "dy": numbers(steps, rows, 2), "dw": numbers(steps, rows, count)}

    def found(given, _target):
        run = attention.forward(
            {"W_qk": given["W_qk"]}, given["queries"], given["keys"], given["values"], target="cuda", **who
        )
        grads = attention.backward(run, given["dy"], given["dw"])
        return {"y": run.y, "weights": run.weights, "dW": grads.params["W_qk"], "dkeys": grads.keys}

    got = structures.within(found, structures.mapped(gpu.cuda.to_device, groups), target="cuda")
    assert_bitwise(got, found(groups, None))
    assert max(sent) <= rows * count


def called(to):
    """Public functions with arrays that ``to`` makes: what they return, by name; and the runs."""
    attention = refseq.attention("general", 2, 3)
    values = mapped(to, {name: fixed(3, 2, size) for name, size in (("queries", 2), ("keys", 3), ("values", 4))})
    looked = attention.forward(mapped(to, {"W_qk": fixed(2, 3)}), **values, lengths=[3, 1], target="cuda")
    found = {"y": looked.y, "weights": looked.weights, **attention.backward(looked, to(fixed(3, 2, 4))).params}
    model = markov.hmm(3, features=2)
    params = mapped(to, {name: fixed(*shape) for name, shape in model.shapes.items()})
    chain = model.forward(params, to(fixed(4, 2, 2)), [4, 2], target="cuda")
    found |= {"likelihood": chain.log_likelihood, "posteriors": chain.posteriors, **model.backward(chain).params}
    found["best"] = model.viterbi(params, to(fixed(4, 2, 2)), [4, 2], target="cuda")[1]
    cell, tokens = refseq.layer("elman", 2, 2), np.array([[1, 2], [2, 1]])
    reader = seq2seq.seq2seq(cell, cell, 3, 3, start=0, stop=1)
    own = mapped(to, {name: fixed(*shape) for name, shape in reader.shapes.items()})
    read = reader.forward(own, tokens, tokens, target="cuda")
    loss, _ = reader.loss(own, tokens, tokens, target="cuda", reduction="sum")  # an option of another function
    found["loss"] = loss.gradient
    wrote = seq2seq.generate(reader, own, tokens, 2, target="cuda")
    assert wrote.tokens.shape[1] == 2
    found |= {"logits": read.logits, "memory": read.encoded.memory, "written": wrote.logits}
    found |= reader.backward(read, losses.cross_entropy(read.logits, tokens, target="cuda").gradient)
    ctc = losses.ctc_of_logits(to(fixed(4, 3, 3)), np.array([[1], [2], [1]]), lengths=[4, 0, 2], target="cuda")
    return found | {"ctc": ctc.gradient, "sequences": ctc.sequences}, (looked, chain, read)


def fixed(*shape):
    return np.random.default_rng(len(shape)).normal(size=shape).astype("float32")


@pytest.mark.parametrize("kind", OWN)
def test_public_functions_return_the_caller_s_kind(kind):
    (got, runs), (want, _) = called(KINDS[kind]), called(np.copy)
    assert {type(array) for array in got.values()} == {type(KINDS[kind](np.ones(2, "float32")))}
    assert_bitwise(got, want)
    assert all(getattr(run, visiting.VISIT) for run in runs)
    assert host(got["sequences"])[1] == np.inf  # no frame spells a label


@simulated
def test_nothing_is_read_or_waited_for_unasked(monkeypatch):
    """Integers are sent; norms, what CTC spells and paths are read."""

    def refuse(*_, **__):
        raise AssertionError("the host waits")

    numba = KINDS["numba"]
    x, k, y, w = drawn("float32")
    x, y, params = numba(x), numba(y), mapped(numba, gradients("float32"))
    optimiser = RULES[3]
    state = optimiser.initialise(params, target="cuda")
    layer, forest = refseq.tree_layer("tree_lstm", 2, 3), refseq.trees.balanced(3)
    weights, words = mapped(numba, layer.initialise(dtype="float32")), numba(numbers(forest.nodes, 2))
    memory = refseq.memory_network(4, 2, hops=1)
    tables, story = mapped(numba, memory.initialise(dtype="float32")), np.ones((1, 2, 2), int)
    attention, tokens = refseq.attention("dot", 2, 2), numba(numbers(3, 2, 2))
    for _ in range(2):  # tables of a shape are kept from the first time on
        losses.cross_entropy(x, k, lengths=LENGTHS, class_weights=w, target="cuda")
        losses.cross_entropy(x, y, lengths=LENGTHS, reduction="sum", target="cuda")
        losses.squared_error(x, y, lengths=LENGTHS, target="cuda")
        losses.binary_cross_entropy(x, y, lengths=LENGTHS, target="cuda")
        optimiser.step(params, params, state, target="cuda")
        run = layer.forward(weights, words, forest, target="cuda")
        layer.backward(run, run.y)
        told = memory.forward(tables, story, story[:, 0], "cuda")
        memory.backward(told, told.logits)
        looked = attention.forward({}, tokens, tokens, tokens, target="cuda")
        attention.backward(looked, looked.y)
        monkeypatch.setattr(places, "finish", refuse)
        monkeypatch.setattr(type(x), "copy_to_host", refuse)
    for asked in (lambda: clipping.global_norm(params, target="cuda"), lambda: losses.perplexity(x, k, target="cuda")):
        with pytest.raises(AssertionError, match="the host waits"):
            asked()
