"""The figures as titled tables of text: what the Markdown file and the page both show."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cxr.benchmark.figures import Benchmark
from cxr.benchmark.held_out_points import HeldOutPoint
from cxr.evaluation.bootstrap import Estimate
from cxr.operating_points import Certificate, CertificateRefusal, Proportion

__all__ = ["Section", "estimate_text", "percent", "sections"]


@dataclass(frozen=True)
class Section:
    """One titled table.

    Attributes:
        title: heading.
        text: what the table says, in a sentence or two.
        header: column names; the first column names the row.
        rows: cells as text.
    """

    title: str
    text: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def estimate_text(estimate: Estimate, digits: int = 3) -> str:
    """Value and interval, e.g. ``0.821 (0.812-0.830)``; a dash where it is undefined."""
    if math.isnan(estimate.value):
        return "-"
    return f"{estimate.value:.{digits}f} ({estimate.low:.{digits}f}-{estimate.high:.{digits}f})"


def percent(share: float) -> str:
    """A share in percent, with as many digits as it needs: 0.005 is ``0.5 %``; a dash where it is undefined."""
    if math.isnan(share):
        return "-"
    return f"{100 * share:.3g} %"


def _proportion_text(proportion: Proportion | None) -> str:
    if proportion is None:
        return "-"
    return f"{percent(proportion.rate)} ({percent(proportion.low)}-{percent(proportion.high)})"


def _classification(benchmark: Benchmark) -> Section:
    report = benchmark.classification
    rows = tuple(
        (
            name,
            f"{label.n_positive:,}",
            estimate_text(label.auc, 4),
            estimate_text(label.average_precision),
            estimate_text(label.sensitivity),
            estimate_text(benchmark.calibration[name].brier, 4),
            estimate_text(benchmark.calibration[name].ece),
        )
        for name, label in report.per_label.items()
    )
    text = (
        f"Mean AUC over {', '.join(report.mean_over)}: {estimate_text(report.mean_auc, 4)}. Sensitivity at a fixed "
        "false-positive rate is read from the ROC curve of these very images: it describes the curve, it is no "
        "operating point."
    )
    at = f"sensitivity at FPR {percent(report.max_fpr)}"
    return Section(
        "Classification", text, ("finding", "positive", "AUC", "average precision", at, "Brier score", "ECE"), rows
    )


def _localization(benchmark: Benchmark) -> list[Section]:
    report = benchmark.localization
    if report is None:
        return []
    measures = (
        ("Localization by IoU", "Share of true boxes that a predicted box overlaps by more than T.", report.iou),
        ("Localization by IoBB", "The same by IoBB, which rewards tiny boxes.", report.iobb),
        (
            "False-positive boxes",
            "Boxes per image with the finding that overlap no true one by more than T.",
            report.afp,
        ),
    )
    found = []
    for title, text, rates in measures:
        names = list(next(iter(rates.values())))
        header = ("finding", *(f"T = {threshold:g}" for threshold in rates))
        rows = tuple((name, *(estimate_text(by_label[name], 2) for by_label in rates.values())) for name in names)
        found.append(Section(title, text, header, rows))
    return found


def _point_cells(held_out: HeldOutPoint) -> tuple[str, str, str]:
    """Threshold, promise and sample of one operating point, or its refusal."""
    point, error = held_out.point, "FPR" if held_out.point.criterion == "false_positive_rate" else "misses"
    promise = f"{error} <= {percent(point.limit)} at {percent(1 - point.delta)} confidence"
    if isinstance(point, CertificateRefusal):
        return "none", f"{promise}: refused, {point.missing} patients missing", f"n = {point.n}"
    return f"{point.threshold:.4f}", promise, f"n = {point.n}, k = {point.k}"


def _rule_in(benchmark: Benchmark) -> Section:
    points, prevalences = benchmark.operating_points, benchmark.settings.prevalences
    rows = []
    for name, row in points.rule_in.items():
        figures = ["-"] * (3 + len(prevalences))
        if row.decision:
            all_images = percent(1 - row.decision.specificity.value)
            values = (row.decision.sensitivity, *row.decision.ppv_at.values())
            figures = [_proportion_text(row.errors), all_images, *map(estimate_text, values)]
        rows.append((name, *_point_cells(row), *figures))
    text = (
        f"Thresholds {points.source}; figures on {points.n_images:,} images of {points.n_patients:,} patients. Flagged "
        "if the probability is above the threshold; 'any finding' is the referral of a patient. The promise is about "
        "patients, one image each; over all images those who are examined often, and are sicker, weigh more."
    )
    ppv = tuple(f"PPV at prevalence {percent(prevalence)}" for prevalence in prevalences)
    rates = ("FPR here, patients", "FPR here, all images")
    header = ("finding", "threshold", "promise", "chosen from", *rates, "sensitivity", *ppv)
    return Section("Operating points", text, header, tuple(rows))


def _rule_out(points: Mapping[str, HeldOutPoint]) -> Section:
    rows = []
    for name, row in points.items():
        figures = ["-"] * 3
        if row.decision:
            npv, specificity = row.decision.npv, row.decision.specificity
            figures = [_proportion_text(row.errors), estimate_text(specificity), estimate_text(npv)]
        rows.append((name, *_point_cells(row), *figures))
    header = ("finding", "threshold", "promise", "chosen from", "miss rate here", "specificity", "NPV here")
    return Section("Rule-out", "Called absent if the probability is below the threshold.", header, tuple(rows))


def _triage(shares: Mapping[str, Mapping[str, float]]) -> Section:
    groups: Sequence[str] = list(next(iter(shares.values())))
    rows = tuple((zone, *(percent(of_group[group]) for group in groups)) for zone, of_group in shares.items())
    return Section("Triage", "Share of images in each zone.", ("zone", *(f"images {g}" for g in groups)), rows)


def _subgroups(benchmark: Benchmark) -> list[Section]:
    rows = tuple(
        (
            f"{group.attribute} {group.value}",
            f"{group.classification.n_images:,}",
            f"{group.classification.n_patients:,}",
            estimate_text(group.classification.mean_auc),
            estimate_text(group.classification.mean_sensitivity),
        )
        for group in benchmark.subgroups
    )
    text = "A subgroup's mean is over the findings that it has both with and without; small groups have few."
    at = f"mean sensitivity at FPR {percent(benchmark.classification.max_fpr)}"
    found = [Section("Subgroups", text, ("subgroup", "images", "patients", "mean AUC", at), rows)]
    by_group = [
        (f"{c.attribute} {c.value}", name, _proportion_text(c.error))
        for name, row in benchmark.operating_points.rule_in.items()
        if isinstance(row.point, Certificate)
        for c in row.point.subgroups
    ]
    groups = list(dict.fromkeys(group for group, _, _ in by_group))
    if groups:
        cells = {(group, name): text for group, name, text in by_group}
        names = list(dict.fromkeys(name for _, name, _ in by_group))
        matrix = tuple((group, *(cells.get((group, name), "-") for name in names)) for group in groups)
        about = "On the patients the thresholds were chosen from: who carries the false positives."
        found.append(Section("False-positive rate by subgroup", about, ("subgroup", *names), matrix))
    return found if rows else []


def sections(benchmark: Benchmark) -> list[Section]:
    """All tables, in reading order."""
    points = benchmark.operating_points
    return [
        _classification(benchmark),
        *_localization(benchmark),
        _rule_in(benchmark),
        _rule_out(points.rule_out),
        _triage(points.triage),
        *_subgroups(benchmark),
    ]
