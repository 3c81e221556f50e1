"""What an operating point means for the patients of this clinic, in numbers and words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.operating_choice import Effect, Policy
from app.rendering import Texts, render
from cxr.operating_points import ANY_FINDING, Calibrator, Certificate, CertificateRefusal, OperatingPointSet

__all__ = ["Line", "fitted_prevalence", "lines_of", "operating_html"]


@dataclass(frozen=True)
class Line:
    """One row of the table.

    Attributes:
        effect: what the threshold does.
        ill: of 1,000 patients, how many have the finding.
        caught: how many of those are flagged; ``None`` if not known.
        alarms: how many of the others are flagged too; ``None`` if not known.
        promise: what is promised, in words.
        missing: further patients that a certificate would need; ``None`` unless it was refused.
        flagged: cases of the worklist above the threshold.
    """

    effect: Effect
    ill: float
    caught: float | None
    alarms: float | None
    promise: str
    missing: int | None
    flagged: int


def fitted_prevalence(points: OperatingPointSet) -> float:
    """Share of the calibration patients with any finding, in (0, 1)."""
    healthy, ill = points.patient_level.n, points.patient_rule_out.n
    return ill / (healthy + ill) if healthy + ill else 0.5


def lines_of(
    policy: Policy,
    calibrator: Calibrator,
    points: OperatingPointSet,
    prevalence: float,
    flagged: Mapping[str, int],
    texts: Texts,
) -> list[Line]:
    """The patient level, then every finding.

    Args:
        policy: the chosen operating point.
        calibrator: knows how frequent each finding was.
        points: know how frequent any finding was.
        prevalence: share of the clinic's patients with any finding, in (0, 1); each finding is taken to be more
            or less frequent by the same factor.
        flagged: finding -> cases of the worklist above its threshold.
        texts: words of the page.
    """
    factor = prevalence / fitted_prevalence(points)
    shares = {f.name: min(0.99, f.prevalence * factor) for f in calibrator.findings} | {ANY_FINDING: prevalence}
    lines = []
    for name in (ANY_FINDING, *points.label_space):
        effect, share = policy.effects[name], shares[name]
        lines.append(
            Line(
                effect,
                1000 * share,
                None if effect.sensitivity is None else 1000 * share * effect.sensitivity,
                None if effect.false_positive_rate is None else 1000 * (1 - share) * effect.false_positive_rate,
                _promise(effect, texts),
                effect.point.missing if isinstance(effect.point, CertificateRefusal) else None,
                flagged.get(name, 0),
            )
        )
    return lines


def operating_html(lines: Sequence[Line], states: Mapping[str, int], policy: Policy, texts: Texts) -> str:
    """The table with its summary; ``states`` says how many cases of the worklist are in each triage state."""
    return render(
        "operating.html.j2",
        texts,
        patient=lines[0],
        lines=lines,
        mode=policy.choice.mode,
        counts={state: states.get(state, 0) for state in ("refer", "read", "none")},
    )


def _promise(effect: Effect, texts: Texts) -> str:
    if not isinstance(effect.point, Certificate):
        return texts("operating.promise_none")
    kind = "sensitive" if effect.point.criterion == "miss_rate" else "certified"
    return texts(
        f"operating.promise_{kind}",
        limit=f"{100 * effect.point.limit:g}",
        confidence=f"{100 * (1 - effect.point.delta):.0f} %",
        n=effect.point.n,
    )
