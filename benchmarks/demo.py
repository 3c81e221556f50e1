"""The demo on its own cohort: labels mined from phantom reports, held-out phantom patients, scored by the truth.

The stages resume in runs/demo; delete that folder to start anew.
"""

import os
from pathlib import Path

from PIL import Image

from benchmarks.record import RESULTS, ROOT, Row
from cxr.demo.path import run_demo
from cxr.evaluation.bootstrap import Estimate
from nlp_labeler.findings import CHESTXRAY8

PATIENTS, SIZE, SEED = 1700, 256, 0
SHOWN, SIDE = ("00000016_000", "00000126_000", "00000173_000"), 400  # patients of the README's picture; its pixels
DATA = f"phantom cohort, {PATIENTS} patients, seed {SEED}, held-out fifth"


def run() -> list[Row]:
    """Run the demo, draw the README's picture, and return AUC, sensitivity and localization per finding."""
    folder = ROOT / "runs" / "demo"
    result = run_demo(folder, patients=PATIENTS, size=SIZE, seed=SEED, workers=os.cpu_count() or 1, say=print)
    draw(folder / "clinic" / "overlays", RESULTS / "demo.jpg")
    figures, boxes = result.score.classification, result.score.localization

    def row(name: str, metric: str, estimate: Estimate, n: int, unit: str) -> Row:
        return Row(
            table="demo",
            row=name,
            metric=metric,
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            n=n,
            unit_of_n=unit,
            data=DATA,
        )

    rows: list[Row] = []
    for label in CHESTXRAY8:
        found = figures.per_label[label]
        rows.append(row(label, "AUC", found.auc, figures.n_images, "images"))
        rows.append(row(label, "sensitivity at FPR 1 %", found.sensitivity, figures.n_images, "images"))
        rows.append(row(label, "boxes hit, IoU > 0.3", boxes.iou[0.3][label], figures.n_images, "images"))
    rows.append(row("mean of 8", "AUC", figures.mean_auc, figures.n_images, "images"))
    rows.append(row("mean of 8", "sensitivity at FPR 1 %", figures.mean_sensitivity, figures.n_images, "images"))
    rows.append(row("mean of 8", "boxes hit, IoU > 0.3", boxes.iou[0.3]["mean"], figures.n_images, "images"))
    return rows


def draw(overlays: Path, path: Path) -> None:
    """Some screened patients side by side, as ``cxr screen`` draws them."""
    strip = Image.new("RGB", (SIDE * len(SHOWN), SIDE))
    for position, name in enumerate(SHOWN):
        with Image.open(overlays / f"{name}.png") as overlay:
            strip.paste(overlay.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS), (position * SIDE, 0))
    strip.save(path, quality=90)
