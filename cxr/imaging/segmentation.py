"""Lungs and heart on a frontal chest radiograph, and the cardiothoracic ratio that follows from them."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from cxr.imaging.preprocessing import Placement, prepare
from cxr.imaging.runs import Runs
from cxr.onnx_model import open_session
from nlp_labeler.storage import bytes_sha256

__all__ = ["SEGMENTATION_SIZE", "Segmentation", "Segmenter", "cardiothoracic_ratio", "outlined"]

SEGMENTATION_SIZE = 128
"""Side of the segmentation network's input in pixels."""

# Pieces smaller than this part of a structure are specks.
_SPECK = 0.1


@dataclass(frozen=True, slots=True, eq=False)
class Segmentation:
    """Masks of one radiograph, each (H, W) bool at the size of the input.

    Attributes:
        right_lung: the patient's right lung, on the left of the picture.
        left_lung: the patient's left lung.
        heart: the heart.
    """

    right_lung: NDArray[np.bool_]
    left_lung: NDArray[np.bool_]
    heart: NDArray[np.bool_]

    @property
    def lungs(self) -> NDArray[np.bool_]:
        """Both lungs."""
        return self.right_lung | self.left_lung

    @property
    def cardiothoracic_ratio(self) -> float | None:
        """See :func:`cardiothoracic_ratio`."""
        return cardiothoracic_ratio(self.lungs, self.heart)


class Segmenter:
    """The segmentation network.

    Args:
        model: the content of an ONNX file that maps ``image`` (N, 1, 128, 128) to ``logits`` (N, 3, 128, 128).
    """

    def __init__(self, model: bytes) -> None:
        self._session = open_session(model)

    @classmethod
    @cache
    def shipped(cls) -> "Segmenter":
        """The network that comes with the package.

        Raises:
            RuntimeError: if the file is not the one its card describes: the installation is damaged.
        """
        folder = files("cxr") / "weights"
        model = (folder / "segmentation.onnx").read_bytes()
        card = json.loads((folder / "segmentation.json").read_text())
        if bytes_sha256(model) != card["sha256"]:
            raise RuntimeError("cxr/weights/segmentation.onnx is not the file its card describes; install cxr again")
        return cls(model)

    def segment(self, pixels: NDArray[np.float32], pixel_aspect: float = 1.0) -> Segmentation:
        """Outline lungs and heart.

        Args:
            pixels: (H, W) in [0, 1] of an upright frontal chest radiograph, air dark.
            pixel_aspect: height of a pixel over its width.
        """
        square, placement = prepare(pixels, SEGMENTATION_SIZE, pixel_aspect)
        batch = square[None, None].astype(np.float32) / np.float32(255)
        (logits,) = self._session.run(["logits"], {"image": batch})
        return outlined(logits[0], placement)


def outlined(logits: NDArray[np.float32], placement: Placement) -> Segmentation:
    """What the network said of a square as masks of the radiograph in it, without specks and holes.

    Args:
        logits: (3, h, w) over the square, above 0 within the right lung, the left lung and the heart.
        placement: where the radiograph lies in the square.
    """
    return Segmentation(*(_without_specks(placement.heatmap_to_input(heat) > 0) for heat in logits))


def cardiothoracic_ratio(lungs: NDArray[np.bool_], heart: NDArray[np.bool_]) -> float | None:
    """Largest width of the heart over largest width of the thorax between the outer borders of the lungs.

    Args:
        lungs: (H, W).
        heart: (H, W).

    Returns:
        The ratio, or ``None`` where one of the masks is empty.
    """
    thorax, width = _extent(lungs), _extent(heart)
    return width / thorax if thorax and width else None


def _extent(mask: NDArray[np.bool_]) -> int:
    """Columns from the first to the last one that any row of the mask reaches."""
    columns = np.flatnonzero(mask.any(axis=0))
    return int(columns[-1] - columns[0] + 1) if columns.size else 0


def _without_specks(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The mask with holes filled, and without pieces that are small against the largest one."""
    pieces = Runs.of(mask, diagonal=False)
    if pieces.roots.size == 0:
        return mask
    sizes = np.bincount(pieces.roots, weights=pieces.lengths)
    kept = pieces.paint(sizes[pieces.roots] >= _SPECK * sizes.max())
    around = Runs.of(np.pad(~kept, 1, constant_values=True), diagonal=False)
    outside: NDArray[np.bool_] = around.paint(around.roots == 0)[1:-1, 1:-1]
    return ~outside
