"""The picture of a case with its layers: heat and boxes per finding, and another visit beside it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from app.rendering import Texts, attended, data_address, render, tinted
from cxr.reporting.document import FindingResult
from cxr.screening.result import ScreeningResult
from cxr.worklist.cases import Case
from cxr.worklist.pictures import OVERLAY, PICTURE, heat_kind

__all__ = ["Layer", "viewer_html"]


@dataclass(frozen=True)
class Layer:
    """One finding's heat, or where the words of its sentence looked.

    Attributes:
        name: the finding.
        picture: address of the tint.
        strength: in [0, 1]: 1 above the threshold, fainter the further below. A heatmap shows where the network
            looked most, and would look as sure of a finding that is not there.
    """

    name: str
    picture: str
    strength: float


def viewer_html(
    texts: Texts,
    case: Case | None,
    result: ScreeningResult | None = None,
    files: Mapping[str, bytes] | None = None,
    beside: tuple[Case, bytes] | None = None,
) -> str:
    """The viewer.

    Args:
        texts: words of the page.
        case: what is open, or ``None``.
        result: its result, if it has one.
        files: its pictures by kind, see :mod:`cxr.worklist.pictures`.
        beside: another visit and its picture, to show beside it.
    """
    files = files or {}
    picture = files.get(PICTURE) or files.get(OVERLAY)
    findings: tuple[FindingResult, ...] = result.findings if result and PICTURE in files else ()
    layers = [
        Layer(f.name, tinted(files[kind], f.name), _strength(f))
        for f in findings
        if (kind := heat_kind(f.name)) in files
    ]
    words = [
        Layer(said.finding, attended(said.evidence.attention, said.finding), 1.0)
        for said in (result.report.sentences if result and result.report and PICTURE in files else ())
        if said.finding and said.evidence and said.evidence.attention
    ]
    boxes = [(f.name, box) for f in findings for box in f.boxes]
    strongest = max((f for f in findings if f.positive), key=lambda f: f.probability, default=None)
    return render(
        "viewer.html.j2",
        texts,
        case=case,
        refusal=result.refusal if result else None,
        picture=data_address(picture) if picture else None,
        burnt_in=OVERLAY in files,
        layers=layers,
        words=words,
        boxes=boxes,
        first=strongest.name if strongest else None,
        beside=beside[0] if beside else None,
        beside_is_earlier=bool(case and beside and beside[0].is_before(case)),
        beside_picture=data_address(beside[1]) if beside else None,
    )


def _strength(finding: FindingResult) -> float:
    if finding.positive:
        return 1.0
    threshold = finding.threshold or 1.0
    return round(math.sqrt(min(1.0, finding.probability / threshold)), 3)
