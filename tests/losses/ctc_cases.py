"""The forms of the CTC loss, and a batch of rows of every kind, that the tests share."""

import numpy as np
import pytest

from refseq.losses import ctc_of_log_probs, ctc_of_logits

FORMS = {"logits": ctc_of_logits, "log_probs": ctc_of_log_probs}
both_forms = pytest.mark.parametrize("form", FORMS)
both_targets = pytest.mark.parametrize("target", ["reference", "cpu"])
both_precisions = pytest.mark.parametrize("dtype", ["float32", "float64"])


def problem(dtype="float64", scale=2.0):
    """Rows of every kind: full, with equal neighbours, just long enough, too short, empty, without frames."""
    rng = np.random.default_rng(4)
    x = (scale * rng.normal(size=(7, 6, 5))).astype(dtype)
    targets = np.array([[1, 2, 4], [2, 2, 2], [3, 3, 1], [4, 4, 1], [-9, 99, 7], [0, 0, 0]])
    return x, targets, {"lengths": [7, 6, 4, 3, 5, 0], "target_lengths": [3, 3, 3, 3, 0, 0], "reduction": "sum"}
