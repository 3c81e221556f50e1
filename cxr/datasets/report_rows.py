"""Report files -> one row per report: text with its addenda, patient, examination and the images it is about.

The text comes through the readers of nlp_labeler (delimited tables, Excel, JSON Lines, Parquet, BioC, OpenI XML,
folders of text). Tables may carry more; a column is recognised by any of the names in :data:`COLUMN_NAMES`, in any
case, with spaces, dots or dashes for underscores, or is named by the user.

Rows are first kept in a private database on disk that no name leads to and that ends with the process, so that memory
does not grow with their number, addenda are found wherever they stand, and the notation of dates is decided from all.
"""

import json
import re
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from cxr.datasets.cell_values import DateColumn, SexColumn
from cxr.errors import DatasetError
from nlp_labeler.formats.parquet_table import load_pyarrow
from nlp_labeler.formats.record import FIELDS, ReadOptions, RefusalCode, ReportRecord, shown
from nlp_labeler.formats.source import read_reports, source_kind
from nlp_labeler.formats.table import open_table

__all__ = ["COLUMN_NAMES", "ReportRow", "ReportTable", "TableOptions"]

COLUMN_NAMES: Mapping[str, tuple[str, ...]] = {
    "image": ("image", "images", "image_index", "image_id", "image_file", "file", "filename", "file_name", "path"),
    "patient": (
        *("patient_id", "patient", "patientid", "subject_id", "subject", "mrn", "medical_record_number"),
        *("patient_number", "patientennummer", "patienten_id", "patient_no", "id_paciente", "id_patient"),
    ),
    "accession": ("accession", "accession_number", "accession_no", "accessionnumber", "accession_id"),
    "study": ("study", "study_uid", "study_instance_uid", "studyinstanceuid", "study_id", "sop_instance_uid"),
    "date": ("study_date", "studydate", "date", "exam_date", "acquisition_date"),
    "follow_up": ("follow_up", "followup", "visit", "visit_number"),
    "age": ("age", "patient_age", "patientage"),
    "sex": ("sex", "gender", "patient_sex", "patient_gender", "patientsex", "geschlecht", "sexe", "sexo"),
    "view": ("view", "view_position", "viewposition", "projection"),
    "name": ("patient_name", "patientname", "patientenname"),
}
"""What a column may be called, the preferred name first."""

_BETWEEN_IMAGES = re.compile(r"[|;]")
_ADDENDUM = re.compile(r"^\W*(?:addendum|nachtrag|supplement)", re.IGNORECASE)
_PAGE_CACHE_KIB = 16_000


@dataclass(frozen=True, slots=True)
class TableOptions:
    """How a user's table is to be read.

    Attributes:
        columns: what it calls ``id``, ``text``, ``findings``, ``impression`` or a key of :data:`COLUMN_NAMES`.
        encoding: of a text file that is neither UTF-8 nor UTF-16.
        date_format: notation of all dates in the signs of ``strptime``; ``None`` to infer it.
    """

    columns: Mapping[str, str] | None = None
    encoding: str | None = None
    date_format: str | None = None


@dataclass(frozen=True, slots=True)
class ReportRow:
    """One report with what its table says about it; "" where it says nothing.

    Attributes:
        id: its identifier.
        text: the report, its addenda below it in order of date.
        refusal: code and message why it cannot be labeled, or ``None``.
        images: names of its images.
        patient: patient identifier.
        accession: accession number.
        study: study or SOP instance UID.
        date: of the examination, ``YYYY-MM-DD`` with or without a time.
        follow_up: number of the visit.
        age: as written.
        sex: ``"M"`` or ``"F"``.
        view: as written.
        name: of the patient, to be masked in the text.
        shared: whether a report of another patient has the same identifier, so that the identifier links nothing.
    """

    id: str
    text: str
    refusal: tuple[str, str] | None
    images: tuple[str, ...]
    patient: str
    accession: str
    study: str
    date: str
    follow_up: str
    age: str
    sex: str
    view: str
    name: str = ""
    shared: bool = False


