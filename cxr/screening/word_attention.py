"""Where the report generator looked for some of its words, on the image rather than on the network's square."""

import numpy as np
from PIL import Image

from cxr.imaging.preprocessing import Placement
from cxr.localization.evidence import content
from cxr.reporting.document import AttentionMap
from cxr.screening.generator import GeneratedReport

__all__ = ["WordAttention"]


class WordAttention:
    """The attention of one generated report.

    Args:
        generated: the report with one map per word.
        placement: where the image lies in the network's square.
        size: side of the square in pixels.
    """

    def __init__(self, generated: GeneratedReport, placement: Placement, size: int) -> None:
        self._generated, self._placement, self._size = generated, placement, size

    def __call__(self, start: int, end: int) -> AttentionMap:
        """The mean map of the words in characters ``start`` to ``end`` of the text; empty where there is no word."""
        words = [i for i, (first, last) in enumerate(self._generated.spans) if first < end and last > start]
        if not words:
            return ()
        square = self._generated.attention[words].mean(axis=0)
        cell = self._size / len(square)
        left, top, right, bottom = (edge / cell for edge in content(self._placement, self._size))
        shape = (max(1, round(right - left)), max(1, round(bottom - top)))
        found = np.asarray(Image.fromarray(square).resize(shape, Image.Resampling.BOX, box=(left, top, right, bottom)))
        return tuple(tuple(int(v) for v in row) for row in (100 * found / found.max()).round())
