"""A neural Turing machine written in torch's tensor operations, by its own formulas; gradients by autograd."""

import torch


def softmax_of_powers(w, gamma):
    powers = w**gamma
    return powers / powers.sum(-1, keepdim=True)


def address(machine, numbers, memory, before):
    """The weights (B, N) of a head that is given ``numbers`` (B, .)."""
    field = machine.fields
    key, beta = torch.tanh(numbers[:, field["key"]]), torch.nn.functional.softplus(numbers[:, field["strength"]])
    gate = torch.sigmoid(numbers[:, field["gate"]])
    gamma = 1 + torch.nn.functional.softplus(numbers[:, field["sharpen"]])
    shift = torch.softmax(numbers[:, field["shift"]], -1)
    sizes = torch.sqrt((key**2).sum(-1, keepdim=True) + machine.epsilon)
    columns = torch.sqrt((memory**2).sum(-1) + machine.epsilon)
    K = torch.einsum("bnm,bm->bn", memory, key) / sizes / columns
    w = gate * torch.softmax(beta * K, -1) + (1 - gate) * before
    rolled = [torch.roll(w, k, -1) for k in range(-machine.shift, machine.shift + 1)]
    return softmax_of_powers(torch.einsum("kbn,bk->bn", torch.stack(rolled), shift), gamma)


def controller(machine, p, x, state):
    a = x @ p["W_hx"].flatten(0, 1).T + p["b_h"].flatten()
    if machine.controller == "feedforward":
        return torch.tanh(a), state
    h, c = state["h"], state["c"]
    i, f, g, o = (a + h @ p["W_hh"].flatten(0, 1).T).chunk(4, -1)
    c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
    h = torch.sigmoid(o) * torch.tanh(c)
    return h, state | {"h": h, "c": c}


def step(machine, p, x, state):
    """One step of all rows: y and the new state."""
    field = machine.fields
    h, state = controller(machine, p, torch.cat([x, state["reads"].flatten(1)], -1), state)
    numbers = [h @ W.T + b for kind in ("read", "write") for W, b in zip(p[f"W_{kind}"], p[f"b_{kind}"], strict=True)]
    memory, before = state["memory"], state["weights"]
    weights = torch.stack([address(machine, n, memory, before[:, k]) for k, n in enumerate(numbers)], 1)
    writing, added = weights[:, machine.reads :], torch.zeros_like(memory)
    for k, n in enumerate(numbers[machine.reads :]):
        w = writing[:, k, :, None]
        memory = memory * (1 - w * torch.sigmoid(n[:, None, field["erase"]]))
        added = added + w * torch.tanh(n[:, None, field["add"]])
    memory = memory + added
    reads = torch.einsum("brn,bnm->brm", weights[:, : machine.reads], memory)
    y = h @ p["W_yh"][0].T + torch.einsum("brm,rom->bo", reads, p["W_yr"]) + p["b_y"][0]
    return y, state | {"memory": memory, "weights": weights, "reads": reads}


def run(machine, p, x, state, lengths=None):
    """y (T, B, O) and the last state; rows of unequal length one at a time."""
    if lengths is not None:
        parts = [
            run(machine, p, x[:n, b : b + 1], {name: v[b : b + 1] for name, v in state.items()})
            for b, n in enumerate(lengths)
        ]
        empty = torch.zeros(len(x), 1, machine.outputs, dtype=x.dtype)
        ys = [torch.cat([y, empty[len(y) :]]) if len(y) else empty for y, _ in parts]
        return torch.cat(ys, 1), {name: torch.cat([s[name] for _, s in parts]) for name in state}
    outputs = []
    for now in x:
        y, state = step(machine, p, now, state)
        outputs.append(y)
    return torch.stack(outputs) if outputs else [], state


def tensors(arrays):
    return {name: torch.tensor(array, requires_grad=True) for name, array in arrays.items()}


def everything(machine, params, x, state, lengths, dy, dstate):
    """y, the last state, and all gradients, as arrays by name."""
    p, s, x = tensors(params), tensors(state), torch.tensor(x, requires_grad=True)
    y, last = run(machine, p, x, s, lengths)
    loss = (y * torch.tensor(dy)).sum() + sum((last[name] * torch.tensor(dstate[name])).sum() for name in last)
    loss.backward()
    gradients = {f"d{name}": value.grad for name, value in (p | s | {"x": x}).items()}
    return {name: value.detach().numpy() for name, value in ({"y": y} | last | gradients).items()}
