"""Gradient algorithms over the same scan, besides the BPTT of ``Layer.backward``.

    truncated     BPTT(k1, k2), over whole sequences or chunk by chunk in training
    forward_mode  the derivative along a direction, by complex step or dual numbers
    rtrl          real-time recurrent learning: gradients forward in time
    double_sum    the gradient as an explicit sum over pairs of times
    hessian       Hessian-vector products
    witnesses     an implementation's own single steps against its time loop

All of them use the public functions of a layer only: ``forward``, ``backward`` and what a run returns.
"""

from refseq.gradients.double_sum import double_sum_gradients
from refseq.gradients.forward_mode import jvp
from refseq.gradients.hessian import hessian_product, linear_loss
from refseq.gradients.rtrl import Rtrl, rtrl_gradients
from refseq.gradients.truncated import Stream, truncated_gradients
from refseq.gradients.witnesses import single_step_gradients

__all__ = [
    "Rtrl",
    "Stream",
    "double_sum_gradients",
    "hessian_product",
    "jvp",
    "linear_loss",
    "rtrl_gradients",
    "single_step_gradients",
    "truncated_gradients",
]
