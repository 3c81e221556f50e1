import shutil
import subprocess
from dataclasses import replace
from datetime import datetime

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from cxr.errors import RefusalCode, RefusedInputError
from cxr.imaging.reading import RadiographFile
from cxr.outputs import screen_to_folder
from cxr.screening import Screener
from nlp_labeler.findings import LABELS

CODE_VALUES = ("CodeValue", "LongCodeValue")
highdicom = pytest.importorskip("highdicom", reason="DICOM results need the 'pacs' extra")


@pytest.fixture(scope="module")
def screener(tiny_bundle):
    return Screener(tiny_bundle, threads=1)


@pytest.fixture
def radiograph(tmp_path, chest_pixels, make_dicom, dicom_bytes):
    """A DX object with an effusion on the patient's left."""
    film = make_dicom(
        chest_pixels(blob=(240, 200, 100, 80)).astype(np.uint16) * 16,
        StudyInstanceUID=generate_uid(),
        SeriesInstanceUID=generate_uid(),
        PatientName="Test^Case",
        PatientID="4711",
        PatientBirthDate="19600101",
        PatientAge=None,
        StudyDate="20260101",
        StudyTime="101010",
        AccessionNumber="A1",
        ReferringPhysicianName="",
        StudyID="S1",
    )
    path = tmp_path / "in" / "chest.dcm"
    path.parent.mkdir()
    path.write_bytes(dicom_bytes(film))
    return path


@pytest.fixture
def results(screener, radiograph, tmp_path, chest_pixels):
    """Folder with the DICOM results of one DICOM input; the PNG beside it gets none."""
    Image.fromarray(chest_pixels()).save(radiograph.parent / "other.png")
    screen_to_folder(screener, [radiograph.parent], tmp_path / "out", workers=2, outputs=["dicom"])
    return tmp_path / "out" / "dicom"


def test_dicom_inputs_get_a_report_and_a_capture_and_others_get_none(results):
    assert sorted(p.name for p in results.iterdir()) == ["chest_sc.dcm", "chest_sr.dcm"]


def test_report_refers_to_the_image_and_carries_findings_boxes_and_algorithm(results, radiograph, screener):
    document = highdicom.sr.srread(results / "chest_sr.dcm")
    image = pydicom.dcmread(radiograph, stop_before_pixels=True)
    assert (document.PatientID, document.StudyInstanceUID) == (image.PatientID, image.StudyInstanceUID)
    assert document.VerificationFlag == "UNVERIFIED"
    groups = document.content.get_planar_roi_measurement_groups(finding_type=codes.SCT.PleuralEffusion)
    screened = screener.screen(radiograph)
    effusion = next(f for f in screened.findings if f.name == "Effusion")
    assert len(groups) == len(effusion.boxes) == 1
    region = groups[0].roi
    corners = np.asarray(region.value)
    box = effusion.boxes[0]
    np.testing.assert_allclose(corners[0], (box.x, box.y), atol=0.01)
    np.testing.assert_allclose(corners[2], (box.x + box.width, box.y + box.height), atol=0.01)
    assert groups[0].finding_sites[0].laterality == codes.SCT.Left
    whole = document.content.get_image_measurement_groups(finding_type=codes.SCT.PleuralEffusion)
    values = {m.name.value: m.value for m in whole[0].get_measurements()}
    assert values["PROBABILITY"] == pytest.approx(effusion.probability, abs=1e-9)
    assert values["THRESHOLD"] == pytest.approx(effusion.threshold, abs=1e-9)
    assert screened.model.sha256.encode() in (results / "chest_sr.dcm").read_bytes()


def test_capture_is_a_marked_derived_picture_of_the_same_study(results, radiograph):
    capture = pydicom.dcmread(results / "chest_sc.dcm")
    image = pydicom.dcmread(radiograph, stop_before_pixels=True)
    assert capture.StudyInstanceUID == image.StudyInstanceUID
    assert capture.SeriesInstanceUID != image.SeriesInstanceUID
    assert capture.BurnedInAnnotation == "YES"
    assert list(capture.ImageType) == ["DERIVED", "SECONDARY"]
    assert capture.pixel_array.shape[2] == 3


