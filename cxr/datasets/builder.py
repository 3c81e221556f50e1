"""Reports + images -> a folder in the ChestX-ray8 layout, with labels mined from the reports.

The work is cut into chunks of reports. A finished chunk is a file in OUT/.build under the hash of what it depends on,
so a build that was stopped goes on where it was, and one with other reports or another policy starts anew.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path, PurePosixPath

from cxr.datasets.assembly import BuildSummary, Chunk, assemble
from cxr.datasets.card import Origin
from cxr.datasets.deidentification import OLDEST_AGE, deidentify
from cxr.datasets.folder import ENTRY_FILE, IMAGE_FOLDER
from cxr.datasets.image_index import ImageIndex
from cxr.datasets.image_store import store_image
from cxr.datasets.pseudonyms import Pseudonyms
from cxr.datasets.report_rows import ReportRow, read_report_rows
from cxr.datasets.splits import DEFAULT_FRACTIONS
from cxr.errors import DatasetError, RefusalCode, RefusedInputError
from cxr.imaging.acceptance import LATERAL_VIEWS
from cxr.imaging.radiograph import RadiographMetadata
from nlp_labeler.document import ReportLabels
from nlp_labeler.labeler import Labeler

__all__ = ["BuildSummary", "build_dataset"]

CHUNK_REPORTS = 256
_PARTS = ".build"
_PART_FORMAT = 2


@dataclass(frozen=True, slots=True)
class _Archive:
    """What every chunk is processed with."""

    index: ImageIndex
    folder: Path
    labeler: Labeler
    workers: int
    pseudonyms: Pseudonyms | None

    def image_stem(self, file: PurePosixPath) -> str:
        stem = self.index.stem(file)
        return self.pseudonyms.of(stem, "image") if self.pseudonyms else stem

    def patient(self, identifier: str) -> str:
        return self.pseudonyms.of(identifier, "patient") if self.pseudonyms else identifier

    def refused_input(self, name: str) -> str:
        """How refused.csv calls a report or file; names often hold identifiers too."""
        return self.pseudonyms.of(name, "input") if self.pseudonyms else name


def build_dataset(
    images: Path,
    reports: Path,
    out: Path,
    *,
    policy: str = "openi",
    engine: str = "auto",
    fractions: Mapping[str, float] = DEFAULT_FRACTIONS,
    seed: int = 0,
    workers: int = 1,
    pseudonyms: Pseudonyms | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> BuildSummary:
    """Build a dataset folder; run it again to finish a build that was stopped.

    Args:
        images: folder with the images, searched recursively.
        reports: report file or folder, see :mod:`cxr.datasets.report_rows`.
        out: folder to write; an earlier build in it is replaced.
        policy: labeling policy, a shipped name or a file.
        engine: ``"graph"``, ``"surface"`` or ``"auto"``, see :class:`nlp_labeler.labeler.Labeler`.
        fractions: split -> its share of the patients.
        seed: of the split.
        workers: images read at a time.
        pseudonyms: replaces the identifiers of patients, reports and images, also in refused.csv; texts are then
            masked (:mod:`cxr.datasets.deidentification`), high ages cut off and pictures with a block of text in
            their pixels left out. ``None`` keeps all as it is.
        progress: called with the number of reports after each chunk.

    Raises:
        DatasetError: if the inputs cannot be read, or no report has a usable image.
        LabelerError: if the reports, the policy or the engine cannot be used.
    """
    parts = out / _PARTS
    if images.resolve().is_relative_to(out.resolve()):
        raise DatasetError(f"the images lie inside {out}; choose another folder, so that the originals stay untouched")
    if out.exists() and any(out.iterdir()) and not (parts.is_dir() or (out / ENTRY_FILE).is_file()):
        raise DatasetError(f"{out} is neither empty nor a dataset; choose another folder")
    index = ImageIndex(images)
    labeler = Labeler.load(policy=policy, engine=engine)
    archive = _Archive(index, out / IMAGE_FOLDER, labeler, workers, pseudonyms)
    for folder in (parts, archive.folder):
        folder.mkdir(parents=True, exist_ok=True)
    setting = repr((_PART_FORMAT, str(images.absolute()), str(policy), engine, archive.patient("")))
    files = []
    rows = read_report_rows(reports)
    while chunk := tuple(islice(rows, CHUNK_REPORTS)):
        key = hashlib.sha256((setting + repr(chunk)).encode("utf-8", "surrogateescape")).hexdigest()
        files.append(parts / f"{key}.json")
        if not files[-1].is_file():
            temporary = files[-1].with_suffix(".tmp")
            temporary.write_text(json.dumps(asdict(_process(chunk, archive))))
            temporary.replace(files[-1])
        progress(len(chunk))
    origin = Origin(str(policy), labeler.engine, seed, deidentified=pseudonyms is not None)
    summary = assemble(out, files, index, origin, fractions=fractions, refused_input=archive.refused_input)
    shutil.rmtree(parts)
    return summary


def _process(reports: tuple[ReportRow, ...], archive: _Archive) -> Chunk:
    """Label the reports of a chunk and store their images."""
    if archive.pseudonyms:
        # Before labeling, so that evidence points into the text that is kept.
        reports = tuple(replace(row, text=deidentify(row.text)) for row in reports)
    refused: list[tuple[str, str, str]] = []
    labels = iter(archive.labeler.pipe(row.text for row in reports if row.refusal is None))
    work: list[tuple[ReportRow, ReportLabels | None, PurePosixPath]] = []
    for row in reports:
        if row.refusal is not None:
            refused.append((row.id, row.refusal.code, row.refusal.message))
        mined = next(labels) if row.refusal is None else None
        files, missing = _files_of(row, archive.index)
        refused.extend((name, "image_missing", "a report names an image that is not there") for name in missing)
        work.extend((row, mined, file) for file in files)
    with ThreadPoolExecutor(archive.workers) as pool:
        outcomes = list(pool.map(lambda item: _store(item[0], item[2], archive), work))
    rows = []
    for (row, mined, file), outcome in zip(work, outcomes, strict=True):
        if isinstance(outcome, RefusedInputError):
            refused.append((str(file), outcome.code, outcome.message))
        else:
            rows.append(_row(row, mined, file, *outcome, archive))
    return Chunk(rows, refused)


def _files_of(row: ReportRow, index: ImageIndex) -> tuple[list[PurePosixPath], list[str]]:
    """The image files of a report, and the names of those that are not there."""
    if not row.images:
        files = index.of_report(row.id) if row.id else []
        return files, [] if files else [row.id]
    found = {name: index.named(name) for name in row.images}
    return [file for file in found.values() if file is not None], [name for name, file in found.items() if file is None]


def _store(
    row: ReportRow, file: PurePosixPath, archive: _Archive
) -> tuple[str, RadiographMetadata] | RefusedInputError:
    """Name of the stored image and what its source said, or why it was refused."""
    if row.view.strip().upper() in LATERAL_VIEWS:
        return RefusedInputError(RefusalCode.WRONG_VIEW, "its table says that the view is lateral")
    try:
        return store_image(
            archive.index.folder / file,
            archive.folder,
            archive.image_stem(file),
            deidentify=archive.pseudonyms is not None,
        )
    except RefusedInputError as error:
        return error


def _row(
    row: ReportRow,
    mined: ReportLabels | None,
    file: PurePosixPath,
    name: str,
    metadata: RadiographMetadata,
    archive: _Archive,
) -> dict[str, object]:
    """One image with all that the tables need; the table's word goes before the header's."""
    age = row.age or ("" if metadata.patient_age is None else str(metadata.patient_age))
    return {
        "image": name,
        "source": str(file),
        "report_id": archive.patient(row.id) if archive.pseudonyms else row.id,
        "patient": archive.patient(row.patient),
        "date": row.date,
        "follow_up": row.follow_up,
        "age": _coarse(age) if archive.pseudonyms else age,
        "sex": (row.sex or metadata.patient_sex or "").strip().upper()[:1],
        "view": (row.view or metadata.view_position or "").strip().upper(),
        "width": metadata.width,
        "height": metadata.height,
        "spacing": metadata.pixel_spacing_mm,
        "text": row.text,
        "status": mined.status if mined else f"refused: {row.refusal.code if row.refusal else ''}",
        "labels": dict(mined.labels) if mined else {},
        "mentions": [asdict(mention) for mention in mined.mentions] if mined else [],
    }


def _coarse(age: str) -> str:
    """An age as written, the highest ones as one."""
    digits = "".join(letter for letter in age.split(".")[0] if letter.isdigit())
    years = not age.strip().upper().endswith(("D", "W", "M"))
    return str(OLDEST_AGE) if years and digits and int(digits) > OLDEST_AGE else age
