"""Every wrong argument is named, with what was expected and what came."""

import numpy as np
import pytest

from refseq import losses

X = np.zeros((3, 2, 4))
Y = np.zeros((3, 2), int)


@pytest.mark.parametrize(
    ("error", "message", "changes"),
    [
        (TypeError, r"logits: expected a numpy array, got list", {"logits": [[[0.0]]]}),
        (ValueError, r"logits: expected shape \(T, B, V\), got \(3, 2\)", {"logits": X[..., 0]}),
        (TypeError, r"logits: expected dtype float32.*got int64", {"logits": X.astype(int)}),
        (ValueError, r"number of classes: expected at least 1, got 0", {"logits": X[..., :0]}),
        (TypeError, r"targets: expected a numpy array, got list", {"targets": [[0, 1]]}),
        (TypeError, r"targets: expected integers \(T, B\), or distributions", {"targets": Y.astype(float)}),
        (ValueError, r"targets: expected shape \(3, 2\), got \(2, 3\)", {"targets": Y.T}),
        (ValueError, r"targets: expected 0 <= target < V = 4, got 4 at \(0, 0\)", {"targets": Y + 4}),
        (ValueError, r"targets: expected 0 <= target < V = 4, got -1 at \(0, 0\)", {"targets": Y - 1}),
        (ValueError, r"targets: expected shape \(3, 2, 4\), got \(3, 2, 5\)", {"targets": np.zeros((3, 2, 5))}),
        (TypeError, r"targets: expected dtype float64 like the predictions, got float32", {"targets": X.astype("f4")}),
        (ValueError, r"targets: expected finite numbers >= 0, got -1.0 at \(0, 0, 0\)", {"targets": X - 1}),
        (ValueError, r"targets: expected finite numbers >= 0, got nan at \(0, 0, 0\)", {"targets": X * np.nan}),
        (ValueError, r"ignore_index: targets are distributions", {"targets": X, "ignore_index": 3}),
        (TypeError, r"ignore_index: expected an integer", {"ignore_index": 1.5}),
        (ValueError, r"lengths\[1\]: expected 0 <= length <= T = 3, got 4", {"lengths": [3, 4]}),
        (ValueError, r"weights: expected shape \(3, 2\), got \(2, 3\)", {"weights": np.ones((2, 3))}),
        (TypeError, r"weights: expected dtype float64 like the predictions, got int64", {"weights": Y}),
        (TypeError, r"weights: expected a numpy array, got list", {"weights": [[1.0, 2.0]]}),
        (ValueError, r"weights: expected finite numbers >= 0, got -1.0", {"weights": -np.ones((3, 2))}),
        (ValueError, r"weights: expected finite numbers >= 0, got inf", {"weights": np.full((3, 2), np.inf)}),
        (ValueError, r"class_weights: expected shape \(4\), got \(3,\)", {"class_weights": np.ones(3)}),
        (
            ValueError,
            r"class_weights: expected finite numbers >= 0, got -1.0 at \(0,\)",
            {"class_weights": -np.ones(4)},
        ),
        (ValueError, r"label_smoothing: expected a number in \[0, 1\], got 1.5", {"label_smoothing": 1.5}),
        (ValueError, r"reduction: expected one of sum, mean per token.*got 'mean'", {"reduction": "mean"}),
        (ValueError, r"reduction: expected one of", {"reduction": "mean per element"}),
    ],
)
def test_cross_entropy(error, message, changes):
    with pytest.raises(error, match=message):
        losses.cross_entropy(**({"logits": X, "targets": Y} | changes))


@pytest.mark.parametrize(
    ("error", "message", "changes"),
    [
        (
            ValueError,
            r"logits: expected shape \(T, B, ...\) with at least one feature, got \(3,\)",
            {"logits": X[:, 0, 0]},
        ),
        (ValueError, r"logits: .*at least one feature, got \(3, 2, 0\)", {"logits": X[..., :0], "targets": X[..., :0]}),
        (ValueError, r"targets: expected shape \(3, 2, 4\), got \(3, 2\)", {"targets": X[..., 0]}),
        (ValueError, r"targets: expected numbers in \[0, 1\], got 2.0 at \(0, 0, 0\)", {"targets": X + 2}),
        (ValueError, r"pos_weight: expected shape \(4\), got \(3,\)", {"pos_weight": np.ones(3)}),
        (ValueError, r"pos_weight: expected finite numbers >= 0, got nan", {"pos_weight": np.full(4, np.nan)}),
        (ValueError, r"reduction: expected one of sum.*mean per element; got 'none'", {"reduction": "none"}),
    ],
)
def test_binary_cross_entropy(error, message, changes):
    with pytest.raises(error, match=message):
        losses.binary_cross_entropy(**({"logits": X, "targets": X} | changes))


def test_squared_error():
    with pytest.raises(TypeError, match=r"targets: expected dtype float64 like the predictions, got float32"):
        losses.squared_error(X, X.astype("f4"))
    with pytest.raises(TypeError, match=r"predictions: expected a numpy array, got float"):
        losses.squared_error(1.0, X)
