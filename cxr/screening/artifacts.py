"""What there is to see and to refer to beside a result: pixels, heatmaps, and the header of the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cxr.imaging.radiograph import RadiographMetadata
from cxr.localization import Box, BoxSettings, WindowSettings
from cxr.localization.heatmaps import Heatmaps
from cxr.screening.generator import GeneratedReport
from cxr.screening.result import ScreeningResult

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

__all__ = ["Examination", "ScreeningArtifacts"]


@dataclass(frozen=True)
class ScreeningArtifacts:
    """Arrays behind the result of one screened input. Never stored with it: pixels stay where they were.

    Attributes:
        pixels: (H, W) float32 in [0, 1], air dark and bone bright, as read.
        metadata: what the file says about them.
        heatmaps: finding -> (h, w) float32 in [0, 1], stretched over the whole image.
        probabilities: finding -> calibrated probability.
        box_settings: finding -> how its heatmap becomes boxes.
        embedding: (D,) float32, by which similar images are found.
        identity: (P,) float32 of length 1, by which films of one patient are found; ``None`` where the bundle has no
            film heads.
        generated: the raw generated report with where the decoder looked for each word; ``None`` where the bundle
            has no generator.
    """

    pixels: NDArray[np.float32]
    metadata: RadiographMetadata
    heatmaps: Heatmaps
    probabilities: Mapping[str, float]
    box_settings: Mapping[str, BoxSettings | WindowSettings]
    embedding: NDArray[np.float32]
    generated: GeneratedReport | None = None
    identity: NDArray[np.float32] | None = None

    def boxes(self, finding: str) -> tuple[Box, ...]:
        """Boxes of a finding of the label space in pixels of the image, whatever its threshold says of it."""
        return self.heatmaps.boxes(finding, self.box_settings[finding], self.probabilities[finding])


@dataclass(frozen=True)
class Examination:
    """One input's result, and what it was made from.

    Attributes:
        result: what is reported.
        artifacts: ``None`` when it was refused.
        header: the DICOM attributes of the file without its pixels, of a refused one too, because whatever is written
            about it must name it; ``None`` for other files.
    """

    result: ScreeningResult
    artifacts: ScreeningArtifacts | None
    header: "Dataset | None" = None
