"""The quality gate and the second look on pictures kept out of their training: other patients, hospitals, pictures."""

import io
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from scipy.stats import mannwhitneyu

from benchmarks.provenance import shared_data
from benchmarks.record import Row, exact, line, over_seeds
from cxr.datasets.dataset import open_dataset
from cxr.datasets.tables import read_table
from cxr.imaging.dicom import shown_pixels
from cxr.imaging.quality import Quality, QualityGate
from cxr.imaging.reading import read_radiograph
from cxr.screening import Screener
from cxr.training.quality_gate.film_check import FREE_LICENCES
from cxr.training.quality_gate.lookalikes import LOOKALIKES, lookalike
from cxr.training.quality_gate.non_chests import HELD_OUT_DRAWINGS, draw, photographs, random_crop
from cxr.training.quality_gate.pictures import hospital_files

PER_SOURCE = 15
PER_LOOKALIKE = 200
TIMED, ROUNDS = 40, 5
NIH = "NIH test_dev patients"
OUTSIDE = "films of other hospitals"
Gray = NDArray[np.float32]


@dataclass(frozen=True)
class Outcome:
    """What screening one picture ended with: the code of a refusal, or the doubts of a result."""

    refusal: str
    doubts: tuple[str, ...]


def run() -> list[Row]:
    """All rows of this benchmark."""
    screener = Screener(threads=1)
    films = [Path(path) for path in open_dataset(shared_data("nih")).subset("test").records["path"]]
    upright = [read_radiograph(path).pixels for path in films]
    rows = share("upright NIH", screened(screener, films), NIH)
    some = upright[::3]
    faults = {
        "inverted NIH": [1 - pixels for pixels in some],
        **{f"NIH turned by {90 * turns}": [np.rot90(pixels, turns) for pixels in some] for turns in (1, 2, 3)},
        "NIH, half cut off": [pixels[:, : pixels.shape[1] // 2] for pixels in upright],
        "NIH under a block of text": [with_text(pixels) for pixels in some],
    }
    for name, pictures in faults.items():
        rows += share(name, screened(screener, pictures), NIH)
    rng = np.random.default_rng(20)
    for kind in LOOKALIKES:
        made = [lookalike(kind, upright, rng) for _ in range(PER_LOOKALIKE)]
        rows += share(f"made of NIH films: {kind.replace('_', ' ')}", screened(screener, made), NIH)
    rows += elsewhere(screener, rng)
    seen = assess(upright)
    for name, pictures in (("photographs, drawings", drawn()), ("CT, MR and other DICOM", scans())):
        rows += share(name, screened(screener, pictures), "pictures kept from training")
        rows += separation(name, seen, assess(pictures))
    return rows + cost(screener, upright[:TIMED])


def elsewhere(screener: Screener, rng: np.random.Generator) -> list[Row]:
    """Films of other hospitals, as they are, photographed and halved; real laterals, which nothing was trained on."""
    rows = []
    for source in ("hannover", "paediatric"):
        others = hospital_files(shared_data(source), held_out=True)
        rows += share(source, screened(screener, others), "the half of the patients kept from training")
    index = read_table(shared_data("outside") / "index.csv", ("file", "licence_class"))
    paths = [shared_data("outside") / name for name in index["file"]]
    seen = index["licence_class"].isin(FREE_LICENCES)
    outcomes = screened(screener, paths)
    rows += share("other hospitals, frontal", outcomes, OUTSIDE)
    unseen = [outcome for outcome, known in zip(outcomes, seen, strict=True) if not known]
    rows += share("of these, not in training", unseen, OUTSIDE)
    small = [reduced(read_radiograph(path).pixels) for path in paths[::2]]
    photographed = [lookalike("photographed", [film], rng) for film in small]
    rows += share("other hospitals, photographed", screened(screener, photographed), OUTSIDE)
    halves = [film[:, : film.shape[1] // 2] for film in small]
    rows += share("other hospitals, half cut off", screened(screener, halves), OUTSIDE)
    laterals = shared_data("laterals")
    names = read_table(laterals / "index.csv", ("file",))["file"]
    real = screened(screener, [laterals / name for name in names])
    return rows + share("real laterals", real, "laterals of other hospitals, none in training")


def assess(pictures: Iterable[Gray]) -> list[Quality]:
    """What the shipped gate thinks of each picture."""
    gate = QualityGate.shipped()
    return [gate.assess(pixels) for pixels in pictures]


def screened(screener: Screener, pictures: Iterable[Gray] | Iterable[Path]) -> list[Outcome]:
    """What screening each picture, or file, ends with."""
    outcomes = []
    for picture in pictures:
        result = screener.examine("picture", picture if isinstance(picture, Path) else png(picture)).result
        outcomes.append(Outcome(str(result.refusal.code) if result.refusal else "", tuple(map(str, result.doubts))))
    return outcomes


def png(pixels: Gray) -> bytes:
    """A picture as a file."""
    stream = io.BytesIO()
    gray = np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)
    Image.fromarray(np.ascontiguousarray(gray)).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def reduced(film: Gray) -> Gray:
    """A film of at most 512 pixels a side."""
    picture = Image.fromarray(film)
    picture.thumbnail((512, 512), Image.Resampling.BOX)
    return np.asarray(picture)


def cost(screener: Screener, films: list[Gray]) -> list[Row]:
    """Time per film with the second look over that without, turn about: the median over films, in several rounds."""
    without = Screener(threads=1, gate=QualityGate.shipped().check)
    contents, rounds = [png(film) for film in films], []
    for turn in range(ROUNDS):
        ratios = []
        for number, content in enumerate(contents):
            pair = (screener, without) if (number + turn) % 2 else (without, screener)
            taken = {one is screener: duration(one, content) for one in pair}
            ratios.append(taken[True] / taken[False])
        rounds.append(float(np.median(ratios)))
    figures, note = {"time ratio": over_seeds(rounds)}, f"{ROUNDS} rounds, median of paired ratios"
    return line(
        "gate",
        "time with the second look",
        figures,
        n=len(films),
        unit_of_n="films",
        data=NIH,
        interval="range over rounds",
        note=note,
    )


def duration(screener: Screener, content: bytes) -> float:
    """Seconds that one film takes."""
    start = time.perf_counter()
    screener.examine("film", content)
    return time.perf_counter() - start


def with_text(pixels: Gray) -> Gray:
    """The picture with three lines of a made-up patient's data in its upper left corner."""
    picture = Image.fromarray((pixels * 255).astype(np.uint8))
    size = max(10, pixels.shape[0] // 24)
    for number, text in enumerate(("DOE, JANE 1961-04-12", "MRN 00451239 F 63Y", "General Hospital 3")):
        place = (size, size + 1.3 * size * number)
        ImageDraw.Draw(picture).text(place, text, fill=255, font=ImageFont.load_default(size))
    return np.asarray(picture, dtype=np.float32) / np.float32(255)


def drawn() -> list[Gray]:
    """Crops of photographs and drawings of kinds that the gate never saw."""
    rng = np.random.default_rng(1)
    crops = [random_crop(pixels, rng) for _, pixels in photographs(held_out=True) for _ in range(PER_SOURCE)]
    return crops + [draw(kind, rng) for kind in sorted(HELD_OUT_DRAWINGS) for _ in range(5 * PER_SOURCE)]


def scans() -> list[Gray]:
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


def share(name: str, outcomes: list[Outcome], data: str) -> list[Row]:
    """Shares of refused and of doubtful pictures with their Clopper-Pearson intervals."""
    n, refused = len(outcomes), sum(bool(outcome.refusal) for outcome in outcomes)
    doubtful = sum(bool(outcome.doubts) for outcome in outcomes)
    unlike = sum("out_of_distribution" in outcome.doubts for outcome in outcomes)
    told = [outcome.refusal or outcome.doubts[0] for outcome in outcomes if outcome.refusal or outcome.doubts]
    note = ", ".join(f"{code} {told.count(code)}" for code in dict.fromkeys(told))
    figures = {
        "refused": exact(refused, n),
        "doubtful": exact(doubtful, n),
        "either": exact(refused + doubtful, n),
        "out of distribution": exact(unlike, n),
    }
    return line("gate", name, figures, n=n, unit_of_n="pictures", data=data, interval="exact", note=note)


def separation(name: str, chests: list[Quality], others: list[Quality]) -> list[Row]:
    """Area under the ROC curve of the chest probability, upright NIH chests against other pictures."""
    good, bad = [quality.chest for quality in chests], [quality.chest for quality in others]
    auc = float(mannwhitneyu(good, bad).statistic) / (len(good) * len(bad))
    return line("gate", name, {"AUC": auc}, n=len(bad), unit_of_n="pictures", data="against upright NIH test_dev")
