"""How a finding's heatmap is best cut into boxes, chosen where the truth is known."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cxr.localization import BoxSettings, boxes_from_heatmap, iou

CANDIDATES = tuple(
    BoxSettings(threshold=threshold, max_boxes=boxes)
    for threshold in (0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85)
    for boxes in (1, 2, 3)
)
HITS = (0.1, 0.3, 0.5)
FALSE_BOX_COST = 0.05
"""What a false box per image costs, in hit rate: a reader looks at every box."""


def fit_box_settings(
    heatmaps: Sequence[NDArray[np.float32]],
    truth: Sequence[NDArray[np.float64]],
    candidates: Sequence[BoxSettings] = CANDIDATES,
) -> BoxSettings:
    """The candidate with the best mean hit rate at IoU .1, .3 and .5, less the cost of its false boxes.

    Args:
        heatmaps: (h, w) of each image that has the finding.
        truth: (T, 4) its true boxes as x, y, width, height in pixels of the heatmap.
        candidates: settings to choose from.

    Raises:
        ValueError: if there is nothing to choose by.
    """
    if not heatmaps:
        raise ValueError("box settings need at least one image with a true box")
    scores = [_score(heatmaps, truth, settings) for settings in candidates]
    return candidates[int(np.argmax(scores))]


def _score(
    heatmaps: Sequence[NDArray[np.float32]], truth: Sequence[NDArray[np.float64]], settings: BoxSettings
) -> float:
    hits = boxes = false = 0.0
    for heatmap, drawn in zip(heatmaps, truth, strict=True):
        found = [[b.x, b.y, b.width, b.height] for b in boxes_from_heatmap(heatmap, settings)]
        overlap = iou(found, drawn)
        best = overlap.max(axis=0, initial=0.0)
        hits += float(np.mean([(best > t).sum() for t in HITS]))
        false += float((overlap.max(axis=1, initial=0.0) <= HITS[0]).sum())
        boxes += len(drawn)
    return hits / boxes - FALSE_BOX_COST * false / len(heatmaps)
