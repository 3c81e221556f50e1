"""The statistical shape model of lungs and heart, read from the shipped parameters.

A point distribution model (Cootes et al. 1995): shape = mean + sum_k b_k * sqrt(eigenvalue_k) * mode_k with
b_k ~ N(0, 1), truncated. The parameters are fitted by :mod:`cxr.phantom.fit`; see NOTICE.md for the sources.

A shape is a float array (176, 2) of x, y in thorax widths: x runs to the image's right (the patient's left),
y runs down, the origin is the middle between the lateral lung borders at the mean height of the lungs.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DIAPHRAGM",
    "HEART",
    "LATERAL",
    "LEFT_LUNG",
    "MEDIAL",
    "RIGHT_LUNG",
    "SHAPE_POINTS",
    "load_parameters",
    "load_shape_model",
]

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


@dataclass(frozen=True)
class ShapeModel:
    """Mean and principal modes of the landmark shapes.

    Attributes:
        mean: (176, 2), in thorax widths.
        modes: (K, 176, 2), each mode already scaled by its standard deviation.
    """

    mean: NDArray[np.float64]
    modes: NDArray[np.float64]

    def sample_coefficients(self, rng: np.random.Generator, spread: float = 0.8) -> NDArray[np.float64]:
        """Coefficients (K,) of one person, in standard deviations, truncated at two."""
        return np.clip(rng.normal(0.0, spread, len(self.modes)), -2.0, 2.0)

    def shape(self, coefficients: NDArray[np.float64]) -> NDArray[np.float64]:
        """Landmarks (176, 2) of the given coefficients (K,), in thorax widths."""
        return self.mean + np.tensordot(coefficients, self.modes, axes=1)


@cache
def load_parameters() -> dict[str, NDArray[np.float64]]:
    """All fitted arrays that ship with the package, as float64."""
    path = files("cxr.phantom").joinpath("parameters.npz")
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
        return {name: archive[name].astype(np.float64) for name in archive.files}


@cache
def load_shape_model() -> ShapeModel:
    """The shipped shape model."""
    parameters = load_parameters()
    mean = parameters["shape_mean"].reshape(SHAPE_POINTS, 2)
    return ShapeModel(mean, parameters["shape_modes"].reshape(-1, SHAPE_POINTS, 2))
