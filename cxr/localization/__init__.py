"""Class heatmaps -> boxes; overlap measures. Base install only.

- :func:`boxes_from_heatmap` with :class:`BoxSettings` -> :class:`Box`
- :func:`iou`, :func:`iobb`
- :class:`~cxr.localization.heatmaps.Heatmaps`: those of one image, and its boxes, confined to lungs and heart
"""

from cxr.localization.boxes import Box, BoxSettings, boxes_from_heatmap, normalize_heatmap
from cxr.localization.overlap import iobb, iou

__all__ = ["Box", "BoxSettings", "boxes_from_heatmap", "iobb", "iou", "normalize_heatmap"]
