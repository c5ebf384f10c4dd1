"""The gradient formulas as the lectures print them, and as they are right, by computation over the finite field.

Elman network with tanh (tanh is a free symbol with tanh' = 1 - tanh^2), as many inputs as units so that every misprint
has a shape. In the lectures' names: h_t = f(z_t), z_t = U h_{t-1} + W x_t + b, loss L_t = <dy_t, h_t>.
"""

import numpy as np
import pytest

import refseq
from refseq.arrays import lift
from refseq.fields.residue import MODULUS, Residue
from tests.gradients.problems import same

T, H = 4, 3


@pytest.fixture(scope="module")
def net():
    return Net()


class Net:
    """One sequence: x, h (T+1, with h_0), the slopes D_t = diag(f'(z_t)), and what BPTT says."""

    def __init__(self) -> None:
        rng = np.random.default_rng(11)

        def residues(*shape):
            return lift(rng.integers(0, MODULUS, shape), Residue)

        layer = refseq.layer("elman", H, H)
        self.params = {name: residues(*shape) for name, shape in layer.shapes.items()}
        self.W, self.U = self.params["W_hx"][0], self.params["W_hh"][0]
        self.x, self.dy, h0 = residues(T, 1, H), residues(T, 1, H), residues(1, 1, H)
        run = layer.forward(self.params, self.x, {"h": h0}, target="reference")
        self.h = np.concatenate([h0[0], run.y[:, 0]])
        self.slope = [None, *(1 - self.h[t] * self.h[t] for t in range(1, T + 1))]
        self.grads = layer.backward(run, self.dy)

    def diagonal(self, t):
        matrix = lift(np.zeros((H, H), int), Residue)
        matrix[np.arange(H), np.arange(H)] = self.slope[t]
        return matrix

    def double_sum(self, recurrent, operand):
        """sum_t sum_{k<=t} delta_{t,k} operand_k^T, delta_{t,k} = prod_{tau=k}^{t-1} (D_tau M^T) delta_{t,t}."""
        total = lift(np.zeros((H, H), int), Residue)
        for t in range(1, T + 1):
            for k in range(1, t + 1):
                delta = self.slope[t] * self.dy[t - 1, 0]  # delta_{t,t} = dL_t / dz_t
                for tau in range(t - 1, k - 1, -1):  # the factor of tau = k stands on the left
                    delta = self.diagonal(tau) @ recurrent.T @ delta
                total = total + np.multiply.outer(delta, operand(k))
        return total

    def gradients_of_h(self, pull):
        """grad_{h_t} L for t = T ... 1, pull(t, g) what grad_{h_t} L = g hands to h_{t-1}."""
        found, through = {}, lift(np.zeros(H, int), Residue)
        for t in range(T, 0, -1):
            found[t] = through + self.dy[t - 1, 0]
            through = pull(t, found[t])
        return found

    def right(self, t, g):
        return self.U.T @ (self.slope[t] * g)


def test_the_double_sum_of_l4_1(net):
    assert same(net.double_sum(net.U, lambda k: net.h[k - 1]), net.grads.params["W_hh"][0])
    assert same(net.double_sum(net.U, lambda k: net.x[k - 1, 0]), net.grads.params["W_hx"][0])


def test_the_second_double_sum_writes_w_where_u_is_meant(net):
    """L4.4: the product over Diag(f') W^T is wrong, whichever gradient is meant by it."""
    for operand in (lambda k: net.h[k - 1], lambda k: net.x[k - 1, 0]):
        printed = net.double_sum(net.W, operand)
        assert not any(same(printed, net.grads.params[name][0]) for name in ("W_hh", "W_hx"))


def test_the_diagonal_of_l4_2_stands_on_the_wrong_side(net):
    """Printed: W^T (grad_{h_{t+1}} L) diag(1 - h_{t+1}^2). A column times a matrix has no meaning; read as U^T g scaled
    by 1 - h^2 it is wrong, and U^T diag(1 - h^2) g is right. (W there is the recurrent matrix.)"""

    def first_input(found):
        return net.W.T @ (net.slope[1] * found[1])

    printed = net.gradients_of_h(lambda t, g: (net.U.T @ g) * net.slope[t])
    corrected = net.gradients_of_h(net.right)
    assert not same(first_input(printed), net.grads.x[0, 0])
    assert same(first_input(corrected), net.grads.x[0, 0])
    assert same(net.right(1, corrected[1]), net.grads.state["h"][0, 0])


def test_the_single_sum_of_l4_3(net):
    """sum_t diag(1 - h_t^2) (grad_{h_t} L) h_{t-1}^T is right, given the corrected L4.2."""
    found = net.gradients_of_h(net.right)
    terms = [np.multiply.outer(net.slope[t] * found[t], net.h[t - 1]) for t in range(1, T + 1)]
    assert same(sum(terms[1:], terms[0]), net.grads.params["W_hh"][0])


def test_the_block_of_l3_6(net):
    """The derivative with respect to a_{t-1} is printed with W_ax^T where W_aa^T belongs; those with respect to x_t,
    W_ax, W_aa and b_a are right once the upstream gradient stands in them."""
    found = net.gradients_of_h(net.right)
    dz = [None, *(net.slope[t] * found[t] for t in range(1, T + 1))]
    assert not same(net.W.T @ dz[1], net.grads.state["h"][0, 0])
    assert same(net.U.T @ dz[1], net.grads.state["h"][0, 0])
    assert same(np.array([net.W.T @ dz[t] for t in range(1, T + 1)]), net.grads.x[:, 0])
    assert same(sum(dz[2:], dz[1]), net.grads.params["b_h"][0])
    terms = [np.multiply.outer(dz[t], net.x[t - 1, 0]) for t in range(1, T + 1)]
    assert same(sum(terms[1:], terms[0]), net.grads.params["W_hx"][0])
