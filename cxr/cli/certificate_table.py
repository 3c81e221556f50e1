"""Operating points as a terminal table."""

from rich.table import Table

from cxr.evaluation.decisions import predictive_values
from cxr.operating_points import ANY_FINDING, Certificate, CertificateRefusal, OperatingPointSet

__all__ = ["certificate_table"]


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
