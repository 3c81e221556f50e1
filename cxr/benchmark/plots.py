"""The page's plots as inline SVG: ROC, precision-recall, reliability, thresholds, subgroups."""

import io
import math
from collections.abc import Callable, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from numpy.typing import NDArray

from cxr.benchmark.figures import Benchmark
from cxr.operating_points import Certificate

__all__ = ["all_plots"]

_COLUMNS = 4
_POINTS = 200  # a curve needs no more to look smooth at this size
_INK, _SECOND, _FAINT = "#1f4e79", "#c0504d", "#9a9a9a"
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "cxr",
    "font.family": "sans-serif",
    "font.size": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 7.5,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
}
_Floats = NDArray[np.float64]


def _svg(figure: Figure, description: str) -> str:
    """The figure as an <svg> element, without the XML prologue that has no place inside HTML."""
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :].replace("<svg", f'<svg role="img" aria-label="{description}"', 1)


def _multiples(
    names: Sequence[str],
    draw: Callable[[Axes, int], None],
    x: str,
    y: str,
    description: str,
    *,
    shared: bool = True,
) -> str:
    """One small plot per name, with ``shared`` scales or its own; ``draw`` gets the axes and the index of the name."""
    rows = math.ceil(len(names) / _COLUMNS)
    height = 2.3 * rows + 0.7  # inches
    figure = Figure(figsize=(9.6, height))  # laid out by hand: the automatic layouts draw everything twice
    figure.subplots_adjust(0.07, 0.45 / height, 0.99, 1 - 0.3 / height, 0.28, 0.42)
    grid = figure.subplots(rows, _COLUMNS, squeeze=False, sharex=shared, sharey=shared)
    for index, axes in enumerate(grid.flat):
        if index >= len(names):
            axes.set_visible(False)
            continue
        draw(axes, index)
        if index + _COLUMNS >= len(names):  # the lowest of its column, though not always in the last row
            axes.tick_params(labelbottom=True)
    figure.supxlabel(x, fontsize=8, y=0.01)
    figure.supylabel(y, fontsize=8, x=0.01)
    return _svg(figure, description)


