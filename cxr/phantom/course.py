"""The course of a patient's diseases: when the patient comes, with what, and how it changed since.

A condition brings findings with given probabilities (cxr.phantom.disease), which makes findings co-occur as they do
in wards (a failing heart with effusions and oedema, a tumour with an effusion and a collapsed lobe). Acute findings wax
and wane between visits, chronic ones stay or grow.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

import numpy as np

from cxr.phantom.disease import ALWAYS_BILATERAL, CHRONIC, CONDITIONS, GROWING, RIVALS, UNSIDED, ZONES, Lesion
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


def _draw_lesion(finding: str, side: str, rng: np.random.Generator, change: str = "") -> Lesion:
    zones = ZONES.get(finding, (("", 1.0),))
    zone = zones[int(rng.choice(len(zones), p=[share for _, share in zones]))][0]
    return Lesion(finding, float(rng.uniform(0.02, 0.99)), side, zone, int(rng.integers(2**62)), change)


def _lesions_of(finding: str, bilateral: float, rng: np.random.Generator, change: str = "") -> list[Lesion]:
    if finding in UNSIDED:
        return [_draw_lesion(finding, "", rng, change)]
    if finding in ALWAYS_BILATERAL:
        return [_draw_lesion(finding, "bilateral", rng, change)]
    first = str(rng.choice(["left", "right"], p=[0.45, 0.55]))
    other = "left" if first == "right" else "right"
    lesions = [_draw_lesion(finding, first, rng, change)]
    if finding == "Nodule" and rng.random() < 0.3:  # several nodules
        lesions += [_draw_lesion(finding, str(rng.choice([first, other])), rng, change)]
    elif finding not in GROWING | {"Pneumothorax"} and rng.random() < bilateral:
        twin = _draw_lesion(finding, other, rng, change)
        lesions.append(replace(twin, severity=float(np.clip(lesions[0].severity + rng.normal(0, 0.12), 0.02, 0.99))))
    return lesions


def onset(patient: Patient, rng: np.random.Generator) -> tuple[Lesion, ...]:
    """What a patient has at the first visit."""
    found: dict[str, list[Lesion]] = {}
    for name in patient.conditions:
        condition = CONDITIONS[name]
        for finding, chance in condition.findings.items():
            if finding not in found and rng.random() < chance:
                found[finding] = _lesions_of(finding, condition.bilateral, rng)
    return _compatible(lesion for group in found.values() for lesion in group)


def _compatible(lesions: Iterable[Lesion]) -> tuple[Lesion, ...]:
    kept: list[Lesion] = []
    kinds: set[str] = set()
    for lesion in lesions:
        if not RIVALS.get(lesion.finding, set()) & kinds:
            kept.append(lesion)
            kinds.add(lesion.finding)
    return tuple(kept)


def progress(
    patient: Patient, before: tuple[Lesion, ...], rng: np.random.Generator
) -> tuple[tuple[Lesion, ...], tuple[str, ...]]:
    """What became of the lesions of the visit before, with new ones, and the findings that are gone."""
    after: list[Lesion] = []
    for lesion in before:
        chronic = lesion.finding in CHRONIC
        if not chronic and rng.random() < 0.22:
            continue  # resolved
        drift = rng.normal(0.0, 0.03) if rng.random() < (0.65 if chronic else 0.4) else rng.normal(0.0, 0.3)
        if lesion.finding in GROWING or lesion.finding == "Fibrosis":
            drift = abs(drift)
        severity = float(np.clip(lesion.severity + drift, 0.02, 0.99))
        moved = severity - lesion.severity
        change = "stable" if abs(moved) < 0.1 else ("worsened" if moved > 0 else "improved")
        after.append(replace(lesion, severity=severity, change=change))
    present = {lesion.finding for lesion in after}
    resolved = tuple(sorted({lesion.finding for lesion in before} - present))
    for name in patient.conditions:
        condition = CONDITIONS[name]
        for finding, chance in condition.findings.items():
            if finding not in present and finding not in resolved and rng.random() < chance * 0.25:
                after.extend(_lesions_of(finding, condition.bilateral, rng, change="new"))
                present.add(finding)
    return _compatible(after), resolved