def test_same_image_and_model_give_the_same_objects_again(screener, radiograph):
    from cxr.outputs.writers.dicom import dicom_results

    examination = screener.examine("x", radiograph)
    first, second = (dicom_results(examination) for _ in range(2))
    assert {k: v.SOPInstanceUID for k, v in first.items()} == {k: v.SOPInstanceUID for k, v in second.items()}
    assert len({v.SOPInstanceUID for v in first.values()} | {v.SeriesInstanceUID for v in first.values()}) == 4


def test_other_thresholds_give_another_object(screener, radiograph):
    """An archive keeps what it has under a UID: results at new thresholds must not pass for the old ones."""
    from cxr.outputs.writers.dicom import dicom_results

    def uids(examination):
        return {dataset.SOPInstanceUID for dataset in dicom_results(examination).values()}

    examination = screener.examine("x", radiograph)
    assert examination.result.model.bundle_sha256 == screener.bundle.manifest_sha256
    moved = replace(examination.result, model=replace(examination.result.model, bundle_sha256="1" * 64))
    assert not uids(examination) & uids(replace(examination, result=moved))


@pytest.fixture
def refused(screener, radiograph):
    error = RefusedInputError(RefusalCode.NOT_FRONTAL_CHEST, "this is no chest")
    return screener.refuse("x", error, RadiographFile(radiograph))


def test_a_refused_image_has_a_report_that_says_so_and_no_picture(refused, radiograph, tmp_path):
    from cxr.outputs.writers.dicom import dicom_bytes, dicom_results

    results = dicom_results(refused)
    assert set(results) == {"sr"}
    file = tmp_path / "refused.dcm"
    file.write_bytes(dicom_bytes(results["sr"]))
    document, image = highdicom.sr.srread(file), pydicom.dcmread(radiograph, stop_before_pixels=True)
    assert (document.PatientID, document.StudyInstanceUID) == (image.PatientID, image.StudyInstanceUID)
    (group,) = document.content.get_image_measurement_groups()
    said = {e.name.value: e.value.meaning for e in group.get_qualitative_evaluations()}
    assert said == {"OUTCOME": "Not screened; a person must read it", "REASON": "Not frontal chest"}
    assert group.get_measurements() == []
    assert "this is no chest" in {item.get("TextValue") for item in document.ContentSequence}
    if shutil.which("dciodvfy"):
        done = subprocess.run(["dciodvfy", file], capture_output=True, text=True, check=False)
        assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []


def test_a_refused_picture_that_is_no_dicom_has_no_report(screener, tmp_path):
    from cxr.outputs.writers.dicom import dicom_results

    Image.fromarray(np.zeros((300, 300), np.uint8)).save(tmp_path / "x.png")
    refused = screener.examine("x", tmp_path / "x.png")
    assert refused.result.status == "refused"
    assert dicom_results(refused) == {}


def test_a_report_is_of_screened_and_a_refusal_of_refused_input(refused, screener, radiograph):
    from cxr.outputs.dicom_sr import refusal_report, structured_report

    with pytest.raises(ValueError, match="nothing to report"):
        structured_report(refused.result, pydicom.Dataset(), datetime(2026, 1, 1))
    with pytest.raises(ValueError, match="no refusal"):
        refusal_report(screener.screen(radiograph), pydicom.Dataset(), datetime(2026, 1, 1))


