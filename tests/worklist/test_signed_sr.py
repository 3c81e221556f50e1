import io
import shutil
import subprocess

import pydicom
import pytest

highdicom = pytest.importorskip("highdicom", reason="DICOM results need the 'pacs' extra")

from cxr.worklist.pictures import HEADER  # noqa: E402
from cxr.worklist.signed_sr import signed_report  # noqa: E402


@pytest.fixture
def signed_sr(worklist, phantom_dicom, screen_all, receive, tmp_path):
    [case_id] = receive(worklist, "ann", [phantom_dicom])
    screen_all(worklist, "ann")
    decision = worklist.sign(
        "ann",
        case_id,
        reader="Dr. Ann^=Bär",
        verdicts={"Nodule": True, "Effusion": False},
        comment="<b>größer</b>",
        seen=0,
    )
    header = pydicom.dcmread(io.BytesIO(worklist.pictures.get("ann", case_id, HEADER)))
    path = tmp_path / "signed.dcm"
    report = signed_report(worklist.cases.result("ann", case_id), decision, header, "Clinic")
    report.save_as(path, enforce_file_format=True)
    return path, header


def test_a_signed_report_is_verified_and_names_the_reader(signed_sr):
    path, header = signed_sr
    report = pydicom.dcmread(path)
    flags = (report.VerificationFlag, report.CompletionFlag, report.PreliminaryFlag)
    assert flags == ("VERIFIED", "COMPLETE", "FINAL")
    assert str(report.VerifyingObserverSequence[0].VerifyingObserverName) == "Dr. Ann  Bär"
    assert (report.PatientID, report.StudyInstanceUID) == (header.PatientID, header.StudyInstanceUID)
    text = str(report)
    assert text.count("Present according to the reader") == 1
    assert text.count("Absent according to the reader") == 1
    assert "<b>größer</b>" in text


def test_the_standards_validator_finds_no_error(signed_sr):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy is not installed")
    done = subprocess.run(["dciodvfy", signed_sr[0]], capture_output=True, text=True, check=False)
    assert [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")] == []
