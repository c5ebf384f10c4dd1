"""The ways a layer arranges its steps: checkpoints, batches, pieces of time, directions and stacks change nothing."""

import numpy as np

import refseq
from proofs.finite_field.case import Case, equal, every_case, named
from proofs.theorem import Answer


def checkpoints(planted: bool = False) -> Answer:
    """Every interval between checkpoints."""
    pairs = []
    for name, case in every_case(layers=2, bidirectional=True):
        plain = named(*case.run())
        pairs += [(f"{name}, k = {k}", plain, named(*case.run(checkpoint=k))) for k in (1, 2, 4)]
    return equal(pairs, planted)


def rows_alone(planted: bool = False) -> Answer:
    """Each row by itself, and the sum of their parameters' gradients."""
    pairs = []
    for name, case in every_case(layers=2, bidirectional=True):
        run, grads = case.run()
        whole, total = named(run, grads), {}
        for b in range(case.x.shape[1]):
            alone = case.row(b)
            n, found = len(alone.x), named(*alone.run())
            mine = {key: whole[key][:n, [b]] for key in ("y", "dx")}
            mine |= {key: value[:, [b]] for key, value in whole.items() if "state[" in key}
            pairs.append((f"{name}, row {b}", mine, {key: found[key] for key in mine}))
            total = {f"d{key}": found[f"d{key}"] + total.get(f"d{key}", 0) for key in case.params}
        pairs.append((f"{name}, sum", {key: whole[key] for key in total}, total))
    return equal(pairs, planted)


def pieces_of_time(planted: bool = False) -> Answer:
    """Two calls instead of one."""
    pairs = []
    for name in refseq.catalogue():
        case = Case.draw(refseq.layer(name, 2, 3), padded=False)
        whole = named(*case.run())
        for cut in range(6):
            pairs.append((f"{name}, cut at {cut}", whole, _in_two(case, cut)))
    return equal(pairs, planted)


def _in_two(case: Case, cut: int) -> dict[str, np.ndarray]:
    layer, params = case.layer, case.params
    first = layer.forward(params, case.x[:cut], case.state, target="reference")
    second = layer.forward(params, case.x[cut:], first.state, target="reference")
    late = layer.backward(second, case.dy[cut:], case.dstate)
    early = layer.backward(first, case.dy[:cut], late.state)
    found = {"y": np.concatenate([first.y, second.y]), "dx": np.concatenate([early.x, late.x])}
    found |= {f"state[{key}]": value for key, value in second.state.items()}
    found |= {f"d{key}": early.params[key] + late.params[key] for key in params}
    return found | {f"dstate[{key}]": value for key, value in early.state.items()}


def reverse_direction(planted: bool = False) -> Answer:
    """The second half of a bidirectional layer, and the layer itself on reversed rows."""
    pairs = []
    for name, both in every_case(bidirectional=True):
        one = refseq.layer(name, 2, 3)
        params = {key: both.params[f"{key}_reverse"] for key in one.shapes}
        state, dstate = ({key: value[[1]] for key, value in arrays.items()} for arrays in (both.state, both.dstate))
        lengths, width = both.lengths, both.layer.outputs // 2
        x, dy = _reversed(both.x, lengths), _reversed(both.dy[:, :, width:], lengths)
        found = named(*Case(one, params, x, state, lengths, dy, dstate).run())
        run = both.layer.forward(*both.given, target="reference")
        half = both.dy.copy()
        half[:, :, :width] = half[:, :, :width] * 0
        grads = both.layer.backward(run, half, {key: _second(value) for key, value in both.dstate.items()})
        whole = named(run, grads)
        mine = {"y": _reversed(run.y[:, :, width:], lengths), "dx": _reversed(grads.x, lengths)}
        mine |= {f"d{key}": whole[f"d{key}_reverse"] for key in one.shapes}
        mine |= {key: value[[1]] for key, value in whole.items() if "state[" in key}
        pairs.append((name, mine, {key: found[key] for key in mine}))
    return equal(pairs, planted)


def _second(cotangent: np.ndarray) -> np.ndarray:
    """The cotangent of the reverse direction's state alone."""
    result = cotangent.copy()
    result[0] = result[0] * 0
    return result


def _reversed(values: np.ndarray, lengths: np.ndarray | None) -> np.ndarray:
    """Every row reversed at its own length."""
    result = values.copy()
    for b, n in enumerate(lengths if lengths is not None else ()):
        result[:n, b] = values[:n, b][::-1]
    return result


def stack(planted: bool = False) -> Answer:
    """Two layers, and one on the other."""
    pairs = []
    for name, case in every_case(layers=2, bidirectional=True):
        below = refseq.layer(name, 2, 3, bidirectional=True)
        above = refseq.layer(name, below.outputs, 3, bidirectional=True)
        both = refseq.stack(below, above)
        params = {f"0.{key}": case.params[key] for key in below.shapes}
        params |= {f"1.{key}": case.params[_above(key)] for key in above.shapes}
        run = both.forward(params, case.x, _by_layer(case.state), case.lengths, "reference")
        grads = both.backward(run, case.dy, _by_layer(case.dstate))
        whole = named(*case.run())
        theirs = {"y": run.y, "dx": grads.x} | {f"d{key}": grads.params[f"0.{key}"] for key in below.shapes}
        theirs |= {f"d{_above(key)}": grads.params[f"1.{key}"] for key in above.shapes}
        theirs |= {f"dstate[{k}]": np.concatenate([grads.state[f"{n}.{k}"] for n in (0, 1)]) for k in case.state}
        pairs.append((name, {key: whole[key] for key in theirs}, theirs))
    return equal(pairs, planted)


def _by_layer(states: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The states of two layers in both directions, layer by layer."""
    return {f"{n}.{name}": value[2 * n : 2 * n + 2] for n in (0, 1) for name, value in states.items()}


def _above(name: str) -> str:
    """The name of a second layer's parameter: the layer's number before the direction."""
    stem = name.removesuffix("_reverse")
    return f"{stem}_l1" + "_reverse" * (stem != name)
