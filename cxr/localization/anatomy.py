"""Where a finding can be: lungs and heart confine a heatmap that a few coarse cells have blurred over the chest."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Anatomy", "basal_field", "confine", "lung_field"]

OUTSIDE = 0.25
"""What is left of the heat outside the lungs: outlines err, and a tumour may lie against the chest wall."""

HEART_FINDINGS = frozenset({"Cardiomegaly"})
"""Findings that are about the heart as a whole: where they are, the heart is."""

BASAL_FINDINGS = frozenset({"Effusion"})
"""Findings that fill the chest from below, and so take the lower edge of an outlined lung with them."""

LUNG_FINDINGS = frozenset(
    {
        "Atelectasis",
        "Consolidation",
        "Edema",
        "Effusion",
        "Emphysema",
        "Fibrosis",
        "Infiltration",
        "Mass",
        "Nodule",
        "Pleural_Thickening",
        "Pneumonia",
        "Pneumothorax",
    }
)
"""Findings of the lungs and the pleura."""


@dataclass(frozen=True, eq=False)
class Anatomy:
    """Outlines on the grid of a heatmap, each (h, w) bool; an outline that was not found is empty."""

    right_lung: NDArray[np.bool_]
    left_lung: NDArray[np.bool_]
    heart: NDArray[np.bool_]


def lung_field(lung: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The lung with what disease has taken from it: every place between two of its points in a row or a column.

    A segmentation leaves out what is as bright as the chest wall, an effusion or a consolidation. Whoever looks for
    those must look where the air was.

    Args:
        lung: (h, w).
    """
    down = np.maximum.accumulate(lung, axis=0) & np.maximum.accumulate(lung[::-1], axis=0)[::-1]
    across = np.maximum.accumulate(lung, axis=1) & np.maximum.accumulate(lung[:, ::-1], axis=1)[:, ::-1]
    return down | across


def basal_field(lung: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The lung field and all that lies below it, where fluid has taken the lung's own lower edge.

    Args:
        lung: (h, w).
    """
    return np.maximum.accumulate(lung_field(lung), axis=0)


def confine(heatmap: NDArray[np.float32], finding: str, anatomy: Anatomy) -> NDArray[np.float32]:
    """Weigh a finding's heat by whether it can be there.

    Args:
        heatmap: (h, w) in [0, 1].
        finding: its name; one that is neither of lungs nor heart keeps its heatmap.
        anatomy: of the same image on the same grid.

    Returns:
        (h, w) in [0, 1]. A heart finding's heat is the heart. Without the outline that is needed, the heatmap itself.
    """
    if finding in HEART_FINDINGS and anatomy.heart.any():
        return anatomy.heart.astype(np.float32)
    if finding in LUNG_FINDINGS and anatomy.right_lung.any() and anatomy.left_lung.any():
        field = basal_field if finding in BASAL_FINDINGS else lung_field
        inside = field(anatomy.right_lung) | field(anatomy.left_lung)
        return heatmap * np.where(inside, np.float32(1), np.float32(OUTSIDE))
    return heatmap
