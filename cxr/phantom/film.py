"""What surrounds the patient on a film: collimator edges, side markers, the word PORTABLE."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter

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
    layer = Image.new("L", (size * 2, size * 2))
    draw = ImageDraw.Draw(layer)
    font = ImageFont.load_default(float(rng.uniform(0.035, 0.055) * size * 2))
    left = rng.random() < 0.7
    x = rng.uniform(0.86, 0.93) if left else rng.uniform(0.04, 0.10)  # the patient's left is on the image's right
    at = (x * size * 2, rng.uniform(0.03, 0.16) * size * 2)
    if rng.random() < 0.9:
        draw.text(at, "L" if left else "R", fill=255, font=font)
    if portable and rng.random() < 0.35:
        small = ImageFont.load_default(float(0.026 * size * 2))
        draw.text((rng.uniform(0.1, 0.6) * size * 2, 0.02 * size * 2), "PORTABLE", fill=255, font=small)
    turned = layer.rotate(float(rng.normal(0.0, 4.0)), center=at, resample=Image.Resampling.BILINEAR)
    ink = gaussian_filter(np.asarray(turned.reduce(2), dtype=np.float32) / 255.0, 0.35)
    return np.asarray(pixels + (0.97 - pixels) * np.minimum(ink * rng.uniform(0.75, 1.0), 1.0), dtype=np.float32)
