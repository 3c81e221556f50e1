"""Class heatmaps -> boxes; overlap measures. Base install only.

- :func:`boxes_from_heatmap` with :class:`BoxSettings` -> :class:`Box`
- :class:`WindowSettings`: boxes of a finding's usual extent; :func:`default_box_settings`
- :func:`iou`, :func:`iobb`
- :class:`~cxr.localization.heatmaps.Heatmaps`: those of one image, and its boxes, confined to lungs and heart
"""

from cxr.localization.boxes import Box, BoxSettings, boxes_from_heatmap, normalize_heatmap
from cxr.localization.overlap import iobb, iou
from cxr.localization.windows import WindowSettings, default_box_settings

__all__ = [
    "Box",
    "BoxSettings",
    "WindowSettings",
    "boxes_from_heatmap",
    "default_box_settings",
    "iobb",
    "iou",
    "normalize_heatmap",
]
