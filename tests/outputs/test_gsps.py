import shutil
import subprocess
from dataclasses import replace

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from cxr.localization import Box
from cxr.outputs import screen_to_folder
from cxr.screening import Screener

highdicom = pytest.importorskip("highdicom", reason="DICOM results need the 'pacs' extra")
GSPS_CLASS = "1.2.840.10008.5.1.4.1.1.11.1"


@pytest.fixture(scope="module")
def screener(tiny_bundle):
    return Screener(tiny_bundle, threads=1)


@pytest.fixture
def film(chest_pixels, make_dicom, dicom_bytes):
    def make(blob=(240, 200, 100, 80), **elements):
        header = {
            "StudyInstanceUID": "1.2.3.4",
            "SeriesInstanceUID": generate_uid(),
            "SOPInstanceUID": "1.2.3.4.5",
            "PatientName": "Test^Case",
            "PatientID": "4711",
            "StudyDate": "20260101",
            "StudyTime": "101010",
            "StudyID": "S1",
        }
        pixels = chest_pixels(blob=blob).astype(np.uint16) * 16
        if elements.get("PhotometricInterpretation") == "MONOCHROME1":
            pixels = 4095 - pixels
        return dicom_bytes(make_dicom(pixels, **(header | elements)))

    return make


def state_of(examination):
    from cxr.outputs.writers.gsps import presentation_state

    return presentation_state(examination)


def test_boxes_lie_over_the_original_where_the_report_has_them(screener, film):
    from cxr.outputs.writers.dicom import dicom_results

    examination = screener.examine("film", film())
    state = state_of(examination)
    assert (state.SOPClassUID, state.Modality, state.StudyInstanceUID) == (GSPS_CLASS, "PR", "1.2.3.4")
    assert state.PatientID == "4711"
    (series,) = state.ReferencedSeriesSequence
    assert [image.ReferencedSOPInstanceUID for image in series.ReferencedImageSequence] == ["1.2.3.4.5"]
    drawn = {
        str(shape.TrackingUID): np.reshape(shape.GraphicData, (-1, 2))
        for annotation in state.GraphicAnnotationSequence
        for shape in annotation.GraphicObjectSequence
    }
    document = highdicom.sr.ComprehensiveSR.from_dataset(dicom_results(examination)["sr"])
    reported = {
        str(group.tracking_uid): np.asarray(group.roi.value)
        for group in document.content.get_planar_roi_measurement_groups()
    }
    assert drawn.keys() == reported.keys()
    assert drawn
    for uid, corners in drawn.items():
        np.testing.assert_allclose(corners, reported[uid], atol=0.01)
    texts = [t.UnformattedTextValue for a in state.GraphicAnnotationSequence for t in a.TextObjectSequence]
    effusion = next(f for f in examination.result.findings if f.name == "Effusion")
    assert f"Effusion {effusion.probability:.2f}" in texts


def test_the_same_film_and_bundle_give_the_same_state_again(screener, film):
    from cxr.outputs.writers.dicom import dicom_results

    first, second = (screener.examine("film", film(SeriesInstanceUID=generate_uid())) for _ in range(2))
    a, b = state_of(first), state_of(second)
    assert (a.SOPInstanceUID, a.SeriesInstanceUID) == (b.SOPInstanceUID, b.SeriesInstanceUID)
    others = dicom_results(first).values()
    assert a.SOPInstanceUID not in {other.SOPInstanceUID for other in others}
    assert a.SeriesInstanceUID not in {other.SeriesInstanceUID for other in others}


@pytest.mark.parametrize(("photometric", "shape"), [("MONOCHROME2", "IDENTITY"), ("MONOCHROME1", "INVERSE")])
def test_a_film_stays_the_right_way_round(screener, film, photometric, shape):
    state = state_of(screener.examine("film", film(PhotometricInterpretation=photometric)))
    assert state.PresentationLUTShape == shape


def test_a_healthy_and_a_refused_film_and_a_picture_have_none(screener, film, image_folder):
    assert state_of(screener.examine("film", film(blob=None))) is None
    assert state_of(screener.examine("x", image_folder / "effusion.png")) is None
    refused = screener.examine("film", film(Modality="CT"))
    assert refused.result.status == "refused"
    assert state_of(refused) is None


def test_a_box_at_the_edge_of_the_film_is_drawn(screener, film):
    examination = screener.examine("film", film())
    height, width = examination.artifacts.pixels.shape
    whole = Box(0, 0, width, height, 0.5)
    findings = tuple(replace(f, boxes=(whole,)) if f.boxes else f for f in examination.result.findings)
    state = state_of(replace(examination, result=replace(examination.result, findings=findings)))
    shape = state.GraphicAnnotationSequence[0].GraphicObjectSequence[0]
    assert np.max(np.reshape(shape.GraphicData, (-1, 2)), axis=0).tolist() == [width, height]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dicom3tools is not installed")
def test_validator_finds_no_error_in_a_folder(screener, film, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "film.dcm").write_bytes(film())
    screen_to_folder(screener, [tmp_path / "in"], tmp_path / "out", workers=1, outputs=["gsps"])
    [file] = (tmp_path / "out" / "dicom").iterdir()
    assert file.name == "film_gsps.dcm"
    assert pydicom.dcmread(file).SOPClassUID == GSPS_CLASS
    done = subprocess.run(["dciodvfy", file], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if line.startswith("Error")] == []
