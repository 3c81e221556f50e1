"""The visits of one patient as one page: films, what differs, scores against their thresholds, and the ratio."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy.ndimage import gaussian_filter

from cxr.comparison.comparison import Change, FilmComparison
from cxr.comparison.registration import Registration
from cxr.localization import Box
from cxr.outputs.words import bar_length, finding_title, percent
from cxr.screening import Examination
from nlp_labeler.findings import finding_entry

if TYPE_CHECKING:
    from jinja2 import Template

__all__ = ["difference_picture", "timeline_page"]

_SIDE = 560
_EXPOSURE, _GRAIN = 0.06, 0.006  # in sides of the picture: brightness that varies slower, and detail that is noise
_FULL = 2.5  # robust deviations of the difference at which its colour is full
_LEAST = 0.15  # in local contrasts: equal films must not show their interpolation
_MARKS = {Change.NEW: "new", Change.LARGER: "▲", Change.SMALLER: "▼", Change.RESOLVED: "gone", Change.UNCHANGED: "="}
_Gray = NDArray[np.float32]


@dataclass(frozen=True)
class _Visit:
    """One column of the page."""

    name: str
    date: str
    view: str
    triage: str
    picture: str


def timeline_page(
    visits: Sequence[Examination],
    steps: Sequence[tuple[FilmComparison, Registration | None]],
) -> str:
    """The page of two or more screened films, the earliest first.

    Args:
        visits: none of them refused.
        steps: one fewer: what :func:`~cxr.comparison.compare_films` says of each film and the one before it.
    """
    names = [finding.name for finding in visits[0].result.findings]
    shown = [name for name in names if _ever_positive(visits, name)]
    return _template().render(
        visits=[_visit(film) for film in visits],
        rows=[_row(visits, steps, name) for name in shown],
        silent=[finding_title(name) for name in names if name not in shown],
        ratios=[None, *(step.ratio for step, _ in steps)],
        steps=[
            {
                "text": step.text,
                "error": None if step.outline_error is None else f"{100 * step.outline_error:.1f} %",
                "difference": None if how is None else _difference(before, after, step, how),
            }
            for (step, how), before, after in zip(steps, visits[:-1], visits[1:], strict=True)
        ],
        model=visits[0].result.model,
    )


def difference_picture(earlier: _Gray, later: _Gray, registration: Registration) -> Image.Image:
    """Where the later film is denser (red) or more transparent (blue) than the earlier one laid over it.

    Exposure and the tone of the display differ from film to film: what varies slowly over a film is taken out of both.

    Args:
        earlier: (H, W) in [0, 1].
        later: (H, W) in [0, 1].
        registration: of the two.
    """
    scale = _SIDE / max(later.shape)
    shape = (max(1, round(later.shape[0] * scale)), max(1, round(later.shape[1] * scale)))
    now = _reduced(later, shape)
    then = registration.warp(earlier, shape)
    reached = registration.warp(np.ones_like(earlier), shape) > 0.99
    difference = np.where(reached, _detail(now) - _detail(then), 0)
    spread = float(np.median(np.abs(difference[reached]))) * 1.4826 if reached.any() else 0.0
    relative = np.clip(difference / (_FULL * max(spread, _LEAST)), -1, 1)
    strength = np.clip((np.abs(relative) - 0.35) / 0.65, 0, 1)[..., None] * 0.75
    colour = np.where(relative[..., None] > 0, np.array([214, 40, 57]), np.array([33, 118, 255]))
    mixed = (1 - strength) * (now[..., None] * 255) + strength * colour
    return Image.fromarray(np.clip(mixed, 0, 255).astype(np.uint8))


def _reduced(pixels: _Gray, shape: tuple[int, int]) -> _Gray:
    picture = Image.fromarray(pixels.astype(np.float32))
    return np.asarray(picture.resize(shape[::-1], Image.Resampling.BOX), dtype=np.float32)


def _detail(pixels: _Gray) -> _Gray:
    side = max(pixels.shape)
    slow, fine = gaussian_filter(pixels, _EXPOSURE * side), gaussian_filter(pixels, _GRAIN * side)
    contrast = np.sqrt(gaussian_filter((pixels - slow) ** 2, 2 * _EXPOSURE * side)) + 0.02
    return np.asarray((fine - slow) / contrast, dtype=np.float32)


def _difference(before: Examination, after: Examination, step: FilmComparison, registration: Registration) -> str:
    assert before.artifacts is not None
    assert after.artifacts is not None
    picture = difference_picture(before.artifacts.pixels, after.artifacts.pixels, registration)
    scale = max(picture.size) / max(after.artifacts.pixels.shape)
    draw = ImageDraw.Draw(picture)
    for change in step.findings:
        for box in (*change.added, *change.kept, *change.gone):
            draw.rectangle(_scaled(box, scale), outline=finding_entry(change.name).colour, width=2)
    return _address(picture)


def _scaled(box: Box, scale: float) -> tuple[float, float, float, float]:
    return box.x * scale, box.y * scale, (box.x + box.width) * scale, (box.y + box.height) * scale


def _visit(film: Examination) -> _Visit:
    assert film.artifacts is not None
    metadata = film.artifacts.metadata
    pixels = film.artifacts.pixels
    scale = _SIDE / max(pixels.shape)
    grey = _reduced(pixels, (max(1, round(pixels.shape[0] * scale)), max(1, round(pixels.shape[1] * scale))))
    picture = Image.fromarray(np.clip(grey * 255, 0, 255).astype(np.uint8)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    for finding in film.result.findings:
        for box in finding.boxes:
            draw.rectangle(_scaled(box, scale), outline=finding_entry(finding.name).colour, width=2)
    return _Visit(
        name=film.result.path.replace("\\", "/").rpartition("/")[2],
        date=_iso(metadata.study_date),
        view=metadata.view_position or "",
        triage=str(film.result.triage),
        picture=_address(picture),
    )


def _iso(date: str | None) -> str:
    return f"{date[:4]}-{date[4:6]}-{date[6:]}" if date and len(date) == 8 and date.isdecimal() else ""


def _ever_positive(visits: Sequence[Examination], name: str) -> bool:
    return any(finding.positive for film in visits for finding in film.result.findings if finding.name == name)


def _row(
    visits: Sequence[Examination], steps: Sequence[tuple[FilmComparison, Registration | None]], name: str
) -> dict[str, object]:
    cells = []
    for number, film in enumerate(visits):
        found = next(finding for finding in film.result.findings if finding.name == name)
        changes = {change.name: change.change for change in steps[number - 1][0].findings} if number else {}
        cells.append(
            {
                "percent": percent(found.probability),
                "length": bar_length(found.probability),
                "threshold": None if found.threshold is None else bar_length(found.threshold),
                "positive": found.positive,
                "mark": _MARKS.get(changes[name], "") if name in changes else "",
            }
        )
    return {"title": finding_title(name), "colour": finding_entry(name).colour, "cells": cells}


def _address(picture: Image.Image) -> str:
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=85)
    return base64.b64encode(stream.getvalue()).decode()


@cache
def _template() -> "Template":
    import jinja2

    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(files("cxr.comparison").joinpath("timeline.html.j2").read_text(encoding="utf-8"))
