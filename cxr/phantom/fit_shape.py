"""Fit the shape model to lung and heart masks: contours, landmarks, principal modes (Cootes et al. 1995)."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from contourpy import contour_generator
from PIL import Image
from scipy.ndimage import gaussian_filter

from cxr.phantom.frame import Points
from cxr.phantom.landmarks import DIAPHRAGM, HEART, HEART_POINTS, LATERAL, LEFT_LUNG, MEDIAL, RIGHT_LUNG, SHAPE_POINTS

__all__ = ["fit_shape", "read_shapes"]

MODES = 20


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
    scaled = modes[:MODES] * (singular[:MODES, None] / np.sqrt(len(flat) - 1))
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
