"""Overlap of boxes: IoU and IoBB (Wang 2017), for arrays of boxes as [x, y, width, height]."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["iobb", "iou"]


def _areas_and_intersections(
    predicted: ArrayLike, truth: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Areas (P,), (T,) and pairwise intersection areas (P, T)."""
    boxes = [np.asarray(b, dtype=np.float64).reshape(-1, 4) for b in (predicted, truth)]
    for array in boxes:
        if not np.isfinite(array).all() or (array[:, 2:] < 0).any():
            raise ValueError("a box is [x, y, width, height] with finite numbers and no negative size")
    p, t = boxes
    top_left = np.maximum(p[:, None, :2], t[None, :, :2])
    bottom_right = np.minimum((p[:, :2] + p[:, 2:])[:, None], (t[:, :2] + t[:, 2:])[None])
    overlap = np.clip(bottom_right - top_left, 0, None).prod(axis=2)
    return p[:, 2:].prod(axis=1), t[:, 2:].prod(axis=1), overlap


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    """``part / whole``, 0 where the whole is empty."""
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)


def iou(predicted: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """Intersection over union of every predicted with every true box.

    Args:
        predicted: (P, 4) boxes as x, y, width, height.
        truth: (T, 4) boxes in the same pixels.

    Returns:
        (P, T) in [0, 1].

    Raises:
        ValueError: if a box has a negative size or a number that is not finite.
    """
    p, t, overlap = _areas_and_intersections(predicted, truth)
    return _ratio(overlap, p[:, None] + t[None] - overlap)


def iobb(predicted: ArrayLike, truth: ArrayLike) -> NDArray[np.float64]:
    """Intersection over the predicted box's own area. Rewards tiny boxes: report it beside :func:`iou`.

    Args:
        predicted: (P, 4) boxes as x, y, width, height.
        truth: (T, 4) boxes in the same pixels.

    Returns:
        (P, T) in [0, 1].

    Raises:
        ValueError: if a box has a negative size or a number that is not finite.
    """
    p, _, overlap = _areas_and_intersections(predicted, truth)
    return _ratio(overlap, np.broadcast_to(p[:, None], overlap.shape))
