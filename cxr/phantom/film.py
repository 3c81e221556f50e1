"""What surrounds the patient on a film: collimator edges, side markers, the word PORTABLE."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cxr.phantom.frame import Floats

__all__ = ["collimate", "letter"]


def collimate(pixels: Floats, portable: bool, rng: np.random.Generator) -> Floats:
    """Blacken what lies outside the shutters, where the film shows any; sometimes a bright unexposed rim."""
    size = pixels.shape[0]
    if rng.random() > (0.5 if portable else 0.3):
        return pixels
    tilt = np.tan(np.radians(rng.normal(0.0, 1.2)))
    axis = np.arange(size, dtype=np.float32) - size / 2
    open_field = np.ones_like(pixels)
    for turn in range(4):
        if rng.random() < 0.45:
            margin = rng.uniform(0.005, 0.05) * size
            edge = axis[:, None] + tilt * axis[None, :] + size / 2
            open_field *= np.rot90(np.clip((edge - margin) / 1.2, 0.0, 1.0), turn)
    rim = 0.97 if rng.random() < 0.12 else float(rng.uniform(0.0, 0.03))
    return np.asarray(pixels * open_field + rim * (1.0 - open_field), dtype=np.float32)


def letter(pixels: Floats, portable: bool, rng: np.random.Generator) -> Floats:
    """Lead letters: L or R beside the shoulder, on some portable films a word."""
    size = pixels.shape[0]
    stamped = pixels.copy()
    left = rng.random() < 0.7
    x = rng.uniform(0.86, 0.93) if left else rng.uniform(0.04, 0.10)  # the patient's left is on the image's right
    y, height = rng.uniform(0.03, 0.16), rng.uniform(0.035, 0.055)
    if rng.random() < 0.9:
        _stamp(stamped, "L" if left else "R", x * size, y * size, height * size, float(rng.normal(0.0, 6.0)))
    if portable and rng.random() < 0.35:
        _stamp(
            stamped, "PORTABLE", rng.uniform(0.1, 0.6) * size, 0.02 * size, 0.026 * size, float(rng.normal(0.0, 2.0))
        )
    return stamped


def _stamp(pixels: Floats, text: str, x: float, y: float, height: float, degrees: float) -> None:
    """Draw white text into the pixels, in place."""
    font = ImageFont.load_default(height * 2)
    width = int(font.getlength(text)) + 8
    side = (width + width % 2, int(height * 2.6) // 2 * 2 + 8)
    layer = Image.new("L", side)
    ImageDraw.Draw(layer).text((4, 2), text, fill=255, font=font)
    turned = layer.rotate(degrees, resample=Image.Resampling.BILINEAR).reduce(2)
    ink = np.asarray(turned, dtype=np.float32) / 255.0
    part = pixels[int(y) : int(y) + ink.shape[0], int(x) : int(x) + ink.shape[1]]
    part += (0.95 - part) * ink[: part.shape[0], : part.shape[1]]
