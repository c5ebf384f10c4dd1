"""A gated graph network as a textbook writes it, node by node; what the layers compute is compared with it."""

from scipy import sparse


def run(m, layer, graphs, w, nodes):
    """Li et al. (2016), equations 1 to 6, node by node; the GRU with reset after the product. ``m``: numpy or torch."""
    sigmoid = lambda z: 1 / (1 + m.exp(-z))  # noqa: E731
    zero = w["x"][0] * 0
    pad = m.stack([zero[0]] * (layer.units - layer.inputs)) if layer.units > layer.inputs else zero[:0]
    h = [m.concatenate([w["x"][v], pad]) for v in range(nodes)]
    for _ in range(layer.steps):
        received = [h[v] * 0 for v in range(nodes)]
        for r, matrix in enumerate(graphs):
            entries = sparse.coo_array(sparse.csr_array(matrix))
            for e, (u, v) in enumerate(zip(*entries.coords, strict=True)):
                weight = w[f"weights[{r}]"][e]
                received[v] = received[v] + weight * (w["W_mh"][r] @ h[u] + w["b_m"][r])
                if layer.both_ways:
                    back = r + layer.edge_types
                    received[u] = received[u] + weight * (w["W_mh"][back] @ h[v] + w["b_m"][back])
        before, h = h, []
        for a, old in zip(received, before, strict=True):
            reset, z, n = (w["W_hx"][k] @ a + w["b_h"][k] for k in range(3))
            reset, z = sigmoid(reset + w["W_hh"][0] @ old), sigmoid(z + w["W_hh"][1] @ old)
            h.append(z * old + (1 - z) * m.tanh(n + reset * (w["W_hh"][2] @ old + w["b_hn"])))
    return m.stack(h)
