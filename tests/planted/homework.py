"""An LSTM and a GRU as a careful student would hand them in: numpy, whole batch at a time, BPTT by hand.

Written independently of refseq (another layout, another style) and correct; the planted errors are edits of this text.
It is judged as ``homework.py:Homework``.
"""

import numpy as np

from refseq.checks import NotOffered


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


class Homework:
    """One layer in one or both directions, of any lengths."""

    name = "homework"

    def __init__(self, layer):
        if layer.layers > 1 or layer.cell.label not in ("lstm", "gru(reset=before)"):
            raise NotOffered("the homework was one layer of LSTM, or of GRU with the reset gate first")
        self.layer, self.lstm = layer, layer.cell.name == "lstm"

    def forward(self, params, x, state, lengths):
        T, B, _ = x.shape
        n = np.full(B, T) if lengths is None else lengths
        ys, self.saved = [], []
        final = {k: v.copy() for k, v in state.items()}
        for d in range(self.layer.directions):
            W, U, b = self.weights(params, d)
            xs = self.flip(x, n) if d else x
            h, c = state["h"][d], state["c"][d] if self.lstm else None
            y, tape = np.zeros((T, B, self.layer.units), x.dtype), []
            for t in range(T):
                go = (t < n)[:, None]
                h1, c1, record = self.step(W, U, b, np.where(go, xs[t], 0), h, c, t)
                h, c = np.where(go, h1, h), np.where(go, c1, c) if self.lstm else None
                y[t] = np.where(go, h1, 0)
                tape.append((go, record))
            final["h"][d] = h
            if self.lstm:
                final["c"][d] = c
            ys.append(self.flip(y, n) if d else y)
            self.saved.append((xs, tape))
        return np.concatenate(ys, axis=2), final

    def vjp(self, params, x, state, lengths, dy, dstate):
        self.forward(params, x, state, lengths)
        T, B, _ = x.shape
        n = np.full(B, T) if lengths is None else lengths
        H, dtype = self.layer.units, x.dtype
        grads, dx, dstate0 = {}, np.zeros_like(x), {k: v.copy() for k, v in dstate.items()}
        for d in range(self.layer.directions):
            W, U, b = self.weights(params, d)
            xs, tape = self.saved[d]
            dys = dy[:, :, d * H : (d + 1) * H]
            dys = self.flip(dys, n) if d else dys
            dW, dU, db = np.zeros_like(W), np.zeros_like(U), np.zeros_like(b)
            dxs, dh = np.zeros_like(x), dstate["h"][d].copy()
            dc = dstate["c"][d].copy() if self.lstm else None
            for t in reversed(range(T)):
                go, record = tape[t]
                dh1 = np.where(go, dh + dys[t], 0)
                dc1 = np.where(go, dc, 0) if self.lstm else None
                da, dh0, dc0, operands = self.back(U, record, dh1, dc1)
                xt = np.where(go, xs[t], 0)
                for g in range(len(da)):
                    dW[g] += da[g].T @ xt
                    dU[g] += da[g].T @ operands[g]
                    db[g] += da[g].sum(0)
                dxs[t] = sum(da[g] @ W[g] for g in range(len(da)))
                dh = np.where(go, dh0, dh)
                dc = np.where(go, dc0, dc) if self.lstm else None
            dstate0["h"][d] = dh
            if self.lstm:
                dstate0["c"][d] = dc
            dx += self.flip(dxs, n) if d else dxs
            tail = "_reverse" if d else ""
            grads |= {"W_hx" + tail: dW, "W_hh" + tail: dU, "b_h" + tail: db}
        return {name: value.astype(dtype) for name, value in grads.items()}, dx, dstate0

    def step(self, W, U, b, x, h, c, t):
        a = [x @ W[g].T + b[g] for g in range(len(W))]
        if self.lstm:
            i, f, g, o = (a[k] + h @ U[k].T for k in range(4))
            i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
            c1 = f * c + i * g
            return o * np.tanh(c1), c1, (h, c, i, f, g, o, c1)
        r, z = sigmoid(a[0] + h @ U[0].T), sigmoid(a[1] + h @ U[1].T)
        n = np.tanh(a[2] + (r * h) @ U[2].T)
        return z * h + (1 - z) * n, None, (h, r, z, n)

    def back(self, U, record, dh1, dc1):
        if self.lstm:
            h, c, i, f, g, o, c1 = record
            tc = np.tanh(c1)
            dc = dc1 + dh1 * o * (1 - tc**2)
            da = [dc * g * i * (1 - i), dc * c * f * (1 - f), dc * i * (1 - g**2), dh1 * tc * o * (1 - o)]
            return da, sum(da[k] @ U[k] for k in range(4)), dc * f, [h] * 4
        h, r, z, n = record
        dz, dn = dh1 * (h - n) * z * (1 - z), dh1 * (1 - z) * (1 - n**2)
        dv = dn @ U[2]
        dr = dv * h * r * (1 - r)
        return [dr, dz, dn], dh1 * z + dv * r + dr @ U[0] + dz @ U[1], None, [h, h, r * h]

    def weights(self, params, d):
        tail = "_reverse" if d else ""
        return params["W_hx" + tail], params["W_hh" + tail], params["b_h" + tail]

    def flip(self, x, n):
        out = x.copy()
        for b, length in enumerate(n):
            out[:length, b] = x[:length, b][::-1]
        return out
