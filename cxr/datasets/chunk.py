"""One chunk of a build: its reports labeled, its images stored, and nothing said that must not leave the archive."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from cxr.datasets.deidentification import coarse_age, deidentify
from cxr.datasets.image_store import FilmGate, store_image
from cxr.datasets.linking import Linker, real_patient
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
        rows: one per stored image, plain values. ``source`` is what to call the image file.
        refused: (what, code, message) of every report or image left out.
        files: what to call every image file that a report has, stored or not, without its suffix.
    """

    rows: list[dict[str, Any]]
    refused: list[tuple[str, str, str]]
    files: list[str]


@dataclass(frozen=True, slots=True)
class Archive:
    """What every chunk is processed with.

    Attributes:
        linker: finds the images of reports.
        folder: where images are stored.
        labeler: labels the reports.
        workers: images read at a time.
        pseudonyms: replace identifiers; ``None`` keeps them.
        gate: refuses what is no frontal chest; ``None`` takes all.
        day_first: whether 03/04/2001 in a text is a day in April; ``None`` where that is not known.
    """

    linker: Linker
    folder: Path
    labeler: Labeler
    workers: int
    pseudonyms: Pseudonyms | None
    gate: FilmGate | None
    day_first: bool | None

    def image_stem(self, file: PurePosixPath) -> str:
        """Name of the stored image, without suffix."""
        stem = self.linker.index.stem(file)
        return self.pseudonyms.of(stem, "image") if self.pseudonyms else stem

    def patient(self, identifier: str) -> str:
        """What to call a patient; nobody stays nobody."""
        return self.pseudonyms.of(identifier, "patient") if self.pseudonyms and identifier else identifier

    def called(self, name: str) -> str:
        """What to call a report or file of the archive; names often hold identifiers too."""
        return self.pseudonyms.of(name, "input") if self.pseudonyms else name

    def without_identifiers(self, row: ReportRow) -> ReportRow:
        """The report with its dates moved and what names a person masked, if that is wanted."""
        if self.pseudonyms is None:
            return row
        names = (row.name, row.patient, row.accession, row.id)
        days = self.pseudonyms.days(row.patient or row.id)
        return replace(row, text=deidentify(row.text, names, days, day_first=self.day_first))


def process_chunk(reports: Sequence[ReportRow], archive: Archive) -> Chunk:
    """Label the reports of a chunk and store their images."""
    # Before labeling, so that evidence points into the text that is kept.
    reports = tuple(map(archive.without_identifiers, reports))
    refused: list[tuple[str, str, str]] = []
    labels = iter(archive.labeler.pipe(row.text for row in reports if row.refusal is None))
    work: list[tuple[int, ReportLabels | None, PurePosixPath]] = []
    for number, row in enumerate(reports):
        if row.refusal is not None:
            refused.append((archive.called(row.id), *row.refusal))
        mined = next(labels) if row.refusal is None else None
        linked = archive.linker.files_of(row)
        refused.extend((archive.called(name), code, message) for name, code, message in linked.faults)
        work.extend((number, mined, file) for file in linked.files)
    with ThreadPoolExecutor(archive.workers) as pool:
        outcomes = list(pool.map(lambda item: _store(reports[item[0]], item[2], archive), work))
    rows = []
    for (number, mined, file), outcome in zip(work, outcomes, strict=True):
        if isinstance(outcome, RefusedInputError):
            refused.append((archive.called(str(file)), outcome.code, outcome.message))
            continue
        entry = _row(reports[number], mined, file, *outcome, archive)
        if entry["patient"] or entry["header_patient"]:
            rows.append(entry)
        else:
            refused.append(
                (entry["source"], "no_patient", "neither its table, its folder nor its header names a patient")
            )
    return Chunk(rows, refused, [archive.called(str(file.with_suffix(""))) for _, _, file in work])


def _store(row: ReportRow, file: PurePosixPath, archive: Archive) -> tuple[str, RadiographMetadata] | RefusedInputError:
    """Name of the stored image and what its source said, or why it was refused."""
    if row.view.strip().upper() in LATERAL_VIEWS:
        return RefusedInputError(RefusalCode.WRONG_VIEW, "its table says that the view is lateral")
    try:
        return store_image(
            archive.linker.index.folder / file,
            archive.folder,
            archive.image_stem(file),
            deidentify=archive.pseudonyms is not None,
            gate=archive.gate,
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
) -> dict[str, Any]:
    """One image with all that the tables need; the table's word goes before the header's."""
    age = row.age or ("" if metadata.patient_age is None else str(metadata.patient_age))
    patient, date = archive.linker.patient_of(row, file), row.date or _iso(metadata.study_date)
    if archive.pseudonyms:
        age = coarse_age(age)
        date = archive.pseudonyms.moved(date, row.patient or row.id)
    return {
        "image": name,
        "source": archive.called(str(file)),
        "report_id": archive.patient(row.id) if archive.pseudonyms else row.id,
        "patient": archive.patient(patient),
        "header_patient": archive.patient(real_patient(metadata.patient_id or "")),
        "date": date,
        "follow_up": row.follow_up,
        "age": age,
        "sex": row.sex or (metadata.patient_sex or "").strip().upper()[:1],
        "view": (row.view or metadata.view_position or "").strip().upper(),
        "width": metadata.width,
        "height": metadata.height,
        "spacing": metadata.pixel_spacing_mm,
        "text": row.text,
        "status": mined.status if mined else f"refused: {row.refusal[0] if row.refusal else ''}",
        "labels": dict(mined.labels) if mined else {},
        "mentions": [asdict(mention) for mention in mined.mentions] if mined else [],
    }


def _iso(study_date: str | None) -> str:
    """A DICOM date as YYYY-MM-DD; "" for anything else."""
    digits = study_date or ""
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:8]}" if len(digits) == 8 and digits.isdigit() else ""
