"""Boxes of the first seed's runs against the radiologists', beside the published network."""

from benchmarks.classification.trained import DATA, TrainedRun
from benchmarks.record import Row
from cxr.evaluation.bootstrap import Estimate

__all__ = ["box_rows"]

PUBLISHED = {
    "IoU > 0.1": 0.568,
    "IoU > 0.3": 0.221,
    "IoU > 0.5": 0.062,
    "IoBB > 0.1": 0.629,
    "IoBB > 0.25": 0.486,
    "IoBB > 0.5": 0.330,
}
"""Mean over the eight of Wang 2017, table 3: it saw thirty times more images, and was scored on all public boxes."""


def box_rows(trained: dict[str, list[TrainedRun]]) -> list[Row]:
    """Hit rates and false boxes, mean over the findings, of each recipe's first run."""
    rows = [
        Row(
            table="nih-boxes",
            row="ChestX-ray8, as published",
            metric=metric,
            value=value,
            n=984,
            unit_of_n="boxes",
            data="all public boxes (Wang 2017)",
        )
        for metric, value in PUBLISHED.items()
    ]
    for name, runs in trained.items():
        boxes = runs[0].report.localization
        assert boxes is not None
        figures: dict[str, Estimate] = {
            **{f"IoU > {threshold}": boxes.iou[threshold]["mean"] for threshold in (0.1, 0.3, 0.5)},
            **{f"IoBB > {threshold}": boxes.iobb[threshold]["mean"] for threshold in (0.1, 0.25, 0.5)},
            "false boxes per image": boxes.afp[0.1]["mean"],
        }
        rows += [
            Row(
                table="nih-boxes",
                row=name,
                metric=metric,
                value=estimate.value,
                low=estimate.low,
                high=estimate.high,
                n=sum(boxes.n_boxes.values()),
                unit_of_n="boxes",
                data=f"{DATA}, first seed",
            )
            for metric, estimate in figures.items()
        ]
    return rows
