"""What readers signed, as a report table that ``cxr dataset build --reports`` takes.

Each signed case is one row: its image, its patient, who signed it and when, and a text of one plain sentence per
finding that the reader spoke about, which the labeler reads back as exactly what was signed. One column per finding
says the same to other programs: 1, 0, or empty where nothing was stated.
"""

import csv
import io
from collections.abc import Iterable
from pathlib import PurePosixPath

from cxr.outputs.words import finding_title
from cxr.worklist.cases import Case
from cxr.worklist.decisions import Decision
from nlp_labeler.findings import FINDINGS, LABELS

__all__ = ["reader_labels"]

_COLUMNS = ("id", "image", "patient_id", "study_date", "age", "sex", "view", "reader", "signed", "text")


def reader_labels(signed: Iterable[tuple[Case, Decision]]) -> str:
    """The table as CSV.

    Args:
        signed: cases with their last decisions.
    """
    stream = io.StringIO(newline="")
    own = [name for name in FINDINGS if name not in LABELS]
    writer = csv.DictWriter(stream, (*_COLUMNS, *LABELS, *own), restval="")
    writer.writeheader()
    for case, decision in signed:
        subject = case.subject
        writer.writerow(
            {
                "id": case.id,
                "image": _safe(PurePosixPath(case.name.rpartition("!/")[2]).name),
                "patient_id": _safe(subject.patient or case.id),
                "study_date": _safe(subject.study_date or ""),
                "age": "" if subject.age is None else f"{subject.age:g}",
                "sex": subject.sex or "",
                "view": _safe(subject.view or ""),
                "reader": _safe(decision.reader),
                "signed": decision.signed,
                "text": _verdict_text(decision),
                **{name: int(there) for name, there in decision.verdicts.items()},
            }
        )
    return stream.getvalue()


def _verdict_text(decision: Decision) -> str:
    """One sentence per stated finding, as in ``There is effusion. No mass.``, that the labeler reads back."""
    return " ".join(
        f"There is {finding_title(name).lower()}." if there else f"No {finding_title(name).lower()}."
        for name, there in decision.verdicts.items()
    )


def _safe(cell: str) -> str:
    """A text from outside that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell[:1] in "=+-@\t\r" else cell
