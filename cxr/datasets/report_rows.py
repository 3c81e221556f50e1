"""Report files -> one row per report: text, patient, visit and the images it is about.

The text comes through the readers of nlp_labeler (CSV, JSON Lines, Parquet, BioC, OpenI XML, folders of text). Tables
may carry more; a column is recognised by any of the names in :data:`COLUMN_NAMES`, in any case, with spaces, dots or
dashes for underscores. Without them, an image belongs to the report whose id its name equals or starts with.
"""

import re
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from cxr.errors import DatasetError
from nlp_labeler.formats.record import ReportRefusal
from nlp_labeler.formats.source import read_reports, source_kind

__all__ = ["COLUMN_NAMES", "ReportRow", "read_report_rows"]

COLUMN_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("id",),
    "image": ("image", "images", "image_index", "image_id", "image_file", "file", "filename", "file_name", "path"),
    "patient": ("patient_id", "patient", "patientid", "subject_id", "subject"),
    "date": ("study_date", "studydate", "date", "exam_date", "acquisition_date"),
    "follow_up": ("follow_up", "followup", "visit", "visit_number"),
    "age": ("age", "patient_age", "patientage"),
    "sex": ("sex", "gender", "patient_sex", "patient_gender", "patientsex"),
    "view": ("view", "view_position", "viewposition", "projection"),
}
"""What a column may be called, the preferred name first."""

_BETWEEN_IMAGES = re.compile(r"[|;]")


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One report with what its table says about it; "" where it says nothing.

    Attributes:
        id: its identifier.
        text: the report.
        refusal: why it cannot be labeled, or ``None``.
        images: names of its images.
        patient: patient identifier; the report's own id where the source has none, so that reports stay apart.
        date: date of the examination, sortable as text.
        follow_up: number of the visit.
        age: as written.
        sex: as written.
        view: as written.
    """

    id: str
    text: str
    refusal: ReportRefusal | None
    images: tuple[str, ...]
    patient: str
    date: str
    follow_up: str
    age: str
    sex: str
    view: str


def read_report_rows(path: Path) -> Iterator[ReportRow]:
    """Stream the reports of a source with the other columns of its rows.

    Raises:
        LabelerError: if the source cannot be read.
        DatasetError: if the other columns of a table cannot be read.
    """
    others = _other_columns(path)
    for record in read_reports(path):
        rows = others.get(record.id)
        cells = rows.popleft() if rows else {}
        images = tuple(name.strip() for name in _BETWEEN_IMAGES.split(cells.get("image", "")) if name.strip())
        yield ReportRow(
            id=record.id,
            text=record.text,
            refusal=record.refusal,
            images=images,
            patient=cells.get("patient") or record.id,
            date=cells.get("date", ""),
            follow_up=cells.get("follow_up", ""),
            age=cells.get("age", ""),
            sex=cells.get("sex", ""),
            view=cells.get("view", ""),
        )


def _other_columns(path: Path) -> dict[str, deque[dict[str, str]]]:
    """Report id -> the recognised cells of its rows, in order. Texts are not read here, so this stays small."""
    table = _read_known_columns(path)
    rows: dict[str, deque[dict[str, str]]] = defaultdict(deque)
    if table is not None and "id" in table:
        for cells in table.to_dict("records"):
            rows[cells["id"]].append({str(name): value for name, value in cells.items()})
    return rows


def _read_known_columns(path: Path) -> pd.DataFrame | None:
    kind = source_kind(path)
    try:
        if kind == "table" and path.suffix.lower() != ".xlsx":
            table = pd.read_csv(
                path,
                dtype=str,
                keep_default_na=False,
                usecols=_is_known,
                encoding_errors="replace",
                on_bad_lines="skip",
            )
        elif kind == "parquet_table":
            import pyarrow.parquet

            names = [name for name in pyarrow.parquet.read_schema(path).names if _is_known(name)]
            table = pd.read_parquet(path, columns=names)
        elif kind == "json_lines":
            chunks = pd.read_json(path, lines=True, chunksize=10_000, dtype=False, convert_dates=False)
            table = pd.concat([chunk[[name for name in chunk if _is_known(str(name))]] for chunk in chunks])
        else:
            return None
    except (ValueError, OSError) as error:
        raise DatasetError(f"{path}: its columns cannot be read ({type(error).__name__})") from None
    table = table.astype(object).where(table.notna(), "").map(str)
    return _named(table)


def _named(table: pd.DataFrame) -> pd.DataFrame:
    """Rename columns to the keys of :data:`COLUMN_NAMES`; of several that mean the same, the preferred one stays."""
    by_plain = {_plain(str(column)): column for column in reversed(list(table.columns))}
    chosen = {
        key: next((by_plain[name] for name in names if name in by_plain), None) for key, names in COLUMN_NAMES.items()
    }
    return pd.DataFrame({key: table[column] for key, column in chosen.items() if column is not None})


def _plain(column: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", column.strip().casefold()).strip("_")


def _is_known(column: str) -> bool:
    plain = _plain(column)
    return any(plain in names for names in COLUMN_NAMES.values())
