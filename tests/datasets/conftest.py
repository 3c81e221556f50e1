"""A small archive made by hand: six patients, ten images, reports with known labels."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

HEADER = "id,image,patient_id,study_date,age,sex,view,indication,findings,impression"
ROWS = (
    "r1,a1.png,P1,2001-05-01,60,M,PA,cough,There is a large left pleural effusion.,Large left effusion.",
    "r2,a2.png,P1,2001-01-01,59,M,PA,rule out pneumonia,The lungs are clear.,No acute disease.",
    "r3,b1.png,P2,2002-01-01,44,F,AP,,There is cardiomegaly. No pneumothorax.,Cardiomegaly.",
    "r4,c1.png,P3,2002-01-01,30,F,PA,,Possible right lower lobe atelectasis.,Possible atelectasis.",
    "r5,d1.png|d2.png,P4,2003-01-01,71,M,PA,,The lungs are clear. No effusion.,Normal chest.",
    "r6,e1.png,P5,2003-01-01,25,F,PA,,The heart is enlarged.,Cardiomegaly.",
    "r7,f1.png,P6,2004-01-01,52,F,PA,,Small right pneumothorax.,Small right pneumothorax.",
)


def picture(seed: int, side: int = 80) -> np.ndarray:
    """Random detail that no other seed has."""
    return np.random.default_rng(seed).integers(0, 256, (side, side), dtype=np.uint8)


@pytest.fixture
def archive(tmp_path) -> Path:
    """Folder with images/ and reports.csv."""
    (tmp_path / "images").mkdir()
    for seed, name in enumerate(("a1", "a2", "b1", "c1", "d1", "d2", "e1", "f1")):
        Image.fromarray(picture(seed)).save(tmp_path / "images" / f"{name}.png")
    (tmp_path / "reports.csv").write_text("\n".join((HEADER, *ROWS)) + "\n")
    return tmp_path


@pytest.fixture
def write_dataset(tmp_path) -> Callable[..., Path]:
    """A function that writes a ChestX-ray8-style folder: image -> (patient, finding labels, split, pixels)."""

    def write(images: dict[str, tuple[str, str, str, np.ndarray]]) -> Path:
        root = tmp_path / "dataset"
        (root / "images").mkdir(parents=True)
        rows = []
        for name, (patient, findings, _, pixels) in images.items():
            Image.fromarray(pixels).save(root / "images" / name)
            rows.append((name, findings, 0, patient, "050Y", "M", "PA", *pixels.shape[::-1], "", ""))
        columns = [
            "Image Index",
            "Finding Labels",
            "Follow-up #",
            "Patient ID",
            "Patient Age",
            "Patient Gender",
            "View Position",
        ]
        columns += ["OriginalImage[Width", "Height]", "OriginalImagePixelSpacing[x", "y]"]
        pd.DataFrame(rows, columns=columns).to_csv(root / "Data_Entry.csv", index=False)
        for split in ("train", "val", "test"):
            names = [name for name, row in images.items() if row[2] == split]
            (root / f"{split}_list.txt").write_text("".join(f"{name}\n" for name in names))
        return root

    return write
