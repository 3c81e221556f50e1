"""The demo on its own cohort: labels mined from phantom reports, held-out phantom patients, scored by the truth.

The stages resume in runs/demo/HASH of the code that makes them.
"""

import os
from pathlib import Path

from PIL import Image

from benchmarks.provenance import RESULTS, run_folder
from benchmarks.record import Row, line
from cxr.demo import run_demo
from cxr.outputs.journal import RESULTS_FILE, read_results
from nlp_labeler.findings import CHESTXRAY8

PATIENTS, SIZE, SEED = 1700, 256, 0
SHOWN, SIDE = 3, 400  # patients of the README's picture; the pixels of each


def run() -> list[Row]:
    """Run the demo, draw the README's picture, and return AUC, sensitivity and localization per finding."""
    folder = demo_folder()
    result = run_demo(folder, patients=PATIENTS, size=SIZE, seed=SEED, workers=os.cpu_count() or 1, say=print)
    draw(folder / "clinic", RESULTS / "demo.jpg")
    found, boxes = result.score.classification, result.score.localization.iou[0.3]
    figures = {label: (found.per_label[label].auc, found.per_label[label].sensitivity) for label in CHESTXRAY8}
    figures["mean of 8"] = (found.mean_auc, found.mean_sensitivity)
    return [
        row
        for name, (auc, sensitivity) in figures.items()
        for row in line(
            "demo",
            name,
            {
                "AUC": auc,
                "sensitivity at FPR 1 %": sensitivity,
                "boxes hit, IoU > 0.3": boxes["mean" if name == "mean of 8" else name],
            },
            n=found.n_images,
            unit_of_n="images",
            data=f"phantom cohort, {PATIENTS} patients, seed {SEED}, held-out fifth",
            seeds=(SEED,),
        )
    ]


def demo_folder() -> Path:
    """Where the demo's stages resume."""
    return run_folder("demo", (), run_demo, variant=f"{PATIENTS} {SIZE} {SEED}")


def draw(clinic: Path, path: Path) -> None:
    """The first referred patients of a results folder side by side, as ``cxr screen`` draws them."""
    referred = [Path(result.path).stem for result in read_results(clinic / RESULTS_FILE) if result.triage == "refer"]
    strip = Image.new("RGB", (SIDE * SHOWN, SIDE))
    for position, name in enumerate(referred[:SHOWN]):
        with Image.open(clinic / "overlays" / f"{name}.png") as overlay:
            strip.paste(overlay.convert("RGB").resize((SIDE, SIDE), Image.Resampling.LANCZOS), (position * SIDE, 0))
    strip.save(path, quality=90)
