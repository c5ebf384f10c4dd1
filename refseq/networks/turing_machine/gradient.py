"""Gradients of the controller's parameters, from the cotangents of its pre-activations (``refseq.scan``)."""

from collections.abc import Callable

from numba.extending import register_jitable

from refseq.networks.turing_machine.controllers import CONTROLLERS
from refseq.team import Team


def build_controller_gradient(scan: Callable, cells: Callable, controller: str, team: Team) -> Callable:
    """row(k, ...): piece k of the gradients, as ``refseq.scan`` counts them."""
    gradient_row = scan(CONTROLLERS[controller](), team).gradient_row

    @register_jitable
    def controller_row(k, taken, s, tape, da, lengths, dW0, dW1, dbias):
        gradient_row(k, 0, da.shape[0], taken, lengths, False, s, tape, da, (dW0, dW1), (dbias,))

    return controller_row
