"""Figures as terminal tables."""

import math
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from cxr.evaluation.bootstrap import Estimate
    from cxr.evaluation.classification import ClassificationReport
    from cxr.evaluation.localization import LocalizationReport


def classification_table(report: "ClassificationReport") -> Table:
    """One line per finding: AUC and sensitivity with their 95 % intervals."""
    table = Table(title=f"{report.n_images} images of {report.n_patients} patients")
    table.add_column("finding")
    for heading in ("positive", "AUC (95 % interval)", f"sensitivity at FPR {report.max_fpr:.0%}"):
        table.add_column(heading, justify="right")
    for name, row in report.per_label.items():
        table.add_row(name, str(row.n_positive), _estimate(row.auc), _estimate(row.sensitivity))
    table.add_section()
    table.add_row(
        f"mean of {len(report.mean_over)}", "", _estimate(report.mean_auc), _estimate(report.mean_sensitivity)
    )
    return table


def localization_table(report: "LocalizationReport") -> Table:
    """Mean hit rates over the labels that have boxes, by overlap threshold, with false boxes per image beside."""
    table = Table(
        title=f"localization, {sum(report.n_boxes.values())} true boxes, mean over {len(report.n_boxes)} findings"
    )
    for heading in ("overlap above", "boxes hit", "false boxes per image"):
        table.add_column(heading, justify="right")
    for threshold, rates in report.iou.items():
        table.add_row(f"IoU {threshold:g}", _estimate(rates["mean"]), _estimate(report.afp[threshold]["mean"]))
    for threshold, rates in report.iobb.items():
        table.add_row(f"IoBB {threshold:g}", _estimate(rates["mean"]), "")
    return table


def _estimate(estimate: "Estimate") -> str:
    if math.isnan(estimate.value):
        return "undefined"
    return f"{estimate.value:.3f} ({estimate.low:.3f}-{estimate.high:.3f})"
