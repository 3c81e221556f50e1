"""DICOM files: valid, linkable to the patient, and the same picture in both interpretations."""

import csv

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.pixels import apply_windowing

from cxr.phantom.dicom import build_dicom


def shown(dataset) -> np.ndarray:
    """Grey in [0, 1] as a viewer shows it, by the file's own window and interpretation."""
    windowed = apply_windowing(dataset.pixel_array, dataset) / (2**dataset.BitsStored - 1)
    return 1.0 - windowed if dataset.PhotometricInterpretation == "MONOCHROME1" else windowed


@pytest.mark.parametrize("bits", [12, 16])
@pytest.mark.parametrize("modality", ["CR", "DX"])
def test_both_interpretations_show_the_same_picture(healthy_patient, visit_with, bits, modality):
    pixels = np.random.default_rng(0).random((64, 64)).astype(np.float32)
    kind = {"bits": bits, "modality": modality, "pixel_cm": 0.15}
    films = [
        build_dicom(pixels, healthy_patient, visit_with(), photometric=name, **kind)
        for name in ("MONOCHROME1", "MONOCHROME2")
    ]
    assert not np.array_equal(films[0].pixel_array, films[1].pixel_array)
    for film in films:
        assert shown(film) == pytest.approx(pixels, abs=2 / (2**bits - 1))


def test_cohort_holds_every_kind_and_matches_its_png(cohort_folder):
    with (cohort_folder / "reports.csv").open(newline="", encoding="utf-8") as stream:
        reports = {row["id"]: row for row in csv.DictReader(stream)}
    kinds = set()
    for path in (cohort_folder / "images").glob("*.dcm"):
        dataset, row = pydicom.dcmread(path), reports[path.stem]
        kinds.add((dataset.PhotometricInterpretation, dataset.BitsStored, dataset.Modality))
        assert dataset.PatientID == row["patient_id"]
        assert dataset.PatientSex == row["sex"]
        assert dataset.PatientAge == f"{int(row['age']):03d}Y"
        assert dataset.ViewPosition == row["view"]
        assert dataset.StudyDate == row["study_date"].replace("-", "")
        png = np.asarray(Image.open(path.with_suffix(".png")), dtype=np.float64) / 255
        assert shown(dataset) == pytest.approx(png, abs=0.004)
    assert {kind[0] for kind in kinds} == {"MONOCHROME1", "MONOCHROME2"}
    assert {kind[1] for kind in kinds} == {12, 16}
    assert {kind[2] for kind in kinds} == {"CR", "DX"}


def test_visits_of_a_patient_share_no_uid(cohort_folder):
    uids = [pydicom.dcmread(path).SOPInstanceUID for path in (cohort_folder / "images").glob("*.dcm")]
    assert len(set(uids)) == len(uids)
