"""Reports with gold labels, from one CSV file."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from nlp_labeler.errors import LabelerError
from nlp_labeler.findings import CHESTXRAY8, NO_FINDING
from nlp_labeler.formats.record import ReadOptions, RefusalCode, ReportRecord
from nlp_labeler.formats.table import open_table, read

__all__ = ["read_gold"]

NORMAL = "normal"  # what the published gold tables of OpenI call the reports without any finding
VALUES = {"1": 1, "1.0": 1, "0": 0, "0.0": 0, "-1": -1, "-1.0": -1, "": None}


def read_gold(path: Path, labels: Sequence[str] = CHESTXRAY8) -> tuple[list[ReportRecord], list[dict[str, int | None]]]:
    """Read a CSV file of reports that has a column for each label that is scored and ``No Finding`` (or ``normal``).

    Args:
        path: the file.
        labels: those that are scored; by default the eight of ChestX-ray8.

    Returns:
        The reports, and for each its gold labels: 1 true, 0 false, -1 uncertain, ``None`` unknown.

    Raises:
        LabelerError: if a column or an id is missing, or a cell is no label value.
    """
    records = list(read(path, ReadOptions()))
    # A report without a word has gold labels all the same; it is scored as one that says nothing.
    codes = {record.refusal: record.refusal.code for record in records if record.refusal is not None}
    refusals = [str(refusal) for refusal, code in codes.items() if code is not RefusalCode.MISSING_TEXT]
    if refusals:
        raise LabelerError(f"{path}: {len(refusals)} gold reports cannot be read, first {refusals[0]}")
    table = open_table(path)
    columns = label_columns(table.header, path, labels)
    gold = [
        {name: label_value(row.cells, column, f"{path}: {row.where}") for name, column in columns.items()}
        for row in table.rows
    ]
    return records, gold


def label_columns(header: Sequence[str], path: Path, labels: Sequence[str]) -> dict[str, str]:
    """The column of every label that is scored.

    Raises:
        LabelerError: if one is missing.
    """
    found = {name.strip().casefold(): name for name in header}
    found.setdefault(NO_FINDING.casefold(), found.get(NORMAL, ""))
    missing = [name for name in (*labels, NO_FINDING) if not found.get(name.casefold())]
    if missing:
        raise LabelerError(f"{path}: no column for {missing}; gold needs {[*labels, NO_FINDING]}")
    return {name: found[name.casefold()] for name in (*labels, NO_FINDING)}


def label_value(row: Mapping[str, str], column: str, where: str) -> int | None:
    """The value of one cell.

    Raises:
        LabelerError: if it is none of 1, 0, -1 or empty.
    """
    cell = row[column].strip()
    if cell not in VALUES:
        raise LabelerError(f"{where}: '{column}' is '{cell}'; allowed are 1, 0, -1 and empty")
    return VALUES[cell]
