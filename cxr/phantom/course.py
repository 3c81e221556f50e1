"""The course of a patient's diseases: when the patient comes, with what, and how it changed since.

A condition brings findings with given probabilities (cxr.phantom.conditions), which makes findings co-occur as they do
in wards (a failing heart with effusions and oedema, a tumour with an effusion and a collapsed lobe). Acute findings wax
and wane between visits, chronic ones stay or grow.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from cxr.phantom.disease import onset, progress
from cxr.phantom.lesion import Lesion
from cxr.phantom.patient import Patient

__all__ = ["Visit", "draw_visits"]


@dataclass(frozen=True)
class Visit:
    """One examination.

    Attributes:
        follow_up: 0 at the first visit.
        day: study date.
        age: years at the study date.
        view: "PA" or "AP".
        lesions: what is there now.
        resolved: findings seen at the previous visit that are gone.
        devices: names out of cxr.phantom.devices.DEVICES, each with a side where it has one ("chest drain left").
        previous: study date of the previous visit, None at the first.
    """

    follow_up: int
    day: date
    age: int
    view: str
    lesions: tuple[Lesion, ...]
    resolved: tuple[str, ...]
    devices: tuple[str, ...]
    previous: date | None


def draw_visits(patient: Patient, rng: np.random.Generator) -> tuple[Visit, ...]:
    """One to five visits of a patient, in order of time."""
    sick = bool(patient.conditions)
    count = int(min(rng.geometric(0.5 if sick else 0.7), 5))
    day = date(2008, 1, 1) + timedelta(days=int(rng.integers(0, 365 * 6)))
    previous: date | None = None
    lesions: tuple[Lesion, ...] = ()
    visits: list[Visit] = []
    for follow_up in range(count):
        resolved: tuple[str, ...] = ()
        if follow_up == 0:
            lesions = onset(patient, rng)
        else:
            previous = day
            day += timedelta(days=int(rng.integers(1, 14) if sick and rng.random() < 0.5 else rng.integers(60, 700)))
            lesions, resolved = progress(patient, lesions, rng)
        worst = max((lesion.severity for lesion in lesions), default=0.0)
        view = "AP" if rng.random() < 0.2 + (0.2 + 0.35 * worst if lesions else 0.0) else "PA"
        visits.append(
            Visit(
                follow_up=follow_up,
                day=day,
                age=int((day - patient.birth).days / 365.25),
                view=view,
                lesions=lesions,
                resolved=resolved,
                devices=_devices(patient, view, lesions, rng),
                previous=previous,
            )
        )
    return tuple(visits)


def _devices(patient: Patient, view: str, lesions: tuple[Lesion, ...], rng: np.random.Generator) -> tuple[str, ...]:
    worst = max((lesion.severity for lesion in lesions), default=0.0)
    portable = view == "AP"
    intensive = portable and rng.random() < 0.08 + 0.25 * worst
    surgical = "after surgery" in patient.conditions
    failing = "heart failure" in patient.conditions or "large heart" in patient.conditions
    chances = {
        "ecg leads": 0.55 if portable else 0.03,
        "endotracheal tube": 0.7 if intensive else 0.0,
        "nasogastric tube": 0.65 if intensive else 0.02 * portable,
        "central line": 0.7 if intensive else 0.1 if portable else 0.04,
        "pacemaker": 0.16 if failing else 0.03 if patient.birth.year < 1955 else 0.0,
        "sternal wires": 0.35 if surgical else 0.14 if failing else 0.03,
    }
    devices = [name for name, chance in chances.items() if rng.random() < chance]
    for side in ("left", "right"):
        drained = max(
            (x.severity for x in lesions if x.side == side and x.finding in {"Pneumothorax", "Effusion"}), default=0.0
        )
        # Drains also stay where the air is gone: after surgery a drain does not tell a pneumothorax.
        if rng.random() < (0.3 if drained > 0.5 else 0.12 if surgical else 0.006):
            devices.append(f"chest drain {side}")
    return tuple(devices)