class ReportTable:
    """The reports of a source, read once and kept on disk while the object is open.

    Args:
        path: the source.
        options: how it is to be read.

    Attributes:
        found: key of :data:`COLUMN_NAMES` -> what the source calls it, for the columns that it has.
        notes: what was decided or not understood, in sentences for the user.
        day_first: whether its dates have days before months, ``None`` where that is not known.

    Raises:
        LabelerError: if the source cannot be read.
        DatasetError: if a named column is not there, or dates can mean two days.
    """

    def __init__(self, path: Path, options: TableOptions | None = None) -> None:
        self.path = path
        options = options or TableOptions()
        given = dict(options.columns or {})
        unknown = sorted(set(given) - {*FIELDS, *COLUMN_NAMES})
        if unknown:
            raise DatasetError(f"--columns: no such part {unknown}; columns are given for {[*FIELDS, *COLUMN_NAMES]}")
        self.found: dict[str, str] = {}
        self.notes: list[str] = []
        self._given = {key: name for key, name in given.items() if key in COLUMN_NAMES}
        self._dates, self._sexes = DateColumn(options.date_format), SexColumn()
        self._rows = 0
        self._addenda = 0
        self._database = sqlite3.connect("")  # a temporary file without a name
        self._database.execute(f"PRAGMA cache_size = -{_PAGE_CACHE_KIB}")
        self._database.execute("CREATE TABLE rows (number INTEGER PRIMARY KEY, id TEXT, cells TEXT)")
        ReadOptions(options.encoding)  # an encoding that is none is told before anything is opened with it
        header = _header(path, options.encoding)
        reading = ReadOptions(options.encoding, _text_columns(given, header, path))
        self._keep(read_reports(path, reading))
        notations = self._dates.decide()
        if notations:
            self.notes.append(f"dates are read as {' or '.join(notations)}")
        if self._dates.unread:
            self.notes.append(f"{self._dates.unread} dates are not understood and count as missing")
        self.day_first = self._dates.day_first

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def __len__(self) -> int:
        return self._rows

    def rows(self) -> Iterator[ReportRow]:
        """The reports in the order of their first rows, addenda put below what they add to."""
        self._addenda = 0
        self._sexes.unread.clear()
        query = """SELECT rows.id, cells FROM rows JOIN (SELECT id, MIN(number) AS first FROM rows GROUP BY id) AS ids
            ON rows.id = ids.id ORDER BY first, number"""
        with closing(self._database.execute(query)) as cursor:
            held: list[ReportRow] = []
            current = None
            for key, cells in cursor:
                if key != current and held:
                    yield from self._combined(held)
                    held = []
                current = key
                held.append(self._row(json.loads(cells)))
            if held:
                yield from self._combined(held)

    def closing_notes(self) -> list[str]:
        """What :meth:`rows` found out, after it ended."""
        notes = [f"{self._addenda} addenda were added to their reports"] if self._addenda else []
        if self._sexes.unread:
            values = ", ".join(f"{value!r} ({count})" for value, count in self._sexes.unread.most_common(5))
            notes.append(f"sexes that are not understood count as missing: {values}")
        return notes

    def _keep(self, records: Iterable[ReportRecord]) -> None:
        def rows() -> Iterator[tuple[int, str, str]]:
            for number, record in enumerate(records):
                cells = _known_cells(record, self._chosen(tuple(record.cells)))
                self._dates.add(cells.get("date", ""))
                self._sexes.add(cells.get("sex", ""))
                self._rows += 1
                # Without an identifier, rows have nothing in common.
                yield number, record.id.strip() or f"\0{number}", json.dumps(cells)

        try:
            self._database.executemany("INSERT INTO rows VALUES (?, ?, ?)", rows())
            self._database.execute("CREATE INDEX by_id ON rows (id)")
        except sqlite3.OperationalError as error:
            raise DatasetError(f"{self.path}: no room for a temporary copy of the reports ({error})") from None

    def _chosen(self, names: tuple[str, ...]) -> Mapping[str, str]:
        chosen = _columns(names, tuple(self._given.items()))
        for key, name in chosen.items():
            self.found.setdefault(key, name)
        return chosen

    def _row(self, cells: dict[str, str]) -> ReportRow:
        refusal = cells.get("refusal", "")
        return ReportRow(
            id=cells["id"],
            text=cells["text"],
            refusal=(refusal, cells["message"]) if refusal else None,
            images=tuple(name.strip() for name in _BETWEEN_IMAGES.split(cells.get("image", "")) if name.strip()),
            patient=cells.get("patient", "").strip(),
            accession=cells.get("accession", "").strip(),
            study=cells.get("study", "").strip(),
            date=self._dates.meaning(cells.get("date", "")),
            follow_up=cells.get("follow_up", ""),
            age=cells.get("age", ""),
            sex=self._sexes.meaning(cells.get("sex", "")),
            view=cells.get("view", ""),
            name=cells.get("name", "").strip(),
        )

    def _combined(self, rows: Sequence[ReportRow]) -> Iterator[ReportRow]:
        """The reports that the rows of one identifier are."""
        patients = {row.patient for row in rows} - {""}
        if len(patients) == 1:  # an addendum's row may leave the patient out
            rows = [replace(row, patient=next(iter(patients))) for row in rows]
        for patient in dict.fromkeys(row.patient for row in rows):
            for group in _reports_of([row for row in rows if row.patient == patient]):
                report, addenda = _with_addenda(group)
                self._addenda += addenda
                yield replace(report, shared=len(patients) > 1)


