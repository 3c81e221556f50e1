"""What a cohort folder holds, and that nothing but its seed decides it."""

import csv
import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cxr.errors import ConfigError, DatasetError
from cxr.phantom.cohort import generate_cohort
from cxr.phantom.patient_files import REPORT_COLUMNS
from nlp_labeler.findings import LABELS, NO_FINDING


def digests(folder: Path) -> dict[str, str]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_same_seed_same_bytes_whatever_the_workers(cohort_folder, tmp_path):
    again = generate_cohort(24, 96, 5, tmp_path / "again", dicom=True, workers=2)
    assert digests(again) == digests(cohort_folder)


def test_another_seed_another_cohort(cohort_folder, tmp_path):
    other = generate_cohort(2, 96, 6, tmp_path / "other")
    assert (other / "images/00000001_000.png").read_bytes() != (cohort_folder / "images/00000001_000.png").read_bytes()


def test_larger_cohort_keeps_its_first_patients(cohort_folder, tmp_path):
    smaller = generate_cohort(3, 96, 5, tmp_path / "smaller", dicom=True)
    images = digests(smaller / "images")
    assert images.items() <= digests(cohort_folder / "images").items()


def test_interrupted_cohort_is_finished_to_the_same_bytes(tmp_path):
    def interrupt(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    out = tmp_path / "cut"
    with pytest.raises(KeyboardInterrupt):
        generate_cohort(4, 64, 9, out, progress=interrupt)
    assert not (out / "reports.csv").exists()
    seen: list[int] = []
    generate_cohort(4, 64, 9, out, progress=lambda done, total: seen.append(done))
    assert seen == [3, 4], "the first two patients are not drawn again"
    assert digests(out) == digests(generate_cohort(4, 64, 9, tmp_path / "whole"))
    assert not (out / "truth/parts").exists()


def test_complete_cohort_is_left_alone(tmp_path):
    out = generate_cohort(1, 64, 1, tmp_path / "one")
    (out / "images/00000001_000.png").write_bytes(b"touched")
    generate_cohort(1, 64, 1, out)
    assert (out / "images/00000001_000.png").read_bytes() == b"touched"


def test_export_has_reports_without_labels(cohort_folder):
    table = rows(cohort_folder / "reports.csv")
    assert tuple(table[0]) == REPORT_COLUMNS
    assert not {name.lower() for name in table[0]} & {label.lower() for label in (*LABELS, NO_FINDING)}
    assert {row["image"] for row in table} == {path.name for path in (cohort_folder / "images").glob("*.png")}
    assert all(row["findings"] or row["impression"] for row in table)
    assert {path.name for path in cohort_folder.iterdir()} == {"images", "reports.csv", "truth"}


def test_patients_are_the_same_person_at_every_visit(cohort_folder):
    visits: dict[str, list[dict[str, str]]] = {}
    for row in rows(cohort_folder / "reports.csv"):
        assert row["image"].startswith(row["patient_id"])
        visits.setdefault(row["patient_id"], []).append(row)
    assert any(len(one) > 1 for one in visits.values())
    for one in visits.values():
        assert len({row["sex"] for row in one}) == 1
        dates, ages = [row["study_date"] for row in one], [int(row["age"]) for row in one]
        assert dates == sorted(set(dates)), "every visit is later than the one before"
        assert ages == sorted(ages)
        assert [int(row["follow_up"]) for row in one] == list(range(len(one)))


def test_boxes_bind_their_masks_tightly(cohort_folder):
    boxes = {}
    for row in rows(cohort_folder / "truth/boxes.csv"):
        box = tuple(int(row[name]) for name in ("x", "y", "width", "height"))
        boxes.setdefault((row["image"], row["label"]), []).append(box)
    checked = 0
    for row in rows(cohort_folder / "truth/findings.csv"):
        if row["side"] == "bilateral":
            continue
        mask = np.asarray(Image.open(cohort_folder / "truth/masks" / row["mask"])) > 0
        ys, xs = np.nonzero(mask)
        tight = (xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1)
        assert tight in boxes[row["image"], row["label"]]
        checked += 1
    assert checked > 5


def test_labels_follow_from_findings(cohort_folder):
    found: dict[str, set[str]] = {}
    for row in rows(cohort_folder / "truth/findings.csv"):
        found.setdefault(row["image"], set()).add(row["label"])
    for row in rows(cohort_folder / "truth/labels.csv"):
        present = found.get(row["image"], set())
        closed = present | ({"Consolidation"} if "Pneumonia" in present else set())
        assert {label for label in LABELS if row[label] == "1"} == closed
        if row[NO_FINDING] == "1":
            assert not present


def test_images_are_eight_bit_grey_and_use_the_range(cohort_folder):
    for path in (cohort_folder / "images").glob("*.png"):
        image = Image.open(path)
        assert (image.mode, image.size) == ("L", (96, 96))
        pixels = np.asarray(image)
        assert pixels.std() > 25
        assert pixels.max() > 180


def test_foreign_folder_and_bad_numbers_are_refused(tmp_path):
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(DatasetError, match="holds no cohort"):
        generate_cohort(1, 64, 0, tmp_path)
    out = generate_cohort(1, 64, 0, tmp_path / "cohort")
    with pytest.raises(DatasetError, match="'seed': 0"):
        generate_cohort(1, 64, 1, out)
    with pytest.raises(ConfigError, match="size=10"):
        generate_cohort(1, 10, 0, tmp_path / "tiny")
