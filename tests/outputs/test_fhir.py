import json
import warnings
from datetime import UTC, datetime

import numpy as np
import pytest
from fhir.resources.R4B.bundle import Bundle
from PIL import Image
from pydicom.uid import generate_uid

from cxr.outputs import screen_to_folder
from cxr.outputs.writers.fhir import fhir_bundle
from cxr.screening import Screener

WRITTEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture(scope="module")
def screener(tiny_bundle):
    return Screener(tiny_bundle, threads=1)


@pytest.fixture
def film(chest_pixels, make_dicom, dicom_bytes):
    """A DICOM film with an effusion on the patient's left."""

    def make(**elements):
        header = {
            "StudyInstanceUID": "1.2.3.4",
            "SeriesInstanceUID": generate_uid(),
            "SOPInstanceUID": "1.2.3.4.5",
            "PatientID": "4711",
            "StudyDate": "20260101",
            "AccessionNumber": "A1",
        }
        pixels = chest_pixels(blob=(240, 200, 100, 80)).astype(np.uint16) * 16
        return dicom_bytes(make_dicom(pixels, **(header | elements)))

    return make


def resources(bundle, kind):
    return [e["resource"] for e in bundle["entry"] if e["resource"]["resourceType"] == kind]


def test_a_bundle_follows_the_standard_and_says_what_the_result_says(screener, film):
    examination = screener.examine("film", film())
    bundle = fhir_bundle(examination, WRITTEN)
    # fhir.resources has 4.3 (R4B), which changes none of these resources since R4.
    read = Bundle.model_validate_json(json.dumps(bundle))
    report = read.entry[0].resource
    assert report.get_resource_type() == "DiagnosticReport"
    assert report.status == "preliminary"
    assert report.subject.identifier.value == "4711"
    assert report.imagingStudy[0].identifier.value == "urn:oid:1.2.3.4"
    assert report.basedOn[0].identifier.value == "A1"
    assert str(report.effectiveDateTime) == "2026-01-01"
    assert report.issued == WRITTEN
    assert report.conclusion == examination.result.report.text
    known = {e.fullUrl for e in read.entry}
    assert len(known) == len(read.entry) == len(examination.result.findings) + 2
    assert {r.reference for r in report.result} <= known
    observations = {e.resource.code.coding[0].code: e.resource for e in read.entry[1:-1]}
    effusion = observations["60046008"]
    expected = next(f for f in examination.result.findings if f.name == "Effusion")
    assert expected.positive
    assert effusion.valueCodeableConcept.coding[0].code == "ABOVE"
    values = {c.code.coding[0].code: float(c.valueQuantity.value) for c in effusion.component}
    assert values == {
        "PROBABILITY": pytest.approx(expected.probability),
        "THRESHOLD": pytest.approx(expected.threshold),
    }
    assert effusion.device.reference in known
    said = {o.valueCodeableConcept.coding[0].code for o in observations.values()}
    assert "BELOW" in said


def test_identities_are_those_of_the_film_the_model_and_the_finding(screener, film):
    def identities(**elements):
        bundle = fhir_bundle(screener.examine("film", film(**elements)), datetime.now(UTC))
        return [(e["fullUrl"], e["resource"]["identifier"][0]["value"]) for e in bundle["entry"]]

    first = identities()
    assert identities(SeriesInstanceUID=generate_uid()) == first
    assert not set(identities(SOPInstanceUID="1.2.3.4.6")) & set(first)


def test_observations_are_known_by_the_tracking_uids_of_the_structured_report(screener, film):
    sr = pytest.importorskip("highdicom", reason="DICOM results need the 'pacs' extra").sr
    from cxr.outputs.writers.dicom import dicom_results

    examination = screener.examine("film", film())
    document = sr.ComprehensiveSR.from_dataset(dicom_results(examination)["sr"])
    groups = document.content.get_image_measurement_groups()
    tracked = {f"urn:oid:{group.tracking_uid}" for group in groups if group.get_measurements()}
    observations = resources(fhir_bundle(examination, WRITTEN), "Observation")
    assert {o["identifier"][0]["value"] for o in observations} == tracked


def test_a_refused_input_has_a_cancelled_report_and_no_observation(screener, tmp_path):
    Image.fromarray(np.zeros((300, 300), np.uint8)).save(tmp_path / "black.png")
    examination = screener.examine("black.png", tmp_path / "black.png")
    bundle = fhir_bundle(examination, WRITTEN)
    Bundle.model_validate_json(json.dumps(bundle))
    (report,) = resources(bundle, "DiagnosticReport")
    assert report["status"] == "cancelled"
    assert report["conclusion"].startswith(f"Not screened ({examination.result.refusal.code})")
    assert resources(bundle, "Observation") == []
    assert not {"subject", "imagingStudy", "result"} & set(report)


def test_a_doubtful_film_has_nothing_below(screener, film, tiny_bundle):
    doubting = Screener(tiny_bundle, threads=1, gate=lambda pixels: None)
    examination = doubting.examine("film", film(PatientAge="007Y"))
    assert examination.result.doubts
    said = {
        o["valueCodeableConcept"]["coding"][0]["code"]
        for o in resources(fhir_bundle(examination, WRITTEN), "Observation")
    }
    assert "DOUBTFUL" in said
    assert "BELOW" not in said


@pytest.mark.parametrize("wrong", [{"StudyDate": "1.1.26"}, {"PatientID": " "}, {"AccessionNumber": ""}])
def test_what_a_header_does_not_say_is_left_out(screener, film, wrong):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        content = film(**wrong)
        bundle = fhir_bundle(screener.examine("film", content), WRITTEN)
    Bundle.model_validate_json(json.dumps(bundle))
    left = {"StudyDate": "effectiveDateTime", "PatientID": "subject", "AccessionNumber": "basedOn"}[next(iter(wrong))]
    assert left not in resources(bundle, "DiagnosticReport")[0]


def test_a_folder_gets_a_bundle_of_every_input_the_refused_ones_included(screener, film, image_folder, tmp_path):
    (image_folder / "ct.dcm").write_bytes(film(Modality="CT"))
    (image_folder / "empty.png").write_bytes(b"")
    screen_to_folder(screener, [image_folder], tmp_path / "out", workers=1, outputs=["fhir"])
    files = sorted((tmp_path / "out" / "fhir").glob("*.json"))
    assert len(files) == 5
    said = {file.stem: Bundle.model_validate_json(file.read_bytes()).entry[0].resource for file in files}
    assert {name for name, report in said.items() if report.status == "cancelled"} == {"ct", "empty"}
    assert said["ct"].subject.identifier.value == "4711"
    assert said["empty"].conclusion.startswith("Not screened (empty_file)")
