"""The truth about a film as table rows: labels, findings, boxes. Written apart from the export, read by no training."""

import numpy as np
from numpy.typing import NDArray

from cxr.phantom.course import Visit
from cxr.phantom.language import Report
from cxr.phantom.patient import Patient
from nlp_labeler.findings import ANCESTORS, LABELS, NO_FINDING

__all__ = [
    "BOX_COLUMNS",
    "FINDING_COLUMNS",
    "LABEL_COLUMNS",
    "Row",
    "bounding_box",
    "box_rows",
    "finding_rows",
    "label_row",
]

Row = dict[str, str | int | float]

LABEL_COLUMNS = ("image", "patient_id", *LABELS, NO_FINDING)
FINDING_COLUMNS = ("image", "label", "side", "zone", "severity", "grade", "change", "said", "mask")
BOX_COLUMNS = ("image", "label", "x", "y", "width", "height")


def label_row(image: str, patient: Patient, visit: Visit) -> Row:
    """1 where a finding, or one below it in the ontology, is present; No Finding where nothing at all is."""
    present = {lesion.finding for lesion in visit.lesions}
    closed = present.union(*(ANCESTORS[name] for name in present)) if present else set()
    row: Row = {"image": image, "patient_id": patient.identifier}
    row |= {label: int(label in closed) for label in LABELS}
    row[NO_FINDING] = int(not present and not patient.incidental)
    return row


def finding_rows(image: str, visit: Visit, report: Report, masks: list[str]) -> list[Row]:
    """One row per lesion: where, how bad, what it did since, how the report said it, and its mask file."""
    return [
        {
            "image": image,
            "label": lesion.finding,
            "side": lesion.side,
            "zone": lesion.zone,
            "severity": round(lesion.severity, 4),
            "grade": lesion.grade,
            "change": lesion.change,
            "said": report.said[lesion.finding],
            "mask": mask,
        }
        for lesion, mask in zip(visit.lesions, masks, strict=True)
    ]


def bounding_box(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """x, y, width, height in pixels of the tightest box around a mask; None where it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if len(rows) == 0:
        return None
    return (
        int(columns[0]),
        int(rows[0]),
        int(columns[-1] - columns[0] + 1),
        int(rows[-1] - rows[0] + 1),
    )


def box_rows(image: str, visit: Visit, masks: tuple[NDArray[np.bool_], ...]) -> list[Row]:
    """One box per lesion; a finding of both lungs gets one box per half of the image."""
    rows: list[Row] = []
    for lesion, mask in zip(visit.lesions, masks, strict=True):
        middle = mask.shape[1] // 2
        parts = [mask]
        if lesion.side == "bilateral":
            left, right = mask.copy(), mask.copy()
            left[:, middle:], right[:, :middle] = False, False
            parts = [left, right]
        for part in parts:
            box = bounding_box(part)
            if box is not None:
                rows.append({"image": image, "label": lesion.finding} | dict(zip(BOX_COLUMNS[2:], box, strict=True)))
    return rows
