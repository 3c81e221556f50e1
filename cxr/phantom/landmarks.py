"""Landmark layout of the statistical shape model: which rows of a shape are which border.

A shape is a float array (176, 2) of x, y in thorax widths: x runs to the image's right (the patient's left),
y runs down, the origin is the middle between the lateral lung borders at the mean height of the lungs.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["DIAPHRAGM", "HEART", "LATERAL", "LEFT_LUNG", "LUNG_POINTS", "MEDIAL", "RIGHT_LUNG", "SHAPE_POINTS"]

LUNG_POINTS = 64
HEART_POINTS = 48
SHAPE_POINTS = 2 * LUNG_POINTS + HEART_POINTS

RIGHT_LUNG = slice(0, LUNG_POINTS)
LEFT_LUNG = slice(LUNG_POINTS, 2 * LUNG_POINTS)
HEART = slice(2 * LUNG_POINTS, SHAPE_POINTS)

# Within one lung: apex -> down the chest wall -> costophrenic angle -> along the diaphragm -> cardiophrenic
# angle -> up the mediastinal border -> apex.
LATERAL = slice(0, 24)
DIAPHRAGM = slice(24, 38)
MEDIAL = slice(38, LUNG_POINTS)

Points = NDArray[np.float64]