def test_every_finding_has_its_own_code():
    from cxr.outputs.finding_codes import finding_concept

    assert len({finding_concept(label) for label in LABELS}) == len(LABELS)


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
@pytest.mark.parametrize("name", ["chest_sr.dcm", "chest_sc.dcm"])
def test_validator_finds_no_error(results, name):
    done = subprocess.run(["dciodvfy", results / name], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []


@pytest.fixture
def doubtful(tiny_bundle, make_dicom, dicom_bytes, chest_pixels):
    """The examination of a child's healthy film, whose header contradicts itself about the view."""
    film = make_dicom(
        chest_pixels().astype(np.uint16) * 16,
        StudyInstanceUID=generate_uid(),
        SeriesInstanceUID=generate_uid(),
        StudyID="S1",
        PatientName="Test^Case",
        PatientID="4711",
        PatientAge="007Y",
        ViewPosition="PA",
        SeriesDescription="Chest lateral",
    )
    return Screener(tiny_bundle, threads=1, gate=lambda pixels: None).examine("film", dicom_bytes(film))


def test_a_doubtful_report_says_so_and_calls_nothing_below(doubtful, tmp_path):
    from cxr.outputs.writers.dicom import dicom_results

    assert (doubtful.result.triage, doubtful.result.doubts) == ("read", ("perhaps_lateral", "child"))
    path = tmp_path / "sr.dcm"
    [report] = [made for made in dicom_results(doubtful).values() if made.Modality == "SR"]
    report.save_as(path)
    values = [str(element.value) for element in pydicom.dcmread(path).iterall() if element.keyword in CODE_VALUES]
    assert {"PERHAPS_LATERAL", "CHILD", "DOUBTFUL"} <= set(values)
    assert "BELOW" not in values
    if shutil.which("dciodvfy"):
        done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []


def test_a_report_names_what_certificates_decide(make_bundle, radiograph, tmp_path):
    from cxr.outputs.writers.dicom import dicom_results

    examination = Screener(make_bundle(two_sided=True), threads=1).examine("film", radiograph)
    assert examination.result.certified
    report = dicom_results(examination)["sr"]
    said = [item.TextValue for item in report.ContentSequence if "TextValue" in item]
    assert "Referred for: pleural effusion (false positives <= 5%)" in said
    path = tmp_path / "sr.dcm"
    report.save_as(path)
    if shutil.which("dciodvfy"):
        done = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []


@pytest.mark.skipif(shutil.which("dsrdump") is None, reason="dcmtk is not installed")
def test_another_toolkit_reads_the_report(results):
    done = subprocess.run(["dsrdump", results / "chest_sr.dcm"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "Pleural effusion" in done.stdout


@pytest.mark.parametrize("lost", ["StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID"])
def test_a_file_that_nothing_can_refer_to_gets_no_dicom_results(radiograph, lost):
    from cxr.outputs.dicom_identity import referable

    film = pydicom.dcmread(radiograph)
    delattr(film, lost)
    film.save_as(radiograph, enforce_file_format=False)
    with pytest.raises(RefusedInputError, match=f"no {lost}") as refused:
        referable(RadiographFile(radiograph).header)
    assert refused.value.code == RefusalCode.CORRUPT


def test_a_header_without_the_optional_attributes_gets_them_empty(radiograph):
    from cxr.outputs.dicom_identity import referable

    film = pydicom.dcmread(radiograph)
    del film.PatientName, film.StudyID
    film.save_as(radiograph)
    header = referable(RadiographFile(radiograph).header)
    assert {"PatientName", "StudyID", "PatientAge"} <= {element.keyword for element in header}
    assert not any((header.PatientName, header.StudyID, header.PatientAge))


def test_a_results_folder_holds_the_report_of_a_refused_film_too(screener, radiograph, tmp_path):
    lateral = pydicom.dcmread(radiograph)
    lateral.ViewPosition = "LL"
    lateral.SOPInstanceUID = lateral.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    lateral.save_as(radiograph.with_name("lateral.dcm"))
    screen_to_folder(screener, [radiograph.parent], tmp_path / "out", workers=1, outputs=["dicom"])
    made = {path.name: pydicom.dcmread(path) for path in (tmp_path / "out" / "dicom").iterdir()}
    assert set(made) == {"chest_sr.dcm", "chest_sc.dcm", "lateral_sr.dcm"}
    assert "WRONG_VIEW" in str(made["lateral_sr.dcm"])
    assert "WRONG_VIEW" not in str(made["chest_sr.dcm"])
