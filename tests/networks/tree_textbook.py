"""Recursive networks as a textbook writes them: functions that call themselves for the children; m: numpy or torch.

Nothing here shares code or style with the cells; what it computes is compared with them.
"""


def sigmoid(m, z):
    return 1 / (1 + m.exp(-z))


def kids(forest, node):
    """(position, child) of every child."""
    edges = range(forest.offsets[node], forest.offsets[node + 1])
    return [(int(forest.positions[e]), int(forest.children[e])) for e in edges]


def recursive(m, w, forest, x, node, store, leaf):
    """p = tanh(W_left p_left + W_right p_right + W_x x + b)."""
    children = [(k, recursive(m, w, forest, x, child, store, leaf)[0]) for k, child in kids(forest, node)]
    if leaf and not children:
        store[node] = leaf[node]
        return store[node]
    z = w["b_h"][0] + (w["W_hx"][0] @ x[node] if x is not None else 0)
    for k, p in children:
        z = z + w[("W_hh_left", "W_hh_right")[k]][0] @ p
    store[node] = (m.tanh(z),)
    return store[node]


def tree_lstm(m, w, forest, x, node, store, leaf):
    """Tai, Socher, Manning (2015), equations 9 to 14, for two children."""
    children = [(k, *tree_lstm(m, w, forest, x, child, store, leaf)) for k, child in kids(forest, node)]
    if leaf and not children:
        store[node] = leaf[node]
        return store[node]

    def gate(row, block):
        z = w["b_h"][row] + (w["W_hx"][row] @ x[node] if x is not None else 0)
        for k, h, _ in children:
            z = z + w[("W_hh_left", "W_hh_right")[k]][block] @ h
        return z

    c = sigmoid(m, gate(0, 0)) * m.tanh(gate(2, 3))
    for k, _, c_k in children:
        c = c + sigmoid(m, gate(1, 1 + k)) * c_k
    store[node] = (sigmoid(m, gate(3, 4)) * m.tanh(c), c)
    return store[node]


def child_sum_tree_lstm(m, w, forest, x, node, store, leaf):
    """Tai, Socher, Manning (2015), equations 2 to 8."""
    children = [child_sum_tree_lstm(m, w, forest, x, child, store, leaf) for _, child in kids(forest, node)]
    if leaf and not children:
        store[node] = leaf[node]
        return store[node]

    def gate(row):
        z = w["b_h"][row] + (w["W_hx"][row] @ x[node] if x is not None else 0)
        return z + w["W_hh"][row] @ sum(h for h, _ in children) if children else z

    c = sigmoid(m, gate(0)) * m.tanh(gate(1))
    for h, c_k in children:
        f = w["b_f"][0] + w["W_fh"][0] @ h + (w["W_fx"][0] @ x[node] if x is not None else 0)
        c = c + sigmoid(m, f) * c_k
    store[node] = (sigmoid(m, gate(2)) * m.tanh(c), c)
    return store[node]


RULES = {"recursive": recursive, "tree_lstm": tree_lstm, "child_sum_tree_lstm": child_sum_tree_lstm}


def run(m, layer, forest, values):
    """The states of every node: node -> (h,) or (h, c)."""
    store = {}
    names = [f"state[{name}]" for name in layer.cell.state]
    leaf = None
    if names[0] in values:
        leaf = {int(n): tuple(values[name][i] for name in names) for i, n in enumerate(forest.leaves)}
    for root in forest.roots:
        RULES[layer.cell.name](m, values, forest, values.get("x"), int(root), store, leaf)
    return store