def _thinned(*curves: _Floats) -> list[_Floats]:
    """At most about _POINTS points of curves that belong together: evenly spaced, and densest at the highest scores."""
    n = len(curves[0])
    even, dense = np.linspace(0, n - 1, _POINTS // 2), np.geomspace(1, n, _POINTS // 2) - 1
    chosen = np.unique(np.concatenate([even, dense]).round().astype(int))
    return [curve[chosen] for curve in curves]


def _counts_above(labels: _Floats, scores: _Floats) -> tuple[_Floats, _Floats, _Floats]:
    """Distinct thresholds, descending, with the positives and negatives at or above each."""
    known = ~np.isnan(labels)
    y, s = labels[known], scores[known]
    order = np.argsort(-s, kind="stable")
    last_of_tie = np.r_[np.flatnonzero(np.diff(s[order])), len(s) - 1]
    return s[order][last_of_tie], np.cumsum(y[order])[last_of_tie], np.cumsum(1 - y[order])[last_of_tie]


def _drawable(benchmark: Benchmark) -> list[int]:
    """Columns of the labels that have positives and negatives."""
    return [
        c for c, report in enumerate(benchmark.classification.per_label.values()) if not math.isnan(report.auc.value)
    ]


def _roc(benchmark: Benchmark, columns: Sequence[int], names: Sequence[str]) -> str:
    p = benchmark.predictions

    def draw(axes: Axes, index: int) -> None:
        _, positives, negatives = _counts_above(p.labels[:, columns[index]], p.probabilities[:, columns[index]])
        tpr, fpr = _thinned(np.r_[0, positives] / positives[-1], np.r_[0, negatives] / negatives[-1])
        axes.plot([0, 1], [0, 1], color=_FAINT, lw=0.6)
        axes.plot(fpr, tpr, color=_INK, lw=1.2)
        auc = benchmark.classification.per_label[names[index]].auc
        axes.set_title(f"{names[index]}  {auc.value:.3f} ({auc.low:.3f}-{auc.high:.3f})")

    return _multiples(names, draw, "false-positive rate", "sensitivity", "ROC curve of each finding")


def _precision_recall(benchmark: Benchmark, columns: Sequence[int], names: Sequence[str]) -> str:
    p = benchmark.predictions

    def draw(axes: Axes, index: int) -> None:
        _, positives, negatives = _counts_above(p.labels[:, columns[index]], p.probabilities[:, columns[index]])
        recall, precision = _thinned(positives / positives[-1], positives / (positives + negatives))
        axes.axhline(positives[-1] / (positives[-1] + negatives[-1]), color=_FAINT, lw=0.6)
        axes.plot(recall, precision, color=_INK, lw=1.2)
        axes.set_ylim(0, 1)
        average = benchmark.classification.per_label[names[index]].average_precision
        axes.set_title(f"{names[index]}  {average.value:.3f} ({average.low:.3f}-{average.high:.3f})")

    return _multiples(names, draw, "recall", "precision", "precision-recall curve of each finding")


def _reliability(benchmark: Benchmark, names: Sequence[str]) -> str:
    def draw(axes: Axes, index: int) -> None:
        report = benchmark.calibration[names[index]]
        predicted = [b.predicted for b in report.reliability]
        observed = [b.observed for b in report.reliability]
        top = max(max(predicted), max(o.high for o in observed), 0.02) * 1.05
        axes.plot([0, top], [0, top], color=_FAINT, lw=0.6)
        axes.vlines(predicted, [o.low for o in observed], [o.high for o in observed], color=_INK, lw=0.9)
        axes.plot(predicted, [o.value for o in observed], "o", color=_INK, ms=2.6)
        axes.set_title(f"{names[index]}  ECE {report.ece.value:.3f}")

    return _multiples(
        names, draw, "predicted probability", "share of positives", "reliability curve of each finding", shared=False
    )


def _thresholds(benchmark: Benchmark, columns: Sequence[int], names: Sequence[str]) -> str:
    p = benchmark.predictions

    def draw(axes: Axes, index: int) -> None:
        thresholds, positives, negatives = _counts_above(
            p.labels[:, columns[index]], p.probabilities[:, columns[index]]
        )
        t, tpr, fpr = _thinned(thresholds, positives / positives[-1], negatives / negatives[-1])
        axes.plot(t, tpr, color=_INK, lw=1.2)
        axes.plot(t, fpr, color=_SECOND, lw=1.2)
        axes.set_yscale("log")
        axes.set_ylim(1e-3, 1.3)
        axes.set_yticks([0.001, 0.01, 0.1, 1])
        axes.minorticks_off()  # their labels would cost most of the page's time
        point = benchmark.operating_points.rule_in[names[index]].point
        certified = isinstance(point, Certificate)
        if isinstance(point, Certificate):
            axes.axvline(point.threshold, color="black", lw=0.8, ls="--")
        axes.axhline(point.limit, color=_FAINT, lw=0.6)
        axes.set_title(names[index] if certified else f"{names[index]} (no certificate)")

    return _multiples(
        names, draw, "threshold", "sensitivity (blue), FPR (red)", "sensitivity and false-positive rate by threshold"
    )


def _subgroups(benchmark: Benchmark) -> str:
    groups = [g for g in benchmark.subgroups if not math.isnan(g.classification.mean_auc.value)]
    overall = benchmark.classification.mean_auc
    figure = Figure(figsize=(6.4, 0.26 * len(groups) + 0.8), layout="constrained")
    axes = figure.subplots()
    axes.axvspan(overall.low, overall.high, color="#e8eef5")
    axes.axvline(overall.value, color=_FAINT, lw=0.8)
    for row, group in enumerate(groups):
        auc = group.classification.mean_auc
        axes.plot([auc.low, auc.high], [row, row], color=_INK, lw=1.2)
        axes.plot(auc.value, row, "o", color=_INK, ms=4)
    labels = [f"{g.attribute} {g.value}  (n = {g.classification.n_images:,})" for g in groups]
    axes.set_yticks(range(len(groups)), labels)
    axes.invert_yaxis()
    axes.set_xlabel(f"mean AUC of {len(benchmark.classification.mean_over)} findings; band: all images")
    return _svg(figure, "mean AUC of each subgroup")


def all_plots(benchmark: Benchmark) -> dict[str, str]:
    """Title -> inline SVG, for every plot that the data allow."""
    columns = _drawable(benchmark)
    names = [benchmark.predictions.label_names[c] for c in columns]
    with rc_context(_STYLE):
        plots = {}
        if names:
            plots = {
                "ROC curves (AUC with 95 % interval)": _roc(benchmark, columns, names),
                "Precision and recall (average precision)": _precision_recall(benchmark, columns, names),
                "Reliability": _reliability(benchmark, names),
                "Thresholds": _thresholds(benchmark, columns, names),
            }
        if benchmark.subgroups:
            plots["Subgroups"] = _subgroups(benchmark)
    return plots
