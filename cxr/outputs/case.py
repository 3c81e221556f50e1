"""A result as a page shows it: titles, colours, percentages, the lengths of bars."""

from dataclasses import dataclass

from cxr.outputs.words import TRIAGE_TITLES, bar_length, decision_line, finding_title, percent
from cxr.reporting.document import FindingResult
from cxr.reporting.doubt import DOUBT_MEANINGS
from cxr.reporting.patient import QUESTION_MEANINGS
from cxr.screening.result import ScreeningResult
from nlp_labeler.findings import finding_entry

__all__ = ["CaseView", "FindingView", "SentenceView", "case_view"]


@dataclass(frozen=True)
class FindingView:
    """One finding's bar and chip.

    Attributes:
        bar: length of the bar in percent of the track, on a square-root scale.
        mark: position of the threshold on the same scale; ``None`` without one.
        side: side of the body named in the report, or ``None``.
        explanation: what the threshold guarantees, for a tooltip.
    """

    name: str
    title: str
    colour: str
    percent: str
    positive: bool
    bar: float
    mark: float | None
    side: str | None
    explanation: str


@dataclass(frozen=True)
class SentenceView:
    """One sentence; ``colour`` is its finding's, ``None`` where it asserts none."""

    text: str
    finding: str | None
    colour: str | None


@dataclass(frozen=True)
class CaseView:
    """One screened case.

    Attributes:
        folder: the path up to the file name, with its last separator.
        file: the file name.
        findings: positive ones first, each group by falling probability.
        positive: the positive ones among them.
        certified: what two-sided certificates decide, a line each.
        doubts: why the scores may be worth nothing, in words.
        questions: why it may be another patient's film, in words.
        overlay: address of the overlay; empty where none was kept.
        picture: base64 JPEG of the overlay, or ``None`` where the page only links it.
    """

    folder: str
    file: str
    sha256: str
    triage: str
    triage_title: str
    findings: tuple[FindingView, ...]
    positive: tuple[FindingView, ...]
    sentences: tuple[SentenceView, ...]
    certified: tuple[str, ...]
    doubts: tuple[str, ...]
    questions: tuple[str, ...]
    overlay: str
    picture: str | None


def case_view(result: ScreeningResult, overlay: str, picture: str | None = None) -> CaseView:
    """The view of a screened result.

    Args:
        result: with status ``"screened"``.
        overlay: address of its overlay; empty where none was kept.
        picture: base64 JPEG to show inline.

    Raises:
        ValueError: if the result was refused.
    """
    if result.report is None or result.triage is None:
        raise ValueError(f"{result.path} was refused: there is no case to show")
    sides = {s.finding: s.side for s in result.report.sentences if s.finding}
    ranked = sorted(result.findings, key=lambda f: (not f.positive, -f.probability))
    findings = tuple(_finding_view(f, sides.get(f.name)) for f in ranked)
    cut = max(result.path.rfind("/"), result.path.rfind("\\")) + 1
    return CaseView(
        folder=result.path[:cut],
        file=result.path[cut:],
        sha256=result.sha256 or "",
        triage=result.triage,
        triage_title=TRIAGE_TITLES[result.triage],
        findings=findings,
        positive=tuple(f for f in findings if f.positive),
        sentences=tuple(
            SentenceView(s.text, s.finding, finding_entry(s.finding).colour if s.finding else None)
            for s in result.report.sentences
        ),
        certified=tuple(decision_line(decision) for decision in result.certified),
        doubts=tuple(DOUBT_MEANINGS[doubt] for doubt in result.doubts),
        questions=tuple(QUESTION_MEANINGS[question] for question in result.questions),
        overlay=overlay,
        picture=picture,
    )


def _finding_view(finding: FindingResult, side: str | None) -> FindingView:
    return FindingView(
        name=finding.name,
        title=finding_title(finding.name),
        colour=finding_entry(finding.name).colour,
        percent=percent(finding.probability),
        positive=finding.positive,
        bar=bar_length(finding.probability),
        mark=None if finding.threshold is None else bar_length(finding.threshold),
        side=side,
        explanation=_explanation(finding),
    )


def _explanation(finding: FindingResult) -> str:
    if finding.threshold is None:
        return "No certified threshold: this finding is never called positive."
    guarantee = f" {finding.certificate}" if finding.certificate else ""
    return f"Probability {finding.probability:.3f}, threshold {finding.threshold:.3f}.{guarantee}"
