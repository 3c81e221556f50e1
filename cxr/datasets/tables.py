"""Reading label tables: errors name the file, ids stay strings."""

import gzip
import re
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from cxr.errors import DatasetError

__all__ = ["AGE_COLUMN_PATTERN", "find_table", "parse_ages", "read_list", "read_table"]

AGE_COLUMN_PATTERN = re.compile(r"^0*(\d+)\s*([YMWD]?)$")
_YEARS = {"": 1.0, "Y": 1.0, "M": 1 / 12, "W": 7 / 365.25, "D": 1 / 365.25}


def find_table(root: Path, *names: str) -> Path | None:
    """The first of the named files that is there, plain or with .gz."""
    candidates = (root / (name + suffix) for name in names for suffix in ("", ".gz"))
    return next((path for path in candidates if path.is_file()), None)


def read_table(path: Path, columns: Iterable[str] = ()) -> pd.DataFrame:
    """A CSV table with every column as text, missing values as "".

    Raises:
        DatasetError: if it cannot be parsed or lacks one of ``columns``.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding_errors="replace")
    except (ValueError, OSError, EOFError) as error:
        raise DatasetError(f"{path}: cannot be read as a CSV table ({type(error).__name__})") from None
    missing = [name for name in columns if name not in table]
    if missing:
        raise DatasetError(f"{path}: lacks the column {missing[0]!r}; found {', '.join(map(str, table.columns))}")
    return table


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
    parts = column.astype(str).str.strip().str.upper().str.extract(AGE_COLUMN_PATTERN)
    years = pd.to_numeric(parts[0], errors="coerce") * parts[1].map(_YEARS)
    return years.where(years <= 120)
