"""Usual extent and place of each finding, from phantoms whose lesions are known: cxr/localization/windows.json.

    cxr phantom --out COHORT --patients 1700 --seed 0
    python -m benchmarks.localization.fit_windows COHORT TRAIN_LIST

The extent is the median of the true boxes, the place a kernel density of their centres over both sides of the chest,
in coordinates of the lungs that the shipped segmentation outlines. A phantom's pneumothorax is a rim around the whole
lung; readers box the rim where it is wide, at the apex and outwards, so that its window is told here and not measured.
No radiologist's box goes into it.
"""

import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import TypeAdapter

import cxr.localization.windows
from cxr.imaging.preprocessing import Placement, prepare
from cxr.imaging.reading import read_radiograph
from cxr.imaging.segmentation import Segmenter
from cxr.localization import WindowSettings
from cxr.localization.anatomy import HEART_FINDINGS, LUNG_FINDINGS, Anatomy
from cxr.localization.windows import LEVELS, OFFSETS, chest_of
from nlp_labeler.storage import write_text

SIZE = 224
BANDWIDTH = 0.1
WEIGHT = 0.3  # exponent of the density: heat leads, the place decides between equals
LEAST = 0.02
ROWS, COLUMNS = 16, 7
APEX_OUTWARDS = {"extent": (0.32, 0.6), "centre": (0.28, 0.33), "spread": (0.1, 0.15)}


def measured(cohort: Path, images: set[str]) -> dict[str, list[tuple[float, float, float, float]]]:
    """Finding -> offset, level, width and height of each true box, in measures of the chest."""
    boxes = pd.read_csv(cohort / "truth" / "boxes.csv")
    segmenter = Segmenter.shipped()
    found: dict[str, list[tuple[float, float, float, float]]] = defaultdict(list)
    for image, rows in boxes[boxes["image"].isin(images)].groupby("image"):
        radiograph = read_radiograph(next((cohort / "images").rglob(str(image))))
        square, placement = prepare(radiograph.pixels, SIZE, radiograph.metadata.pixel_aspect)
        outlines = segmenter.segment(square.astype(np.float32) / np.float32(255))
        chest = chest_of(Anatomy(outlines.right_lung, outlines.left_lung, outlines.heart))
        if chest is None:
            continue
        for label, box in zip(rows["label"], rows[["x", "y", "width", "height"]].to_numpy(np.float64), strict=True):
            found[str(label)].append(_in_chest(placement, chest, box))
    return found


def _in_chest(
    placement: Placement, chest: tuple[int, int, int, int], box: NDArray[np.float64]
) -> tuple[float, float, float, float]:
    left, top, right, bottom = chest
    x, y, width, height = placement.box_to_network(*box)
    across, down = right - left, bottom - top
    offset = abs((x + width / 2 - left) / across - 0.5)
    return offset, (y + height / 2 - top) / down, width / across, height / down


def density(centres: NDArray[np.float64], bandwidths: tuple[float, float]) -> NDArray[np.float64]:
    """(ROWS, COLUMNS) how usual a place is, raised to its weight; 1 at the most usual one."""
    offsets, levels = np.meshgrid(np.linspace(*OFFSETS, COLUMNS), np.linspace(*LEVELS, ROWS))
    across = (offsets[..., None] - centres[:, 0]) / bandwidths[0]
    down = (levels[..., None] - centres[:, 1]) / bandwidths[1]
    usual = np.exp(-0.5 * (across**2 + down**2)).mean(axis=-1)
    return np.maximum(usual / usual.max(), LEAST) ** WEIGHT


def _window(extent: tuple[float, float], location: NDArray[np.float64]) -> WindowSettings:
    grid = tuple(" ".join(str(round(100 * float(value))) for value in row) for row in location)
    return WindowSettings(width=round(extent[0], 3), height=round(extent[1], 3), location=grid)


def fit(found: dict[str, list[tuple[float, float, float, float]]]) -> dict[str, WindowSettings]:
    """Window settings of every finding of the lungs that has been measured."""
    windows: dict[str, WindowSettings] = {}
    for finding in sorted(found.keys() & LUNG_FINDINGS - HEART_FINDINGS):
        if finding == "Pneumothorax":
            centre = np.array([APEX_OUTWARDS["centre"]])
            windows[finding] = _window(APEX_OUTWARDS["extent"], density(centre, APEX_OUTWARDS["spread"]))
            continue
        boxes = np.array(found[finding])
        width, height = np.median(boxes[:, 2:], axis=0)
        windows[finding] = _window((float(width), float(height)), density(boxes[:, :2], (BANDWIDTH, BANDWIDTH)))
    return windows


def main(cohort: Path, train_list: Path) -> None:
    """Write the package's windows.json."""
    windows = fit(measured(cohort, set(train_list.read_text().split())))
    path = Path(cxr.localization.windows.__file__).with_name("windows.json")
    write_text(path, TypeAdapter(dict[str, WindowSettings]).dump_json(windows, indent=1).decode() + "\n")
    for finding, window in windows.items():
        print(finding, window.width, window.height)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
