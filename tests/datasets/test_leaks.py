"""Leaks planted in twenty-four ways, each of which must be found."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw

from cxr.datasets.check import check_dataset
from cxr.datasets.dataset import open_dataset
from cxr.datasets.leaks import FaultKind, require_no_leaks, shared_identifiers, table_leaks
from cxr.errors import DatasetError
from cxr.imaging.quality import QualityGate

SPLITS = ("train", "val", "test")


def film(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:192j, -1:1:192j]
    smooth = 120 + 60 * np.cos(3 * x) * np.cos(2 * y)
    return np.clip(smooth + np.kron(rng.normal(0, 12, (48, 48)), np.ones((4, 4))), 5, 250).astype(np.uint8)


def marked(pixels: np.ndarray) -> np.ndarray:
    picture = Image.fromarray(pixels)
    ImageDraw.Draw(picture).text((4, 4), "L", fill=255)
    return np.asarray(picture)


COPIES = {
    "same": lambda p: p,
    "darker": lambda p: (p * 0.8).astype(np.uint8),
    "gamma": lambda p: (255 * (p / 255) ** 0.8).astype(np.uint8),
    "smaller": lambda p: np.asarray(Image.fromarray(p).resize((120, 120), Image.Resampling.BOX)),
    "larger": lambda p: np.asarray(Image.fromarray(p).resize((300, 300), Image.Resampling.BICUBIC)),
    "squashed": lambda p: np.asarray(Image.fromarray(p).resize((160, 220), Image.Resampling.BOX)),
    "noisy": lambda p: np.clip(p + np.random.default_rng(5).normal(0, 4, p.shape), 0, 255).astype(np.uint8),
    "mirrored": lambda p: p[:, ::-1],
    "turned by 90": lambda p: np.rot90(p),
    "turned by 180": lambda p: np.rot90(p, 2),
    "turned by 270": lambda p: np.rot90(p, 3),
    "upside down": lambda p: p[::-1],
    "negative": lambda p: 255 - p,
    "framed": lambda p: np.pad(p, ((10, 30), (25, 5))),
    "framed in white": lambda p: np.pad(p, 20, constant_values=255),
    "with a marker": marked,
}

PATIENTS = {
    "the same": "P007",
    "in lower case": "p007",
    "without zeros": "P7",
    "with a dash": "P-007",
    "with a space": " P 007",
    "with an issuer": "P007^^^HOSPITAL",
}


@pytest.fixture
def clean() -> dict:
    """Seven patients in three splits; P007 trains."""
    return {f"{n}.png": (f"P{n:03d}", "Mass", SPLITS[n % 3], film(n)) for n in range(1, 8)} | {
        "7.png": ("P007", "Mass", "train", film(7))
    }


def kinds(faults) -> set[str]:
    return {str(fault.kind) for fault in faults}


def test_nothing_is_found_where_nothing_is(write_dataset, clean):
    assert check_dataset(open_dataset(write_dataset(clean))) == []


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_under_another_patient(write_dataset, clean, copy):
    clean["other.png"] = ("P900", "Mass", "test", np.ascontiguousarray(COPIES[copy](film(7))))
    faults = check_dataset(open_dataset(write_dataset(clean)))
    assert kinds(faults) == {FaultKind.IMAGE_LEAK}


@pytest.mark.parametrize("spelling", PATIENTS)
def test_a_patient_under_another_spelling(write_dataset, clean, spelling):
    clean["other.png"] = (PATIENTS[spelling], "Mass", "test", film(70))
    dataset = open_dataset(write_dataset(clean))
    found = kinds(table_leaks(dataset))
    assert found
    assert found <= {FaultKind.PATIENT_LEAK, FaultKind.PATIENT_ALIAS}
    with pytest.raises(DatasetError, match="dataset check"):
        require_no_leaks(dataset)


def with_reports(root, rows: dict[str, tuple[str, str]]):
    """The dataset with reports: image -> (report id, text)."""
    reports = pd.DataFrame([(image, *row) for image, row in rows.items()], columns=["image", "report_id", "text"])
    return replace(open_dataset(root), reports=reports)


def test_one_report_of_two_patients(write_dataset, clean):
    rows = {image: (image, "Clear.") for image in clean} | {"1.png": ("R", "Clear."), "2.png": ("R", "Clear.")}
    assert kinds(table_leaks(with_reports(write_dataset(clean), rows))) == {FaultKind.REPORT_LEAK}


@pytest.mark.parametrize("text", ["MRN: A-4471.", "Patient ID 77-1234", "See 00451239.", "Pat.-Nr. 99812"])
def test_one_record_number_in_the_texts_of_two_patients(write_dataset, clean, text):
    rows = {image: (image, "Clear.") for image in clean} | {"1.png": ("a", text), "2.png": ("b", "Again: " + text)}
    assert kinds(table_leaks(with_reports(write_dataset(clean), rows))) == {FaultKind.NUMBER_LEAK}


@pytest.mark.parametrize("names", [("0012345_a.png", "0012345_b.png"), ("a.0012345.png", "b.0012345.png")])
def test_one_record_number_in_the_names_of_two_films(write_dataset, clean, names):
    clean[names[0]] = ("P100", "Mass", "train", film(100))
    clean[names[1]] = ("P101", "Mass", "test", film(101))
    assert kinds(table_leaks(open_dataset(write_dataset(clean)))) == {FaultKind.NUMBER_LEAK}


def test_random_names_and_numbers_with_marks_are_no_leak(write_dataset, clean):
    first, second = "12345678-0a1b2c3d-11111111.png", "0a1b2c3d-12345678-22222222.png"
    clean[first] = ("12-3", "Mass", "train", film(100))
    clean[second] = ("1-23", "Mass", "test", film(101))
    assert list(table_leaks(open_dataset(write_dataset(clean)))) == []


def test_numbers_in_common_are_told_before_a_training(write_dataset, clean, caplog):
    clean["0012345_a.png"] = ("P100", "Mass", "train", film(100))
    clean["0012345_b.png"] = ("P101", "Mass", "test", film(101))
    require_no_leaks(open_dataset(write_dataset(clean)))
    assert "1 number_leak" in caplog.text


def test_a_number_that_all_share_is_no_persons():
    names = [str(number) for number in range(40)]
    records = pd.DataFrame({"image": names, "patient": names, "split": ["train", "test"] * 20})
    assert not list(shared_identifiers(records, [["5551234"]] * 40, "in its report"))


def test_a_patient_column_that_numbers_films(write_dataset):
    films = {f"{n}.png": (f"P{n}", "Mass", "train", film(n)) for n in range(40)}
    rows = {f"{n}.png": (f"R{n // 2}", "Clear.") for n in range(40)}
    assert kinds(table_leaks(with_reports(write_dataset(films), rows))) == {FaultKind.PATIENT_IS_FILM}


def test_one_dicom_patient_in_two_splits(write_dataset, clean, make_dicom, dicom_bytes):
    root = write_dataset(clean)
    for name in ("1.png", "2.png"):
        content = dicom_bytes(make_dicom(film(int(name[0])), bits=8, PatientID="QUILLON-17"))
        (root / "images" / name).write_bytes(content)
    faults = check_dataset(open_dataset(root))
    assert kinds(faults) == {FaultKind.PATIENT_LEAK}
    assert "QUILLON" not in str(faults)


def test_visits_out_of_order(write_dataset, clean):
    root = write_dataset(clean)
    table = pd.read_csv(root / "Data_Entry.csv", dtype=str, keep_default_na=False)
    table.loc[[0, 1], "Patient ID"] = "P555"
    table.loc[[0, 1], "Follow-up #"] = ["0", "1"]
    table.loc[[0, 1], "Patient Age"] = ["070Y", "050Y"]
    table.to_csv(root / "Data_Entry.csv", index=False)
    assert FaultKind.VISIT_ORDER in kinds(table_leaks(open_dataset(root)))


def test_pictures_that_are_no_chest_are_told(write_dataset, clean):
    faults = check_dataset(open_dataset(write_dataset(clean)), gate=QualityGate.shipped())
    assert kinds(faults) == {FaultKind.NOT_FRONTAL}