def _header(path: Path, encoding: str | None) -> tuple[str, ...]:
    """Names of the columns of a table, of the first line's keys, or nothing where the source has no columns."""
    kind = source_kind(path)
    if kind == "table":
        return open_table(path, encoding).header
    if kind == "parquet_table":
        return tuple(load_pyarrow().parquet.read_schema(path).names)
    if kind == "json_lines":
        with path.open("rb") as stream:
            try:
                first = json.loads(stream.readline().decode("utf-8-sig"))
            except ValueError:
                return ()
        return tuple(first) if isinstance(first, dict) else ()
    return ()


def _text_columns(given: dict[str, str], header: tuple[str, ...], path: Path) -> dict[str, str]:
    """The columns of identifier and text, for the labeler's readers; an examination's number serves as identifier."""
    by_plain = {_plain(name): name for name in reversed(header)}
    missing = [name for name in given.values() if header and _plain(name) not in by_plain]
    if missing:
        near = get_close_matches(missing[0], header, n=1)
        raise DatasetError(
            f"{path}: no column {missing[0]!r}{f'; perhaps {near[0]!r}' if near else ''}; columns are {shown(header)}"
        )
    columns = {key: given[key] for key in FIELDS if key in given}
    if "id" not in columns and header and "id" not in by_plain:
        chosen = _columns(header, tuple(given.items()))
        examination = chosen.get("accession") or chosen.get("study") or chosen.get("image")
        if examination:
            columns["id"] = examination
    return columns


def _known_cells(record: ReportRecord, columns: Mapping[str, str]) -> dict[str, str]:
    cells = {key: _printable(record.cells[name]) for key, name in columns.items()}
    cells |= {"id": record.id, "text": record.text}
    if record.refusal:
        cells |= {"refusal": record.refusal.code, "message": record.refusal.message}
    return cells


def _printable(cell: str) -> str:
    return cell.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


@lru_cache(maxsize=256)
def _columns(names: tuple[str, ...], given: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Key of :data:`COLUMN_NAMES` -> column; of several that mean the same, the preferred one."""
    by_plain = {_plain(name): name for name in reversed(names)}
    wanted = dict(given)
    candidates = {key: (_plain(wanted[key]),) if key in wanted else meant for key, meant in COLUMN_NAMES.items()}
    chosen = {
        key: next((by_plain[name] for name in meant if name in by_plain), None) for key, meant in candidates.items()
    }
    return {key: name for key, name in chosen.items() if name is not None}


def _plain(column: str) -> str:
    return re.sub(r"[\W_]+", "_", column.strip().casefold()).strip("_")


def _reports_of(rows: Sequence[ReportRow]) -> list[list[ReportRow]]:
    """The rows of one identifier and patient, by report: rows of one report share an image, or text and day.

    Tables that number patients, not reports, have one identifier for many examinations; their rows name other images.
    Rows without images belong to the report whose date is the last before theirs.
    """
    groups: list[list[ReportRow]] = []
    loose = [row for row in rows if not row.images]
    for row in rows:
        if not row.images:
            continue
        mine = [group for group in groups if any(set(row.images) & set(other.images) for other in group)]
        same = (row.text, row.date[:10])
        mine = mine or [group for group in groups if row.text and any(same == (o.text, o.date[:10]) for o in group)]
        merged = [other for group in mine for other in group] + [row]
        groups = [group for group in groups if group not in mine] + [merged]
    if not groups:
        return [loose] if loose else []
    for row in loose:
        earlier = [group for group in groups if group[0].date and row.date and group[0].date <= row.date]
        max(earlier, key=lambda group: group[0].date, default=groups[0]).append(row)
    return groups


def _with_addenda(rows: Sequence[ReportRow]) -> tuple[ReportRow, int]:
    """The report that rows make, and how many of them added to its text."""
    if all(row.date for row in rows):
        rows = sorted(rows, key=lambda row: row.date)
    first = rows[0]
    if len(rows) == 1:
        return first, 0
    texts = list(dict.fromkeys(row.text for row in rows if row.text))
    parts = texts[:1] + [text if _ADDENDUM.match(text) else f"ADDENDUM: {text}" for text in texts[1:]]
    empty = RefusalCode.MISSING_TEXT
    refusals = [row.refusal for row in rows if row.refusal and not (texts and row.refusal[0] == empty)]
    cells: dict[str, Any] = {
        name: next((value for row in rows if (value := getattr(row, name))), "")
        for name in ("accession", "study", "date", "follow_up", "age", "sex", "view", "name")
    }
    report = replace(
        first,
        text="\n\n".join(parts),
        refusal=refusals[0] if refusals else None,
        images=tuple(dict.fromkeys(name for row in rows for name in row.images)),
        **cells,
    )
    return report, len(parts) - 1
