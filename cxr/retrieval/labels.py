"""Findings and patients from a label table in the columns that NIH published with ChestX-ray8."""

import csv
from dataclasses import dataclass
from pathlib import Path

from cxr.errors import DatasetError
from nlp_labeler.findings import LABELS, NO_FINDING

__all__ = ["LabeledImage", "read_labels"]

_IMAGE, _FINDINGS, _PATIENT = "Image Index", "Finding Labels", "Patient ID"


@dataclass(frozen=True)
class LabeledImage:
    """One row: whose image it is and what was found."""

    patient: str
    findings: tuple[str, ...]


def read_labels(path: Path) -> dict[str, LabeledImage]:
    """Image name -> its row, of a table with ``Image Index``, ``Finding Labels`` (joined by |) and ``Patient ID``.

    Raises:
        DatasetError: if the table cannot be read, lacks a column or names an unknown finding.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            rows = csv.DictReader(stream)
            missing = [name for name in (_IMAGE, _FINDINGS, _PATIENT) if name not in (rows.fieldnames or ())]
            if missing:
                raise DatasetError(f"{path} has no column '{missing[0]}'; it needs {_IMAGE}, {_FINDINGS}, {_PATIENT}")
            return {row[_IMAGE]: LabeledImage(row[_PATIENT], _findings(path, row[_FINDINGS])) for row in rows}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path} cannot be read as a table ({type(error).__name__})") from error


def _findings(path: Path, cell: str) -> tuple[str, ...]:
    names = tuple(name for name in cell.split("|") if name and name != NO_FINDING)
    unknown = [name for name in names if name not in LABELS]
    if unknown:
        raise DatasetError(f"{path} names the finding '{unknown[0]}'; known are {', '.join(LABELS)}")
    return names
