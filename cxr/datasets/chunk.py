"""One chunk of a build: its reports labeled, its images stored, and nothing said that must not leave the archive."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from cxr.datasets.deidentification import coarse_age, deidentify
from cxr.datasets.image_index import ImageIndex
from cxr.datasets.image_store import store_image
from cxr.datasets.pseudonyms import Pseudonyms
from cxr.datasets.report_rows import ReportRow
from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.dicom_header import LATERAL_VIEWS
from cxr.imaging.radiograph import RadiographMetadata
from nlp_labeler.document import ReportLabels
from nlp_labeler.labeler import Labeler

__all__ = ["Archive", "Chunk", "process_chunk"]


@dataclass(frozen=True, slots=True)
class Chunk:
    """The outcome of some reports, as it is kept on disk until the build is done.

    Attributes:
        rows: one per stored image, plain values. ``report`` is the report's place in the chunk, ``source`` and
            ``source_stem`` are what to call the image file with and without its suffix.
        refused: (what, code, message) of every report or image left out.
    """

    rows: list[dict[str, Any]]
    refused: list[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Archive:
    """What every chunk is processed with."""

    index: ImageIndex
    folder: Path
    labeler: Labeler
    workers: int
    pseudonyms: Pseudonyms | None

    def image_stem(self, file: PurePosixPath) -> str:
        """Name of the stored image, without suffix."""
        stem = self.index.stem(file)
        return self.pseudonyms.of(stem, "image") if self.pseudonyms else stem

    def patient(self, identifier: str) -> str:
        """What to call a patient."""
        return self.pseudonyms.of(identifier, "patient") if self.pseudonyms else identifier

    def called(self, name: str) -> str:
        """What to call a report or file of the archive; names often hold identifiers too."""
        return self.pseudonyms.of(name, "input") if self.pseudonyms else name


def process_chunk(reports: Sequence[ReportRow], archive: Archive) -> Chunk:
    """Label the reports of a chunk and store their images."""
    if archive.pseudonyms:
        # Before labeling, so that evidence points into the text that is kept.
        reports = tuple(replace(row, text=deidentify(row.text)) for row in reports)
    refused: list[tuple[str, str, str]] = []
    labels = iter(archive.labeler.pipe(row.text for row in reports if row.refusal is None))
    work: list[tuple[int, ReportLabels | None, PurePosixPath]] = []
    for number, row in enumerate(reports):
        if row.refusal is not None:
            refused.append((archive.called(row.id), row.refusal.code, row.refusal.message))
        mined = next(labels) if row.refusal is None else None
        files, missing = _files_of(row, archive.index)
        refused.extend(
            (archive.called(name), "image_missing", "a report names an image that is not there") for name in missing
        )
        work.extend((number, mined, file) for file in files)
    with ThreadPoolExecutor(archive.workers) as pool:
        outcomes = list(pool.map(lambda item: _store(reports[item[0]], item[2], archive), work))
    rows = []
    for (number, mined, file), outcome in zip(work, outcomes, strict=True):
        if isinstance(outcome, RefusedInputError):
            refused.append((archive.called(str(file)), outcome.code, outcome.message))
        else:
            rows.append({"report": number, **_row(reports[number], mined, file, *outcome, archive)})
    return Chunk(rows, refused)


def _files_of(row: ReportRow, index: ImageIndex) -> tuple[list[PurePosixPath], list[str]]:
    """The image files of a report, and the names of those that are not there."""
    if not row.images:
        files = index.of_report(row.id) if row.id else []
        return files, [] if files else [row.id]
    found = {name: index.named(name) for name in row.images}
    return [file for file in found.values() if file is not None], [name for name, file in found.items() if file is None]


def _store(row: ReportRow, file: PurePosixPath, archive: Archive) -> tuple[str, RadiographMetadata] | RefusedInputError:
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
    archive: Archive,
) -> dict[str, object]:
    """One image with all that the tables need; the table's word goes before the header's."""
    age = row.age or ("" if metadata.patient_age is None else str(metadata.patient_age))
    return {
        "image": name,
        "source": archive.called(str(file)),
        "source_stem": archive.called(str(file.with_suffix(""))),
        "report_id": archive.patient(row.id) if archive.pseudonyms else row.id,
        "patient": archive.patient(row.patient),
        "follow_up": row.follow_up,
        "age": coarse_age(age) if archive.pseudonyms else age,
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
