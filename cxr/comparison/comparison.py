"""Two films of one patient: what is new, what is gone, what has grown, and whether they can be compared at all.

A finding's change is the difference of its log odds on the two films, against what films differ by on which nothing
changed (:class:`~cxr.screening.film_heads.FilmHeads` holds that, measured on validation patients). Within it a finding
is unchanged, whatever side of a threshold it lies on. Boxes are matched after the earlier film has been laid over the
later one (:mod:`cxr.comparison.registration`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from cxr.comparison.registration import Registration, register
from cxr.errors import ConfigError
from cxr.imaging.radiograph import RadiographMetadata
from cxr.imaging.segmentation import cardiothoracic_ratio
from cxr.localization import Box
from cxr.localization.overlap import iou
from cxr.reporting.document import FindingResult
from cxr.reporting.wording import listed, percent
from cxr.screening import Bundle, Examination, ScreeningArtifacts
from nlp_labeler.findings import PARENT, finding_entry

__all__ = [
    "NOT_COMPARABLE_MEANINGS",
    "Change",
    "FilmComparison",
    "FindingChange",
    "NotComparable",
    "RatioChange",
    "compare_films",
    "why_not_comparable",
]

_SURE_VIEW = 0.8
_SAME_PLACE = 0.1  # IoU of two boxes that are one finding
_SURE = 1e-6


class Change(StrEnum):
    """How a finding fares from the earlier film to the later one."""

    NEW = "new"
    RESOLVED = "resolved"
    LARGER = "larger"
    SMALLER = "smaller"
    UNCHANGED = "unchanged"
    ABSENT = "absent"
    NOT_JUDGED = "not_judged"


class NotComparable(StrEnum):
    """Why two films are not compared."""

    OTHER_PATIENT_ID = "other_patient_id"
    PERHAPS_OTHER_PATIENT = "perhaps_other_patient"
    OTHER_VIEW = "other_view"
    OTHER_POSE = "other_pose"


NOT_COMPARABLE_MEANINGS = {
    NotComparable.OTHER_PATIENT_ID: "their headers name different patients",
    NotComparable.PERHAPS_OTHER_PATIENT: "they do not look like films of one patient",
    NotComparable.OTHER_VIEW: "one is taken from the front (AP), the other from the back (PA)",
    NotComparable.OTHER_POSE: "the outlines of lungs and heart cannot be laid over each other",
}
"""Reason -> the same in words."""


@dataclass(frozen=True)
class FindingChange:
    """One finding on both films.

    Attributes:
        name: of the finding.
        change: its course.
        difference: of its log odds, later minus earlier.
        noise: the difference that one in five pairs of unchanged films exceeds; ``None`` where it was not measured.
        earlier_probability: calibrated.
        later_probability: calibrated.
        kept: boxes of the later film that lie where the earlier film has one.
        added: boxes of the later film where it has none.
        gone: boxes of the earlier film, as they lie over the later one, where that has none.
    """

    name: str
    change: Change
    difference: float
    noise: float | None
    earlier_probability: float
    later_probability: float
    kept: tuple[Box, ...] = ()
    added: tuple[Box, ...] = ()
    gone: tuple[Box, ...] = ()


@dataclass(frozen=True)
class RatioChange:
    """The cardiothoracic ratio on both films.

    Attributes:
        earlier: largest width of the heart over that of the chest.
        later: the same of the later film.
        error: of their difference; one in twenty pairs of films differs by more on which nothing changed.
    """

    earlier: float
    later: float
    error: float

    @property
    def changed(self) -> bool:
        """Whether the difference is beyond the error."""
        return abs(self.later - self.earlier) > self.error


@dataclass(frozen=True)
class FilmComparison:
    """What became of the findings; only ``reasons`` where the films do not compare.

    Attributes:
        earlier: path of the earlier film.
        later: path of the later film.
        reasons: why they do not compare; empty where they do.
        outline_error: mean distance of the lungs' outlines laid over each other, in widths of the chest.
        findings: in the order of the bundle.
        ratio: ``None`` where an outline is missing.
        text: for the report.
    """

    earlier: str
    later: str
    reasons: tuple[NotComparable, ...]
    outline_error: float | None
    findings: tuple[FindingChange, ...]
    ratio: RatioChange | None
    text: str


def compare_films(
    bundle: Bundle, earlier: Examination, later: Examination
) -> tuple[FilmComparison, Registration | None]:
    """Compare two screened films.

    Args:
        bundle: which screened both.
        earlier: the earlier film.
        later: the later one.

    Returns:
        The comparison, and how the earlier film lies over the later one where they compare.

    Raises:
        ConfigError: if one was refused, both are the same file, or their dates are the other way round.
    """
    then, now = (_screened(film) for film in (earlier, later))
    reasons = list(why_not_comparable(bundle, earlier, later))
    registration = register(then.heatmaps.anatomy, now.heatmaps.anatomy)
    if registration is None:
        reasons.append(NotComparable.OTHER_POSE)
    names = earlier.result.path, later.result.path
    if reasons or registration is None:
        why = "; ".join(NOT_COMPARABLE_MEANINGS[reason] for reason in reasons)
        text = f"The films are not compared: {why}."
        return FilmComparison(*names, tuple(reasons), None, (), None, text), None
    heads = bundle.film_heads
    noise = dict(zip(bundle.manifest.label_space, heads.noise.tolist(), strict=True)) if heads else {}
    before = {finding.name: finding for finding in earlier.result.findings}
    shapes = then.pixels.shape, now.pixels.shape
    changes = tuple(
        _change(before[found.name], found, noise.get(found.name), registration, shapes)
        for found in later.result.findings
    )
    ratio = _ratio(then, now, float(heads.ratio_error[0])) if heads else None
    text = _text(changes, ratio)
    return FilmComparison(*names, (), round(registration.error, 4), changes, ratio, text), registration


def _screened(film: Examination) -> ScreeningArtifacts:
    if film.artifacts is None:
        refusal = film.result.refusal
        assert refusal is not None
        raise ConfigError(
            f"{film.result.path} was refused ({refusal.code}: {refusal.message}); nothing is compared with it"
        )
    return film.artifacts


def _require_order(earlier: Examination, later: Examination, then: RadiographMetadata, now: RadiographMetadata) -> None:
    if then.sha256 == now.sha256:
        raise ConfigError(f"{earlier.result.path} and {later.result.path} are the same film; name two visits")
    if then.study_date and now.study_date and then.study_date > now.study_date:
        raise ConfigError(f"{earlier.result.path} is dated after {later.result.path}; name the earlier film first")


def why_not_comparable(bundle: Bundle, earlier: Examination, later: Examination) -> tuple[NotComparable, ...]:
    """What headers and pictures say against comparing two screened films, before they are laid over each other.

    Raises:
        ConfigError: see :func:`compare_films`.
    """
    then, now = _screened(earlier), _screened(later)
    _require_order(earlier, later, then.metadata, now.metadata)
    found: list[NotComparable] = []
    one, other = ((film.metadata.patient_id_issuer, film.metadata.patient_id) for film in (then, now))
    if one[1] is not None and other[1] is not None:
        if one != other:
            found.append(NotComparable.OTHER_PATIENT_ID)
    elif (
        bundle.film_heads is not None
        and then.identity is not None
        and now.identity is not None
        and not bundle.film_heads.same_patient(then.identity, now.identity)
    ):
        found.append(NotComparable.PERHAPS_OTHER_PATIENT)
    views = {_view(film) for film in (earlier, later)} - {None}
    if len(views) > 1:
        found.append(NotComparable.OTHER_VIEW)
    return tuple(found)


def _view(film: Examination) -> str | None:
    """AP or PA, as the header says, or as the film shows beyond doubt."""
    stated = _screened(film).metadata.view_position
    if stated in ("AP", "PA"):
        return stated
    estimate = film.result.patient
    if estimate is None or 1 - _SURE_VIEW < estimate.ap < _SURE_VIEW:
        return None
    return "AP" if estimate.ap >= _SURE_VIEW else "PA"


def _change(
    then: FindingResult,
    now: FindingResult,
    noise: float | None,
    registration: Registration,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
) -> FindingChange:
    difference = _log_odds(now.probability) - _log_odds(then.probability)
    (height, width), (later_height, later_width) = shapes
    moved = [registration.box(box, (height, width), (later_height, later_width)) for box in then.boxes]
    overlaps = iou([_corners(box) for box in now.boxes], [_corners(box) for box in moved]) > _SAME_PLACE
    kept = tuple(box for number, box in enumerate(now.boxes) if overlaps[number].any())
    gone = tuple(box for number, box in enumerate(moved) if not overlaps[:, number].any())
    return FindingChange(
        name=now.name,
        change=_course(then, now, difference, noise),
        difference=round(difference, 4),
        noise=None if noise is None else round(noise, 4),
        earlier_probability=then.probability,
        later_probability=now.probability,
        kept=kept,
        added=tuple(box for box in now.boxes if box not in kept),
        gone=gone,
    )


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.x, box.y, box.width, box.height


def _course(then: FindingResult, now: FindingResult, difference: float, noise: float | None) -> Change:
    if now.threshold is None or noise is None:
        return Change.NOT_JUDGED
    if not then.positive and not now.positive:
        return Change.ABSENT
    if abs(difference) <= noise:
        return Change.UNCHANGED
    if then.positive and now.positive:
        return Change.LARGER if difference > 0 else Change.SMALLER
    return Change.NEW if now.positive else Change.RESOLVED


def _log_odds(probability: float) -> float:
    p = min(max(probability, _SURE), 1 - _SURE)
    return float(np.log(p / (1 - p)))


def _ratio(then: ScreeningArtifacts, now: ScreeningArtifacts, error: float) -> RatioChange | None:
    ratios = []
    for film in (then, now):
        chest = film.heatmaps.anatomy
        ratios.append(cardiothoracic_ratio(chest.right_lung | chest.left_lung, chest.heart))
    earlier, later = ratios
    if not earlier or not later or not np.isfinite(error):
        return None
    return RatioChange(round(earlier, 3), round(later, 3), round(error, 3))


def _text(changes: Sequence[FindingChange], ratio: RatioChange | None) -> str:
    """Sentences for the report, what has changed first."""
    rank = {node: place for place, node in enumerate(PARENT)}
    ordered = sorted(changes, key=lambda change: rank.get(change.name, len(rank)))
    said = {
        Change.NEW: "{finding} is new ({before}, now {after}).",
        Change.LARGER: "{finding} is more pronounced ({before}, now {after}).",
        Change.SMALLER: "{finding} is less pronounced ({before}, now {after}).",
        Change.RESOLVED: "{finding} is no longer seen ({before}, now {after}).",
    }
    sentences = [
        said[kind].format(
            finding=finding_entry(change.name).bare_noun.capitalize(),
            before=percent(change.earlier_probability),
            after=percent(change.later_probability),
        )
        for kind in said
        for change in ordered
        if change.change is kind
    ]
    steady = [finding_entry(change.name).bare_noun for change in ordered if change.change is Change.UNCHANGED]
    if steady:
        sentences.append(f"{listed(steady, 'and').capitalize()} unchanged within what two films differ by.")
    if not sentences:
        sentences.append("No finding is above its threshold on either film.")
    if ratio is not None:
        verb = "from" if ratio.changed else "unchanged within the error, from"
        sentences.append(
            f"Cardiothoracic ratio {verb} {ratio.earlier:.2f} to {ratio.later:.2f} (error {ratio.error:.2f})."
        )
    return " ".join(sentences)
