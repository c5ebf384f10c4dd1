"""Targets of sequences: which labels each has, from a padded matrix or from one list of all."""

from typing import Any

import numpy as np

from refseq import arguments

FEW = 256
"""Labels that Python looks at faster than numpy."""


def labels_of(
    targets: Any, lengths: Any, rows: int, classes: int, blank: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All labels in a row (N,), where each sequence's begin, and how many it has (B,), as int64.

    targets (B, L), of which the first ``lengths`` count (None: all), or (sum of lengths,). What does not count is not
    looked at. Raises TypeError or ValueError naming the argument.
    """
    if isinstance(targets, np.ma.MaskedArray) or not isinstance(targets, np.ndarray):
        raise TypeError(f"targets: expected a numpy array, got {type(targets).__name__}")
    if targets.dtype.kind not in "iu":
        raise TypeError(f"targets: expected integers, got dtype {targets.dtype}")
    joined = targets.ndim == 1
    if not joined and (targets.ndim != 2 or targets.shape[0] != rows):
        raise ValueError(f"targets: expected shape ({rows}, L) or (sum of target_lengths,), got {targets.shape}")
    if joined and lengths is None:
        raise ValueError("target_lengths: needed for targets of shape (sum of target_lengths,)")
    width = targets.shape[-1]
    counts = np.full(rows, width, np.int64) if lengths is None else _counts(lengths, rows, width)
    if joined:
        begins = np.cumsum(counts) - counts
        if counts.sum() != width:
            raise ValueError(
                f"targets: expected shape ({counts.sum()},), the sum of target_lengths; got {targets.shape}"
            )
    else:
        begins = np.arange(0, rows * width, width) if width else np.zeros(rows, np.int64)
    labels = np.ascontiguousarray(targets, np.int64).reshape(-1)
    _judge(labels, targets, counts, classes, blank, joined)
    return labels, begins, counts


def _counts(lengths: Any, rows: int, width: int) -> np.ndarray:
    given = arguments.integers("target_lengths", lengths)
    if given.shape != (rows,):
        raise ValueError(f"target_lengths: expected shape ({rows},), one for each batch row, got {given.shape}")
    values = given.tolist()
    if rows and (min(values) < 0 or max(values) > width):
        row = int(np.argmax((given < 0) | (given > width)))
        raise ValueError(f"target_lengths[{row}]: expected 0 <= length <= {width}, got {given[row]}")
    return given.astype(np.int64)


def _judge(labels: np.ndarray, targets: np.ndarray, counts: np.ndarray, classes: int, blank: int, joined: bool) -> None:
    """Labels are classes, and not the blank. Padding may be neither."""
    if not labels.size:
        return
    few = labels.tolist() if labels.size <= FEW else None
    least, most = (min(few), max(few)) if few else (labels.min(), labels.max())
    if least >= 0 and most < classes and (least > blank or most < blank or not (labels == blank).any()):
        return  # the most frequent case, at once
    bad = ((labels < 0) | (labels >= classes) | (labels == blank)).reshape(targets.shape)
    if not joined:
        bad = bad & (np.arange(targets.shape[1]) < counts[:, None])
    if bad.any():
        where = tuple(int(i) for i in np.argwhere(bad)[0])
        at = where[0] if joined else where
        wanted = f"0 <= label < C = {classes} other than the blank {blank}"
        raise ValueError(f"targets: expected {wanted}, got {targets[where]} at {at}")
