"""The gate before scoring: is this picture one whole, upright, positive frontal chest radiograph?

A finding network gives confident nonsense for anything else. Mirrored chests are not looked for: situs inversus exists,
and the picture alone cannot tell.
"""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.burnt_in_text import require_no_text
from cxr.imaging.preprocessing import ImagePyramid, prepare
from cxr.onnx_model import open_session
from nlp_labeler.storage import bytes_sha256

__all__ = ["GATE_OUTPUTS", "GATE_SIZE", "Quality", "QualityGate", "gate_copy", "gate_input"]

GATE_SIZE = 96
"""Side of the gate network's input in pixels."""

_COPY_SIDE = 160

GATE_OUTPUTS = ("chest", "inverted", "cropped", "upright", "rotated_90", "rotated_180", "rotated_270")
"""Logits of the gate network: three yes-or-no questions, and a choice of four orientations."""

_MESSAGES = {
    RefusalCode.NOT_FRONTAL_CHEST: "the picture does not look like a frontal chest radiograph",
    RefusalCode.INVERTED: "the picture looks like a negative (bone dark); invert it",
    RefusalCode.ROTATED: "the picture looks rotated; turn it upright",
    RefusalCode.CROPPED: "the picture shows only a part of the chest",
}


@dataclass(frozen=True, slots=True)
class Quality:
    """What the gate thinks of a picture; every number is a probability in [0, 1].

    Attributes:
        chest: that it is a frontal chest radiograph at all.
        inverted: that bone is dark.
        rotated: that it is turned by 90, 180 or 270 degrees.
        cropped: that a large part of the chest is cut off.
    """

    chest: float
    inverted: float
    rotated: float
    cropped: float


class QualityGate:
    """The gate network with its thresholds.

    Args:
        model: the content of an ONNX file that maps ``image`` (N, 1, 96, 96) to ``logits`` (N, 7).
        thresholds: refusal code -> limit that the probability of a fault may reach.
    """

    def __init__(self, model: bytes, thresholds: dict[RefusalCode, float]) -> None:
        self._session = open_session(model)
        self.thresholds = thresholds

    @classmethod
    @cache
    def shipped(cls) -> "QualityGate":
        """The gate that comes with the package.

        Raises:
            RuntimeError: if its two files do not belong together: the installation is damaged.
        """
        folder = files("cxr") / "weights"
        try:
            return cls.from_card(
                (folder / "quality_gate.onnx").read_bytes(), (folder / "quality_gate.json").read_bytes()
            )
        except ValueError as error:
            raise RuntimeError(f"{error}; install cxr again") from error

    @classmethod
    def from_card(cls, model: bytes, card: bytes) -> "QualityGate":
        """The gate of a model file and the JSON file that describes it.

        Raises:
            ValueError: if the two do not belong together.
        """
        described = json.loads(card)
        if bytes_sha256(model) != described["sha256"]:
            raise ValueError("quality_gate.onnx is not the file that its card describes")
        return cls(model, {RefusalCode(code): limit for code, limit in described["thresholds"].items()})

    def assess(self, image: NDArray[np.float32] | ImagePyramid) -> Quality:
        """Look at one picture.

        Args:
            image: (H, W) in [0, 1], or the pyramid of it.
        """
        batch = gate_input(image)[None, None].astype(np.float32) / np.float32(255)
        (logits,) = self._session.run(["logits"], {"image": batch})
        return quality_of(logits[0])

    def refusal(self, quality: Quality) -> RefusalCode | None:
        """The first fault that reaches its limit, the gravest first; ``None`` where there is none."""
        faults = {
            RefusalCode.NOT_FRONTAL_CHEST: 1 - quality.chest,
            RefusalCode.INVERTED: quality.inverted,
            RefusalCode.ROTATED: quality.rotated,
            RefusalCode.CROPPED: quality.cropped,
        }
        return next((code for code, fault in faults.items() if fault >= self.thresholds[code]), None)

    def check(self, image: NDArray[np.float32] | ImagePyramid) -> Quality:
        """Look at one picture and refuse it where it must not be scored.

        Args:
            image: (H, W) in [0, 1], or the pyramid of it.

        Raises:
            RefusedInputError: not_frontal_chest, inverted, rotated, cropped, burnt_in_text.
        """
        pyramid = ImagePyramid.of(image)
        quality = self.assess(pyramid)
        code = self.refusal(quality)
        if code is not None:
            raise RefusedInputError(code, _MESSAGES[code])
        require_no_text(pyramid)
        return quality


def gate_copy(image: NDArray[np.float32] | ImagePyramid) -> NDArray[np.float32]:
    """A picture at the size at which the gate's training keeps it; one that is no larger stays as it is.

    Args:
        image: (H, W) in [0, 1], or the pyramid of it.

    Returns:
        (h, w) float32 in [0, 1], the longer side at most 160 pixels.
    """
    pyramid = ImagePyramid.of(image)
    if max(pyramid.pixels.shape) <= _COPY_SIDE:
        return pyramid.pixels
    square, placement = prepare(pyramid, _COPY_SIDE)
    left, top = int(placement.offset_x), int(placement.offset_y)
    return square[top : _COPY_SIDE - top, left : _COPY_SIDE - left].astype(np.float32) / np.float32(255)


def gate_input(image: NDArray[np.float32] | ImagePyramid) -> NDArray[np.uint8]:
    """Squeeze a picture into the gate's square; unlike the finding network's letterbox this leaves no bars to go by.

    It goes by way of :func:`gate_copy`: another filter on the way makes the gate refuse sharp films of other hospitals.

    Args:
        image: (H, W) in [0, 1], or the pyramid of it.

    Returns:
        (96, 96) uint8.
    """
    copy = Image.fromarray(np.ascontiguousarray(gate_copy(image), dtype=np.float32))
    small = np.asarray(copy.resize((GATE_SIZE, GATE_SIZE), Image.Resampling.BILINEAR))
    return np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8)


def quality_of(logits: NDArray[np.float32]) -> Quality:
    """Probabilities of one row of gate logits."""
    chest, inverted, cropped = 1 / (1 + np.exp(-logits[:3].astype(np.float64)))
    turns = np.exp(logits[3:].astype(np.float64) - logits[3:].max())
    return Quality(float(chest), float(inverted), float(1 - turns[0] / turns.sum()), float(cropped))
