"""What the page says about one case: findings, report, decisions, other visits, similar cases."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.operating_choice import Effect, Policy
from app.rendering import Texts, data_address, render
from app.worklist_rows import state_of
from cxr.operating_points import Certificate
from cxr.outputs.words import bar_length, finding_title
from cxr.reporting.doubt import DOUBT_MEANINGS
from cxr.reporting.patient import QUESTION_MEANINGS
from cxr.retrieval.index import Neighbour
from cxr.screening.result import ScreeningResult
from cxr.worklist.cases import Case
from cxr.worklist.decisions import UNSIGNED, Decision

__all__ = ["Bar", "Change", "Visit", "bars_of", "panel_html", "visit_of"]

_CLEAR_CHANGE = 0.1


@dataclass(frozen=True)
class Bar:
    """One finding's line.

    Attributes:
        length: of the bar, percent of the track, on a square-root scale.
        mark: position of the threshold on it, or ``None``.
        flagged: whether it is above the threshold of the chosen operating point.
        called: whether screening called it, at the certified point.
        verdict: what the form says at first: what was signed last, or else that a called finding is present; ``None``
            where nothing is stated.
        words: what the threshold means.
    """

    name: str
    probability: float
    length: float
    mark: float | None
    flagged: bool
    called: bool
    verdict: bool | None
    words: str


@dataclass(frozen=True)
class Change:
    """How a finding changed since an earlier visit; ``kind`` is a key of the texts ``report.change_...``."""

    name: str
    before: float
    now: float
    kind: str


@dataclass(frozen=True)
class Visit:
    """Another visit; ``changes`` since then where it was an earlier one, otherwise ``None``."""

    case: Case
    thumbnail: str | None
    changes: tuple[Change, ...] | None


def bars_of(
    result: ScreeningResult, policy: Policy, texts: Texts, *, same_model: bool, decision: Decision | None = None
) -> list[Bar]:
    """All findings, flagged ones first, each group by falling probability.

    Args:
        result: a screened result.
        policy: the chosen operating point.
        texts: words of the page.
        same_model: whether the result is of the model that the policy belongs to; if not, its own thresholds hold.
        decision: the last signed one, if any.
    """
    bars = []
    for finding in result.findings:
        effect = policy.effects.get(finding.name) if same_model else None
        threshold = effect.threshold if effect else finding.threshold
        bars.append(
            Bar(
                finding.name,
                finding.probability,
                bar_length(finding.probability),
                None if threshold is None else bar_length(threshold),
                threshold is not None and finding.probability > threshold,
                finding.positive,
                decision.verdicts.get(finding.name) if decision else (True if finding.positive else None),
                _words(effect, texts) if effect else (finding.certificate or texts("findings.uncertified")),
            )
        )
    return sorted(bars, key=lambda bar: (not bar.flagged, -bar.probability))


def visit_of(visit: Case, thumbnail: bytes | None, policy: Policy | None = None, now: Case | None = None) -> Visit:
    """Another visit.

    Args:
        visit: its case.
        thumbnail: its picture.
        policy: the chosen operating point, at which it is compared with ``now``.
        now: the open case, where the visit was strictly before it; otherwise nothing is said about changes.
    """
    picture = data_address(thumbnail, "image/jpeg") if thumbnail else None
    return Visit(visit, picture, _changes(visit, now, policy) if policy and now else None)


def _changes(before: Case, now: Case, policy: Policy) -> tuple[Change, ...]:
    flagged, flagged_before = policy.flagged(now.probabilities), policy.flagged(before.probabilities)
    changes = []
    for name in dict.fromkeys((*flagged, *flagged_before)):
        old, new = before.probabilities.get(name, 0.0), now.probabilities.get(name, 0.0)
        if name not in flagged_before:
            kind = "new"
        elif name not in flagged:
            kind = "gone"
        elif abs(new - old) < _CLEAR_CHANGE:
            kind = "same"
        else:
            kind = "up" if new > old else "down"
        changes.append(Change(name, old, new, kind))
    return tuple(changes)


def panel_html(
    texts: Texts,
    case: Case,
    result: ScreeningResult | None,
    policy: Policy,
    *,
    decisions: Sequence[Decision],
    earlier: Sequence[Visit],
    others: Sequence[Visit],
    similar: Sequence[Neighbour],
    has_header: bool,
    reader: str,
    model_sha256: str,
) -> str:
    """The panel beside the viewer.

    Args:
        texts: words of the page.
        case: what is open.
        result: its result; ``None`` while it waits.
        policy: the chosen operating point.
        decisions: all signed ones, in their order.
        earlier: visits of the patient on strictly earlier days.
        others: the patient's other visits, before or after.
        similar: images of other patients.
        has_header: whether a DICOM SR can refer to the image.
        reader: name to suggest for the signature.
        model_sha256: the model in use.
    """
    screened = result is not None and result.status == "screened"
    same_model = result is not None and result.model.sha256 == model_sha256
    state = case.triage if not same_model or not screened else state_of(case, policy)
    last = decisions[-1] if decisions else None
    return render(
        "panel.html.j2",
        texts,
        case=case,
        result=result if screened else None,
        refused=result is not None and result.status == "refused",
        state=state,
        bars=bars_of(result, policy, texts, same_model=same_model, decision=last) if result and screened else [],
        other_point=policy.choice.mode != "certified",
        same_model=same_model,
        doubts=[DOUBT_MEANINGS[doubt] for doubt in result.doubts] if result and screened else [],
        questions=[QUESTION_MEANINGS[question] for question in result.questions] if result and screened else [],
        decisions=[(decision, decision.overruled(result) if result else ()) for decision in decisions],
        seen=last.number if last else UNSIGNED,
        comment=last.comment if last else "",
        earlier=earlier,
        others=others,
        similar=[(n, data_address(n.entry.thumbnail, "image/jpeg")) for n in similar],
        has_header=has_header,
        reader=reader,
        findings_words=_titles(result),
    )


def _titles(result: ScreeningResult | None) -> Mapping[str, str]:
    return {finding.name: finding_title(finding.name) for finding in result.findings} if result else {}


def _words(effect: Effect, texts: Texts) -> str:
    """What a threshold means for 1,000 people."""
    if effect.threshold is None:
        return texts("findings.uncertified")
    if not isinstance(effect.point, Certificate):
        return texts("findings.custom_words")
    finding = finding_title(effect.name).lower()
    confidence = f"{100 * (1 - effect.point.delta):.0f} %"
    limit = round(1000 * effect.point.limit)
    if effect.point.criterion == "miss_rate":
        missed = round(1000 * effect.point.k / (effect.point.n + 1))
        return texts("findings.sensitive_words", finding=finding, expected=missed, confidence=confidence, limit=limit)
    expected = round(1000 * (effect.false_positive_rate or 0))
    words = texts("findings.certified_words", finding=finding, expected=expected, confidence=confidence, limit=limit)
    if effect.sensitivity is None or effect.low is None or effect.high is None:
        return words
    caught, low, high = (round(1000 * rate) for rate in (effect.sensitivity, effect.low, effect.high))
    return f"{words} {texts('findings.caught_words', caught=caught, low=low, high=high)}"
