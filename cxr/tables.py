"""Tables of images, labels and predictions, in the columns that NIH published with ChestX-ray8: the one reader.

A table is plain or gzipped CSV; the standard library suffices, since a clinic checks its certificates without the
training extras. Whatever is wrong with one is said in one clear line.
"""

import csv
import gzip
import logging
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from cxr.errors import DatasetError
from nlp_labeler.findings import FINDINGS, NO_FINDING, FindingTable
from nlp_labeler.storage import write_rows

__all__ = [
    "IMAGE",
    "LABEL_SPACE_FILE",
    "PATIENT",
    "TRUE_LABELS",
    "CsvTable",
    "findings_of",
    "header_of",
    "label_space_beside",
    "numbers",
    "probabilities",
    "quoted",
    "read_csv",
    "write_predictions",
]

IMAGE, TRUE_LABELS, PATIENT = "Image Index", "Finding Labels", "Patient ID"
_PROBABILITY = "prob_"
_LOG = logging.getLogger(__name__)
LABEL_SPACE_FILE = "labels.json"
"""The label space of a dataset with labels of its own, beside its tables."""
_SHOWN = 8  # names listed in a message


@dataclass(frozen=True)
class CsvTable:
    """A table of text.

    Attributes:
        path: where it came from.
        columns: name -> its cells, in the order of the file.
    """

    path: Path
    columns: dict[str, list[str]]

    def require(self, names: Sequence[str]) -> None:
        """Check that columns are there.

        Raises:
            DatasetError: naming those that are missing and those that were found.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            found = list(self.columns)
            other = next((mark for mark in ";\t" if len(found) == 1 and mark in found[0]), None)
            hint = "" if other is None else f"; separate columns by commas, not by {other!r}"
            raise DatasetError(f"{self.path} has no column {quoted(missing)}; its columns are {quoted(found)}{hint}")

    def require_unique(self, name: str) -> None:
        """Check that no value of a column occurs twice.

        Raises:
            DatasetError: with how many do, and one of them.
        """
        repeated = [value for value, count in Counter(self.columns[name]).items() if count > 1]
        if repeated:
            raise DatasetError(
                f"{self.path}: {len(repeated)} values of '{name}' occur more than once, e.g. '{repeated[0]}'; "
                "keep one row of each"
            )


def quoted(names: Sequence[str]) -> str:
    """Names for a message: the first few, quoted."""
    shown = ", ".join(f"'{name}'" for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"


def read_csv(path: Path, *, may_be_empty: bool = False) -> CsvTable:
    """Read a CSV file with a header line; ``.gz`` is decompressed.

    Raises:
        DatasetError: if it is missing, not UTF-8 text, has a column twice or a row with another number of cells than
            the header, or no rows although it must have some.
    """
    if not path.is_file():
        raise DatasetError(f"no file at {path}")
    try:
        with _open(path) as stream:
            rows = list(csv.reader(stream, strict=True))
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path} is not UTF-8 text (byte {error.start}); save it as 'CSV UTF-8'") from None
    except (OSError, EOFError, csv.Error) as error:
        raise DatasetError(f"{path} is not a readable CSV file: {error}") from error
    body = [row for row in rows[1:] if row]
    if not rows or not (body or may_be_empty):
        raise DatasetError(f"{path} has no rows")
    header = [name.strip() for name in rows[0]]
    doubled = [name for name, count in Counter(header).items() if count > 1 and name]
    if doubled:
        raise DatasetError(f"{path} has column {quoted(doubled)} more than once")
    # Nameless columns at the end are nobody's: the published list of boxes has three in its header and none below.
    while header and not header[-1]:
        header.pop()
    for number, row in enumerate(body, start=2):
        if len(row) < len(header) or any(row[len(header) :]):
            raise DatasetError(f"{path}: row {number} has {len(row)} cells, the header has {len(header)}")
    cells = zip(*(row[: len(header)] for row in body), strict=True) if body else [()] * len(header)
    return CsvTable(path, {name: list(column) for name, column in zip(header, cells, strict=True)})


def header_of(path: Path) -> frozenset[str]:
    """Names of a CSV file's columns; none where there is no such file, or it is no table."""
    try:
        with _open(path, errors="replace") as stream:  # whoever reads the rest says what is wrong with it
            return frozenset(name.strip() for name in next(csv.reader(stream), []))
    except (OSError, EOFError, csv.Error):
        return frozenset()


def _open(path: Path, errors: str = "strict") -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", errors=errors, newline="")
    return path.open(encoding="utf-8-sig", errors=errors, newline="")


