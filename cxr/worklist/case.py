"""A case on a worklist: one image, whose it is, what became of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

__all__ = ["SHARED", "Case", "CaseStatus", "Subject"]

CaseStatus = Literal["waiting", "screening", "screened", "refused"]

SHARED = ""
"""Owner of the cases that everybody at this worklist sees."""


@dataclass(frozen=True)
class Subject:
    """What the file says about patient and examination; ``None`` where it says nothing.

    Attributes:
        patient: identifier that joins the visits of one patient.
        study_date: sortable as text: ``YYYYMMDD``, or the number of the visit.
        sex: ``"F"`` or ``"M"``.
        age: in years.
        view: e.g. ``"PA"``.
    """

    patient: str | None = None
    study_date: str | None = None
    sex: str | None = None
    age: float | None = None
    view: str | None = None


@dataclass(frozen=True)
class Case:
    """One row of a worklist.

    Attributes:
        id: random, says nothing about the patient; safe in a URL, a log or a file name.
        owner: who sees it; :data:`SHARED` for everybody.
        name: file name as the user knows it; text from outside.
        status: ``waiting``, ``screening``, ``screened`` or ``refused``.
        added: when it came, ISO 8601 in UTC.
        subject: patient and examination.
        width: of the image in pixels; ``None`` until screened.
        height: of the image in pixels; ``None`` until screened.
        triage: the result's triage; ``None`` unless screened.
        refusal: code of the refusal; ``None`` unless refused.
        probabilities: finding -> calibrated probability; empty unless screened.
        model_sha256: model of the result; ``None`` until there is one.
        flagged: whether somebody marked it to come back to.
        signed_by: last reader who signed it, or ``None``.
    """

    id: str
    owner: str
    name: str
    status: CaseStatus
    added: str
    subject: Subject
    width: int | None
    height: int | None
    triage: str | None
    refusal: str | None
    probabilities: Mapping[str, float]
    model_sha256: str | None
    flagged: bool
    signed_by: str | None
