"""Lesions over time: where a disease begins, and how it waxes and wanes from visit to visit."""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from cxr.phantom.conditions import ALWAYS_BILATERAL, CHRONIC, CONDITIONS, GROWING, RIVALS, UNSIDED, ZONES
from cxr.phantom.lesion import Lesion
from cxr.phantom.patient import Patient

__all__ = ["onset", "progress"]


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
