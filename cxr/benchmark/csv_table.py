"""CSV tables as columns of text, plain or gzipped, with one clear line for everything that is wrong with them.

The standard library suffices: a clinic checks its certificates without the training extras.
"""

import csv
import gzip
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cxr.errors import DatasetError

__all__ = ["CsvTable", "read_csv"]

_SHOWN = 8  # names listed in a message


@dataclass(frozen=True)
class CsvTable:
    """A table of text.

    Attributes:
        path: where it came from.
        columns: name -> its cells, in the order of the file.
        n_rows: number of rows.
    """

    path: Path
    columns: dict[str, list[str]]
    n_rows: int

    def require(self, names: Sequence[str]) -> None:
        """Check that columns are there.

        Raises:
            DatasetError: naming those that are missing and those that were found.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise DatasetError(
                f"{self.path} has no column {quoted(missing)}; its columns are {quoted(list(self.columns))}"
            )

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


def read_csv(path: Path) -> CsvTable:
    """Read a CSV file with a header line; ``.gz`` is decompressed.

    Raises:
        DatasetError: if it is missing, not UTF-8 text, empty, or a row has another number of cells than the header.
    """
    if not path.is_file():
        raise DatasetError(f"no file at {path}")
    try:
        with _open(path) as stream:
            rows = list(csv.reader(stream, strict=True))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} is not a readable CSV file: {error}") from error
    body = [row for row in rows[1:] if row]
    if not body:
        raise DatasetError(f"{path} has no rows")
    header = [name.strip() for name in rows[0]]
    doubled = [name for name, count in Counter(header).items() if count > 1 and name]
    if doubled:
        raise DatasetError(f"{path} has column {quoted(doubled)} more than once")
    for number, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise DatasetError(f"{path}: row {number} has {len(row)} cells, the header has {len(header)}")
    cells = zip(*body, strict=True)
    columns = {name: list(column) for name, column in zip(header, cells, strict=True)}
    return CsvTable(path, columns, len(body))


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")
