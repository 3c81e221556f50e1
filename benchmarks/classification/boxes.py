"""Boxes of the first seed's runs against the radiologists', beside the published network."""

from benchmarks.classification.trained import DATA, SEEDS, TrainedRun
from benchmarks.record import Row, line

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
    published = "all public boxes (Wang 2017)"
    rows = line("nih-boxes", "ChestX-ray8, as published", PUBLISHED, n=984, unit_of_n="boxes", data=published)
    for name, runs in trained.items():
        boxes = runs[0].report.localization
        assert boxes is not None
        figures = {
            **{f"IoU > {threshold}": boxes.iou[threshold]["mean"] for threshold in (0.1, 0.3, 0.5)},
            **{f"IoBB > {threshold}": boxes.iobb[threshold]["mean"] for threshold in (0.1, 0.25, 0.5)},
            "false boxes per image": boxes.afp[0.1]["mean"],
        }
        n = sum(boxes.n_boxes.values())
        rows += line("nih-boxes", name, figures, n=n, unit_of_n="boxes", data=DATA, seeds=SEEDS[:1])
    return rows
