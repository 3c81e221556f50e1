"""The quality gate on pictures kept out of its training: other patients, other hospitals, other kinds of pictures."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.stats import mannwhitneyu

from benchmarks.provenance import shared_data
from benchmarks.record import Row, exact, line
from cxr.datasets.dataset import open_dataset
from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.dicom import shown_pixels
from cxr.imaging.quality import Quality, QualityGate
from cxr.imaging.reading import read_radiograph
from cxr.training.quality_gate.non_chests import HELD_OUT_DRAWINGS, draw, photographs, random_crop
from cxr.training.quality_gate.pictures import hospital_chests

PER_SOURCE = 15


def run() -> list[Row]:
    """All rows of this benchmark."""
    films = open_dataset(shared_data("nih")).subset("test").records["path"]
    upright = [read_radiograph(Path(path)).pixels for path in films]
    rows = share("upright NIH", refused(upright), "NIH test_dev patients")
    faults = {
        "inverted NIH": [1 - pixels for pixels in upright],
        **{f"NIH turned by {90 * turns}": [np.rot90(pixels, turns) for pixels in upright] for turns in (1, 2, 3)},
        "NIH, half cut off": [pixels[:, : pixels.shape[1] // 2] for pixels in upright],
        "NIH under a block of text": [with_text(pixels) for pixels in upright],
    }
    for name, pictures in faults.items():
        rows += share(name, refused(pictures), "NIH test_dev patients")
    for source in ("hannover", "paediatric"):
        others = hospital_chests(shared_data(source), held_out=True)
        rows += share(source, refused(others), "the half of the patients kept from training")
    seen = assess(upright)
    for name, pictures in (("photographs, drawings", drawn()), ("CT, MR and other DICOM", scans())):
        rows += share(name, refused(pictures), "pictures kept from training")
        rows += separation(name, seen, assess(pictures))
    return rows


def assess(pictures: Iterable[NDArray[np.float32]]) -> list[Quality]:
    """What the shipped gate thinks of each picture."""
    gate = QualityGate.shipped()
    return [gate.assess(pixels) for pixels in pictures]


def refused(pictures: Iterable[NDArray[np.float32]]) -> list[RefusalCode | None]:
    """Why the shipped gate refuses each picture; ``None`` where it does not."""
    gate = QualityGate.shipped()
    outcomes: list[RefusalCode | None] = []
    for pixels in pictures:
        try:
            gate.check(pixels)
            outcomes.append(None)
        except RefusedInputError as error:
            outcomes.append(error.code)
    return outcomes


def with_text(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The picture with three lines of a made-up patient's data in its upper left corner."""
    picture = Image.fromarray((pixels * 255).astype(np.uint8))
    size = max(10, pixels.shape[0] // 24)
    for number, text in enumerate(("DOE, JANE 1961-04-12", "MRN 00451239 F 63Y", "General Hospital 3")):
        place = (size, size + 1.3 * size * number)
        ImageDraw.Draw(picture).text(place, text, fill=255, font=ImageFont.load_default(size))
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


def drawn() -> list[NDArray[np.float32]]:
    """Crops of photographs and drawings of kinds that the gate never saw."""
    rng = np.random.default_rng(1)
    crops = [random_crop(pixels, rng) for _, pixels in photographs(held_out=True) for _ in range(PER_SOURCE)]
    return crops + [draw(kind, rng) for kind in sorted(HELD_OUT_DRAWINGS) for _ in range(5 * PER_SOURCE)]


def scans() -> list[NDArray[np.float32]]:
    """The pictures that pydicom ships, none of which is a chest radiograph."""
    pictures = []
    for path in sorted((Path(pydicom.__file__).parent / "data" / "test_files").rglob("*")):
        try:
            pixels, _ = shown_pixels(pydicom.dcmread(path))
        except Exception:
            continue
        if pixels.ndim == 2 and min(pixels.shape) >= 32 and np.ptp(pixels) > 0:
            pictures.append(pixels)
    return pictures


def share(name: str, outcomes: list[RefusalCode | None], data: str) -> list[Row]:
    """Share of refused pictures with its Clopper-Pearson interval."""
    n, k = len(outcomes), sum(code is not None for code in outcomes)
    codes = ", ".join(f"{code} {outcomes.count(code)}" for code in dict.fromkeys(outcomes) if code)
    figures = {"refused": exact(k, n)}
    return line("gate", name, figures, n=n, unit_of_n="pictures", data=data, interval="exact", note=codes)


def separation(name: str, chests: list[Quality], others: list[Quality]) -> list[Row]:
    """Area under the ROC curve of the chest probability, upright NIH chests against other pictures."""
    good, bad = [quality.chest for quality in chests], [quality.chest for quality in others]
    auc = float(mannwhitneyu(good, bad).statistic) / (len(good) * len(bad))
    return line("gate", name, {"AUC": auc}, n=len(bad), unit_of_n="pictures", data="against upright NIH test_dev")