def label_space_beside(table: Path) -> FindingTable | None:
    """The label space of the dataset that a table belongs to, made known; ``None`` where it is the shipped one.

    Raises:
        ConfigError: if the file was altered, or a name has another meaning already.
    """
    file = table.parent / LABEL_SPACE_FILE
    return FindingTable.from_json(file.read_text(encoding="utf-8"), str(file)) if file.is_file() else None


def findings_of(cell: str, where: str) -> tuple[str, ...]:
    """The findings that a cell separates by ``|``; none for an empty cell and for `No Finding`.

    Args:
        cell: of a column such as `Finding Labels`.
        where: table and row, for messages.

    Raises:
        DatasetError: if the cell names an unknown finding, or a finding beside `No Finding`.
    """
    names = tuple(name.strip() for name in cell.split("|")) if cell else ()
    for name in names:
        if name not in FINDINGS and name != NO_FINDING:
            raise DatasetError(f"{where}: unknown finding '{name}'; known are {', '.join(FINDINGS)} and '{NO_FINDING}'")
    if NO_FINDING in names and len(names) > 1:
        raise DatasetError(f"{where} is '{cell}'; '{NO_FINDING}' stands alone")
    return tuple(name for name in names if name != NO_FINDING)


def numbers(table: CsvTable, name: str) -> NDArray[np.float64]:
    """(N,) a column of numbers; NaN where a cell is empty.

    Raises:
        DatasetError: if a cell is something else.
    """
    cells = table.columns[name]
    try:
        return np.array([float(cell) if cell else math.nan for cell in cells], dtype=np.float64)
    except ValueError as error:
        raise DatasetError(f"{table.path}: column '{name}' holds what is no number: {error}") from error


def probabilities(table: CsvTable) -> tuple[tuple[str, ...], NDArray[np.float64]]:
    """Findings and probabilities (N, L) of a table of predictions, with `Image Index` and `prob_NAME` columns.

    Columns of findings that nobody knows are left out, with a warning.

    Raises:
        DatasetError: if there is no column of a known finding, an image is listed twice, or a value is no
            probability.
    """
    table.require([IMAGE])
    names = tuple(name.removeprefix(_PROBABILITY) for name in table.columns if name.startswith(_PROBABILITY))
    if not names:
        raise DatasetError(
            f"{table.path} has no column '{_PROBABILITY}NAME'; one for each finding is needed, "
            f"e.g. '{_PROBABILITY}{next(iter(FINDINGS))}'"
        )
    unknown = [name for name in names if name not in FINDINGS]
    names = tuple(name for name in names if name in FINDINGS)
    if not names:
        raise DatasetError(f"{table.path}: unknown finding {quoted(unknown)}; known are {', '.join(FINDINGS)}")
    if unknown:
        _LOG.warning("%s: left out columns of findings that are not known: %s", table.path, quoted(unknown))
    table.require_unique(IMAGE)
    return names, np.stack([_probabilities(table, _PROBABILITY + name) for name in names], axis=1)


def _probabilities(table: CsvTable, column: str) -> NDArray[np.float64]:
    cells = table.columns[column]
    values = np.array([_number_or_nan(cell) for cell in cells])
    wrong = np.flatnonzero(~((values >= 0) & (values <= 1)))  # also finds NaN
    if len(wrong):
        first = wrong[0]
        raise DatasetError(
            f"{table.path}: column '{column}' has {len(wrong)} values that are not probabilities in [0, 1], e.g. "
            f"'{cells[first]}' for {table.columns[IMAGE][first]}"
        )
    return values


def _number_or_nan(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return math.nan


def write_predictions(
    path: Path,
    images: Sequence[str],
    patients: Sequence[str],
    attributes: Mapping[str, Sequence[str]],
    label_names: Sequence[str],
    values: Mapping[str, NDArray[np.floating]],
) -> None:
    """Write a table that :func:`probabilities` reads.

    Args:
        path: the CSV file.
        images: N names.
        patients: N patients.
        attributes: e.g. sex -> N values, written as ``attribute_sex``.
        label_names: L findings.
        values: what precedes the findings in the names of the columns (``prob_``, ``label_``, ``logit_``) -> (N, L);
            numbers are written so that the same are read, NaN as an empty cell.
    """
    header = [IMAGE, PATIENT, *(f"attribute_{name}" for name in attributes)]
    header += [prefix + name for prefix in values for name in label_names]
    texts = zip(images, patients, *attributes.values(), strict=True)
    rows = zip(texts, *map(_cells, values.values()), strict=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_rows(path, header, ([cell for part in row for cell in part] for row in rows))


def _cells(matrix: NDArray[np.floating]) -> Iterator[list[str]]:
    """Rows as the shortest texts that the same numbers of the same precision are read from."""
    return (["" if np.isnan(value) else str(value).removesuffix(".0") for value in row] for row in matrix)
