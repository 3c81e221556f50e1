"""Fit the low-frequency appearance of radiographs: principal modes of small, lung-aligned images.

NIH images come without lung outlines. They are aligned to the mean of the masked radiographs (whose outlines are
known) by the scale and shift of the highest normalised cross-correlation.
"""

import csv
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image
from scipy import fft
from scipy.ndimage import gaussian_filter

from cxr.phantom.appearance import GRID, LUNG_BOX
from cxr.phantom.frame import Points

__all__ = ["fit_appearance"]

MODES = 28
SCALES = (0.72, 0.8, 0.88, 0.96, 1.05, 1.15, 1.27)
WORK = 96  # pixels per side during alignment


def fit_appearance(annotated: Iterable[tuple[Path, Points]], nih: Path) -> dict[str, np.ndarray]:
    """Mean and modes, grey in [0, 1], of healthy train_val radiographs on the canonical grid, per view.

    Args:
        annotated: image files and landmarks, in pixels of a 256-pixel image, that the template is made of.
        nih: folder of index.csv and images.
    """
    template = _template(annotated)
    fitted: dict[str, np.ndarray] = {}
    with (nih / "index.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["split"] == "train_val" and not row["flags"]]
    for view in ("PA", "AP"):
        files = [nih / row["file"] for row in rows if row["view"] == view and row["labels"] == "No Finding"]
        scored = [_align(_read(file), template) for file in files]
        best = sorted(scored, key=lambda pair: -pair[0])[: int(0.85 * len(scored))]
        flat = np.stack([image.ravel() for _, image in best])
        mean = flat.mean(axis=0)
        _, singular, modes = np.linalg.svd(flat - mean, full_matrices=False)
        scaled = modes[:MODES] * (singular[:MODES, None] / np.sqrt(len(flat) - 1))
        fitted[f"appearance_mean_{view}"] = mean.astype(np.float16)
        fitted[f"appearance_modes_{view}"] = scaled.astype(np.float16)
    return fitted


def _read(path: Path) -> Image.Image:
    image = Image.open(path).convert("L").resize((256, 256), Image.Resampling.BOX)
    return Image.fromarray(np.asarray(image, dtype=np.float32) / 255.0)


def _window(image: Image.Image, box: tuple[float, float, float, float], size: int) -> np.ndarray:
    """The part ``box`` (left, top, right, bottom) of an image as (size, size); the border is repeated outside."""
    padded = np.pad(np.asarray(image), 128, mode="edge")
    left, top, right, bottom = (edge + 128 for edge in box)
    window = Image.fromarray(padded).resize((size, size), Image.Resampling.BOX, box=(left, top, right, bottom))
    return np.asarray(window, dtype=np.float64)


def _canonical_box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
    """The image window whose lungs lie in LUNG_BOX when their bounding box is the given one."""
    x0, y0, x1, y1 = LUNG_BOX
    width, height = (right - left) / (x1 - x0), (bottom - top) / (y1 - y0)
    return left - x0 * width, top - y0 * height, left + (1 - x0) * width, top + (1 - y0) * height


def _normalised(image: np.ndarray) -> np.ndarray:
    detail = image - gaussian_filter(image, 12)
    return detail / (np.sqrt(gaussian_filter(detail**2, 12)) + 0.02)


def _template(annotated: Iterable[tuple[Path, Points]]) -> np.ndarray:
    aligned = []
    for path, shape in annotated:
        (left, top), (right, bottom) = shape[:128].min(axis=0), shape[:128].max(axis=0)
        aligned.append(_normalised(_window(_read(path), _canonical_box(left, top, right, bottom), WORK)))
    return np.mean(aligned, axis=0)


def _align(image: Image.Image, template: np.ndarray) -> tuple[float, np.ndarray]:
    """Correlation with the template and the aligned image (GRID, GRID)."""
    spectrum = np.conj(fft.rfft2(template, s=(2 * WORK, 2 * WORK)))
    best: tuple[float, tuple[float, float, float, float]] = (-np.inf, (0.0, 0.0, 256.0, 256.0))
    for width in SCALES:
        for height in SCALES:
            w, h = 256 / width, 256 / height
            left, top = 128 - w / 2, 128 - h / 2
            moving = _normalised(_window(image, (left, top, left + w, top + h), WORK))
            surface = fft.irfft2(fft.rfft2(moving, s=(2 * WORK, 2 * WORK)) * spectrum)
            reach = WORK // 4
            near = np.roll(surface, (reach, reach), axis=(0, 1))[: 2 * reach + 1, : 2 * reach + 1]
            row, column = np.unravel_index(int(near.argmax()), near.shape)
            score = float(near.max()) / np.sqrt((moving**2).sum() * (template**2).sum())
            if score > best[0]:
                dx, dy = (column - reach) * w / WORK, (row - reach) * h / WORK
                best = (score, (left + dx, top + dy, left + dx + w, top + dy + h))
    return best[0], _window(image, best[1], GRID)
