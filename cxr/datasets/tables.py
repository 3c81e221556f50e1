"""Label tables as data frames, beside the lists of splits: errors name the file, ids stay strings."""

import gzip
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from cxr.datasets.schema import BOX_COLUMNS, BOX_HEADER
from cxr.errors import DatasetError
from cxr.imaging.dicom_header import age_in_years
from cxr.tables import read_csv

__all__ = ["entry_records", "find_table", "parse_ages", "read_boxes", "read_list", "read_table"]


def find_table(root: Path, *names: str) -> Path | None:
    """The first of the named files that is there, plain or with .gz."""
    candidates = (root / (name + suffix) for name in names for suffix in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def read_table(path: Path, columns: Iterable[str] = ()) -> pd.DataFrame:
    """A CSV table with every column as text, missing values as ""; it may have no rows.

    Raises:
        DatasetError: if it cannot be read or lacks one of ``columns``.
    """
    table = read_csv(path, may_be_empty=True)
    table.require(tuple(columns))
    return pd.DataFrame(table.columns, dtype=str)


def entry_records(entries: pd.DataFrame, path_of: Callable[[str], str]) -> pd.DataFrame:
    """What a label table in the published columns says of each image, but for labels and split.

    Args:
        entries: with the first seven of :data:`~cxr.datasets.schema.ENTRY_COLUMNS`.
        path_of: name of an image -> its file.

    Returns:
        ``image`` to ``view`` of :attr:`~cxr.datasets.schema.Dataset.records`.
    """
    return pd.DataFrame(
        {
            "image": entries["Image Index"],
            "path": [path_of(name) for name in entries["Image Index"]],
            "patient": entries["Patient ID"],
            "follow_up": pd.to_numeric(entries["Follow-up #"], errors="coerce").fillna(0).astype(int),
            "age": parse_ages(entries["Patient Age"]),
            "sex": entries["Patient Gender"],
            "view": entries["View Position"],
        }
    )


def read_boxes(path: Path) -> pd.DataFrame:
    """A list of boxes in the published columns, as of :attr:`~cxr.datasets.schema.Dataset.boxes`.

    Raises:
        DatasetError: if it cannot be read, lacks a column or holds an edge that is no number.
    """
    header = [name for name in BOX_HEADER if name]
    boxes = read_table(path, header)[header].set_axis(list(BOX_COLUMNS), axis=1)
    try:
        return boxes.astype(dict.fromkeys(BOX_COLUMNS[2:], np.float64))
    except ValueError as error:
        raise DatasetError(f"{path}: an edge of a box is no number: {error}") from None


def read_list(path: Path) -> list[str]:
    """The lines of a split list."""
    opener = gzip.open if path.suffix == ".gz" else open
    try:
        with opener(path, "rt", encoding="utf-8") as stream:
            return [line.strip() for line in stream if line.strip()]
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DatasetError(f"{path}: cannot be read as a list of images ({type(error).__name__})") from None


def parse_ages(column: pd.Series) -> pd.Series:
    """Ages such as ``58``, ``058Y`` or ``003M`` -> years; NaN where there is none, or none that a person reaches."""
    return column.map(lambda cell: age_in_years(cell, bare_number=True)).astype(float)
