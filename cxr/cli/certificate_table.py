"""Operating points and two-sided certificates as terminal tables."""

from collections.abc import Sequence

from rich.table import Table

from cxr.evaluation.decisions import predictive_values
from cxr.operating_points import (
    ANY_FINDING,
    Certificate,
    CertificateRefusal,
    LevelPoint,
    OperatingPointSet,
    PromiseTest,
    TwoSidedCertificates,
)

__all__ = ["certificate_table", "site_table", "two_sided_table"]


def certificate_table(points: OperatingPointSet, prevalence: float | None = None) -> Table:
    """Two lines per finding and two for the patient: what is promised, or how many patients are missing.

    Args:
        points: fitted operating points.
        prevalence: adds what a positive (a negative) is worth where this share of patients is ill, in [0, 1].
    """
    table = Table("finding", "rule", "threshold", "promise", "n", "k", "on the other class")
    if prevalence is not None:
        table.add_column(f"at prevalence {prevalence:.3g}")
    rows = [(name, points.findings[name], points.rule_out[name]) for name in points.label_space]
    for name, *of_finding in [*rows, (ANY_FINDING, points.patient_level, points.patient_rule_out)]:
        for rule, point in zip(("p > t", "p < t"), of_finding, strict=True):
            cells = _cells(point)
            worth = [] if prevalence is None else [_worth(point, prevalence)]
            table.add_row(name if rule == "p > t" else "", rule, *cells, *worth)
        table.add_section()
    return table


def _cells(point: Certificate | CertificateRefusal) -> tuple[str, str, str, str, str]:
    """Threshold, promise, n, k and sensitivity or specificity."""
    error = "FPR" if point.criterion == "false_positive_rate" else "misses"
    promise = f"{error} <= {point.limit:.3g}, {1 - point.delta:.3g} sure"
    if point.status == "refused":
        return "refused", f"{point.missing} patients missing", str(point.n), "", ""
    other = point.sensitivity or point.specificity
    name = "sensitivity" if point.sensitivity else "specificity"
    figure = f"{name} {other.rate:.3f} ({other.low:.3f}-{other.high:.3f})" if other else ""
    return f"{point.threshold:.4g}", promise, str(point.n), str(point.k), figure


def _worth(point: Certificate | CertificateRefusal, prevalence: float) -> str:
    """Predictive value at a prevalence, with the promised error rate and the measured other one."""
    if point.status == "refused":
        return ""
    if point.sensitivity:
        return f"PPV >= {float(predictive_values(point.sensitivity.rate, 1 - point.limit, prevalence)[0]):.3f}"
    if point.specificity:
        return f"NPV >= {float(predictive_values(1 - point.limit, point.specificity.rate, prevalence)[1]):.4f}"
    return ""


def two_sided_table(certificates: TwoSidedCertificates) -> Table:
    """A line per target, rule and view, a column per level: the share of patients decided, and what that is worth.

    The levels in use are marked with a star; a refusal says how many patients are missing.
    """
    prevalences = dict.fromkeys(f"{100 * v.prevalence:g}" for p in certificates.points for v in p.predictive_values)
    caption = f"share of patients decided; below it the predictive value at prevalences of {', '.join(prevalences)} %"
    table = Table("target", "rule", "view", caption=caption if prevalences else None)
    for limit in certificates.limits:
        table.add_column(f"error <= {100 * limit:g} %", justify="right")
    used = {"refer": certificates.refer_limit, "below": certificates.miss_limit}
    for target in certificates.targets:
        for rule, in_use in used.items():
            for view in certificates.views or (None,):
                row = [p for p in certificates.points if (p.target, p.rule, p.view) == (target, rule, view)]
                cells = [_level_cell(p, in_use) for p in sorted(row, key=lambda p: p.point.limit)]
                table.add_row(target, rule, view or "any", *cells)
        table.add_section()
    return table


def _level_cell(point: LevelPoint, in_use: float) -> str:
    star = " *" if point.point.limit == in_use else ""
    if point.decided is None:
        missing = f"{point.point.missing} patients missing" if isinstance(point.point, CertificateRefusal) else ""
        return f"refused{star}\n{missing}"
    return f"{point.decided.rate:.1%}{star}\n" + " ".join(f"{v.at_least:.3f}" for v in point.predictive_values)


def site_table(tests: Sequence[PromiseTest], here: OperatingPointSet) -> Table:
    """A line per promise: what local patients say of it, what is still missing, and what holds here instead."""
    table = Table("finding", "rule", "promise", "errors here", "rate (at all times)", "verdict", "local threshold")
    for test in tests:
        promise, verdict = test.promise, str(test.verdict)
        if test.verdict == "open":
            films = f"about {test.missing_films:,} more films" if test.missing_films else "not from films like these"
            verdict = f"open: {test.heading} by {films}" if test.n else "open: no such patient"
        local = ""
        if test.verdict == "withdrawn" and promise.kind in ("positive", "cleared"):
            alone, patient = (
                (here.findings, here.patient_level)
                if promise.kind == "positive"
                else (here.rule_out, here.patient_rule_out)
            )
            point = patient if promise.name == ANY_FINDING else alone[promise.name]
            local = f"{point.threshold:.4f}" if isinstance(point, Certificate) else f"{point.missing} patients missing"
        error = "FPR" if promise.certificate.criterion == "false_positive_rate" else "misses"
        rate = f"{test.low:.1%}-{test.high:.1%}"
        limit = f"{error} <= {promise.certificate.limit:.3g}"
        table.add_row(promise.name, promise.kind, limit, f"{test.errors} of {test.n}", rate, verdict, local)
    return table
