"""Fit the shipped parameters of the phantom from real masks and radiographs.

    python -m cxr.phantom.fit MASKS NIH

MASKS holds one folder per source, each with index.csv and the folders right_lung/, left_lung/, heart/ (PNG,
0/255); NIH holds index.csv and the ChestX-ray14 images. Only images whose split is ``train_val`` are read. What
is written (parameters.npz beside this file) is statistics, no image: see NOTICE.md. Needs the 'train' extra.

Shape: a point distribution model of the landmarks of the masks. Appearance: principal modes of small, lung-aligned
images; NIH images come without lung outlines, and are aligned to the mean of the masked radiographs (whose outlines
are known) by the scale and shift of the highest normalised cross-correlation.
"""

import argparse
import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from contourpy import contour_generator
from PIL import Image
from scipy import fft
from scipy.ndimage import gaussian_filter

from cxr.phantom.appearance import GRID, LUNG_BOX
from cxr.phantom.frame import Points
from cxr.phantom.shape import DIAPHRAGM, HEART, HEART_POINTS, LATERAL, LEFT_LUNG, MEDIAL, RIGHT_LUNG, SHAPE_POINTS
from nlp_labeler.storage import atomic_writer

SHAPE_MODES = 20


def read_shapes(masks: Path) -> Iterator[tuple[Path, Points]]:
    """Image file and landmarks (176, 2), in pixels of the masks, of every annotated radiograph."""
    for index in sorted(masks.glob("*/index.csv")):
        with index.open(newline="") as stream:
            for row in csv.DictReader(stream):
                shape = np.empty((SHAPE_POINTS, 2))
                shape[RIGHT_LUNG] = _lung_landmarks(_outline(index.parent / row["right_lung"]), -1)
                shape[LEFT_LUNG] = _lung_landmarks(_outline(index.parent / row["left_lung"]), 1)
                shape[HEART] = _heart_landmarks(_outline(index.parent / row["heart"]))
                yield index.parent / row["file"], shape


def fit_shape(shapes: Points) -> dict[str, np.ndarray]:
    """Mean and scaled modes of shapes (n, 176, 2), after dropping the 5% farthest from the median (slips)."""
    left, right = shapes[:, :, 0].min(axis=1), shapes[:, :, 0].max(axis=1)
    centre = np.column_stack([(left + right) / 2, shapes[:, : HEART.start, 1].mean(axis=1)])
    normal = (shapes - centre[:, None]) / (right - left)[:, None, None]
    distance = np.sqrt(((normal - np.median(normal, axis=0)) ** 2).mean(axis=(1, 2)))
    flat = normal[distance <= np.quantile(distance, 0.95)].reshape(-1, SHAPE_POINTS * 2)
    mean = flat.mean(axis=0)
    _, singular, modes = np.linalg.svd(flat - mean, full_matrices=False)
    scaled = modes[:SHAPE_MODES] * (singular[:SHAPE_MODES, None] / np.sqrt(len(flat) - 1))
    return {"shape_mean": mean.astype(np.float16), "shape_modes": scaled.astype(np.float16)}


def _outline(mask_path: Path) -> Points:
    """The longest contour of a mask as (N, 2) x, y in pixels, smoothed against the pixel staircase."""
    mask = np.asarray(Image.open(mask_path).convert("L"), dtype=np.float64) / 255.0
    lines = contour_generator(z=np.pad(gaussian_filter(mask, 1.0), 1)).lines(0.5)
    longest = max((np.asarray(line, dtype=np.float64) for line in lines), key=len)
    return longest - 1.0


def _resample(path: Points, count: int) -> Points:
    """``count`` points at equal arc length along an open path, the last end excluded."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = np.linspace(0.0, length[-1], count, endpoint=False)
    return np.column_stack([np.interp(at, length, path[:, axis]) for axis in (0, 1)])


def _lung_landmarks(contour: Points, lateral: int) -> Points:
    """The 64 landmarks of one lung; ``lateral`` is -1 where the chest wall lies to the image's left."""
    x, y = contour[:-1, 0] * lateral, contour[:-1, 1]
    apex, costophrenic, cardiophrenic = int(np.argmin(y)), int(np.argmax(y + 0.6 * x)), int(np.argmax(y - 0.9 * x))
    ring = np.roll(contour[:-1], -apex, axis=0)
    count = len(ring)
    costophrenic, cardiophrenic = (costophrenic - apex) % count, (cardiophrenic - apex) % count
    if costophrenic > cardiophrenic:  # the contour runs the other way round
        ring = np.roll(ring[::-1], 1, axis=0)
        costophrenic, cardiophrenic = (-costophrenic) % count, (-cardiophrenic) % count
    closed = np.vstack([ring, ring[:1]])
    parts = (closed[: costophrenic + 1], closed[costophrenic : cardiophrenic + 1], closed[cardiophrenic:])
    counts = [part.stop - part.start for part in (LATERAL, DIAPHRAGM, MEDIAL)]
    return np.vstack([_resample(part, size) for part, size in zip(parts, counts, strict=True)])


def _heart_landmarks(contour: Points) -> Points:
    """48 landmarks of the heart at equal angles around its centroid, clockwise from the top."""
    centre = contour[:-1].mean(axis=0)
    offset = contour[:-1] - centre
    angle = np.arctan2(offset[:, 0], -offset[:, 1]) % (2 * np.pi)
    order = np.argsort(angle)
    at = np.linspace(0.0, 2 * np.pi, HEART_POINTS, endpoint=False)
    radius = np.interp(at, angle[order], np.hypot(*offset[order].T), period=2 * np.pi)
    return centre + radius[:, None] * np.column_stack([np.sin(at), -np.cos(at)])


APPEARANCE_MODES = 28
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
        scaled = modes[:APPEARANCE_MODES] * (singular[:APPEARANCE_MODES, None] / np.sqrt(len(flat) - 1))
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


def main() -> None:
    """Fit everything and replace parameters.npz atomically."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("masks", type=Path)
    parser.add_argument("nih", type=Path)
    arguments = parser.parse_args()
    annotated = list(read_shapes(arguments.masks))
    parameters = fit_shape(np.stack([shape for _, shape in annotated]))
    parameters |= fit_appearance(annotated, arguments.nih)
    target = Path(__file__).with_name("parameters.npz")
    with atomic_writer(target) as stream:
        np.savez_compressed(stream, allow_pickle=False, **parameters)


if __name__ == "__main__":
    main()
