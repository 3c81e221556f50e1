"""From line integrals to the film: exposure, scatter, noise, what a CR reader does, and what surrounds the patient.

Beer-Lambert gives the primary signal exp(-L). Scatter is a broad blur of it, more of it without a grid. Quanta are
Poisson, approximated by a Gaussian of the same variance and blurred by the plate. The reader takes the logarithm,
compresses the low frequencies, sharpens the high ones, and maps the range it found to grey by a sigmoid. Around the
patient come collimator edges, side markers, the word PORTABLE.
"""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import gaussian_filter, zoom

from cxr.phantom.frame import Floats, resize

__all__ = ["Technique", "collimate", "draw_technique", "expose", "letter", "process", "to_grey"]


@dataclass(frozen=True)
class Technique:
    """How one film was taken and processed.

    Attributes:
        scatter: scattered over primary signal behind the chest.
        quanta: per pixel of 1 mm behind no object; noise falls with its root.
        compression: share of the low frequencies taken out of the log signal.
        sharpening: of the high frequencies.
        contrast: slope of the sigmoid; brightness: its shift.
    """

    scatter: float
    quanta: float
    compression: float
    sharpening: float
    contrast: float
    brightness: float


def draw_technique(portable: bool, rng: np.random.Generator) -> Technique:
    """Portable films have no grid: more scatter, more noise, less contrast."""
    return Technique(
        scatter=float(rng.uniform(0.5, 1.1) if portable else rng.uniform(0.15, 0.5)),
        quanta=float(np.exp(rng.normal(11.6 if portable else 12.6, 0.5))),
        compression=float(rng.uniform(0.3, 0.55)),
        sharpening=float(rng.uniform(0.1, 0.7)),
        contrast=float(np.clip(rng.normal(1.0, 0.14), 0.7, 1.35)),
        brightness=float(rng.normal(0.0, 0.12)),
    )


def expose(attenuation: Floats, technique: Technique, pixel_cm: float, rng: np.random.Generator | None) -> Floats:
    """Log detector signal (size, size), larger where more X-rays arrive; without noise when ``rng`` is None."""
    size = attenuation.shape[0]
    primary = np.exp(-attenuation)
    small = resize(primary, max(size // 8, 16))
    scatter = gaussian_filter(small, 5.0 / (pixel_cm * size / small.shape[0]), mode="nearest")
    scatter = resize(zoom(scatter, 2, order=1), size)
    signal = primary + technique.scatter * 0.5 * scatter
    if rng is not None:
        photons = signal * technique.quanta * (pixel_cm * 10) ** 2
        noise = gaussian_filter(rng.standard_normal(signal.shape).astype(np.float32), 0.5) * 1.9
        signal = signal * (1 + noise / np.sqrt(photons))
    return np.asarray(np.log(np.maximum(signal, 1e-5)), dtype=np.float32)


def process(log_signal: Floats, technique: Technique, body: Floats, lungs: Floats, pixel_cm: float) -> Floats:
    """Levels (size, size), bone high, as the reader would hand them to its display curve.

    The range is found as a reader finds it: from the lungs (dark end) and the densest part of the body.
    """
    density = -log_signal
    low = resize(density, max(density.shape[0] // 4, 32))
    smooth = resize(gaussian_filter(low, 2.2 / (pixel_cm * density.shape[0] / low.shape[0])), density.shape[0])
    middle = float(np.median(smooth[lungs > 0.5])) if (lungs > 0.5).any() else float(smooth.mean())
    flat = density - technique.compression * (smooth - middle)
    fine = density - gaussian_filter(density, 0.12 / pixel_cm)
    flat = flat + technique.sharpening * fine
    inside = flat[body > 3.0]
    dark = float(np.quantile(flat[lungs > 0.5], 0.10)) if (lungs > 0.5).any() else float(np.quantile(inside, 0.1))
    bright = float(np.quantile(inside, 0.93))
    scaled = (flat - dark) / max(bright - dark, 0.5)
    return np.asarray((scaled - 0.36) * 3.2 * technique.contrast + technique.brightness, dtype=np.float32)


def to_grey(level: Floats) -> Floats:
    """The display curve: grey values in [0, 1] of a level, by the logistic function."""
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(level, -12.0, 12.0))), dtype=np.float32)


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
