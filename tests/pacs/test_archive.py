"""A modality (dcmtk), the listener and an archive (Orthanc) as three programs, two kills included."""

import re
import shutil
import signal
import subprocess
from collections import Counter

import pydicom
import pytest

pytest.importorskip("pynetdicom", reason="the image network needs the 'pacs' extra")
if shutil.which("storescu") is None:
    pytest.skip("dcmtk is not installed (Debian package dcmtk)", allow_module_level=True)

SR_CLASS, SC_CLASS = "1.2.840.10008.5.1.4.1.1.88.33", "1.2.840.10008.5.1.4.1.1.7"
GSPS_CLASS = "1.2.840.10008.5.1.4.1.1.11.1"
STATES = ("received", "screened", "sent", "refused")
ASSOCIATIONS, PER_ASSOCIATION = 4, 50
PATIENCE = 400  # seconds; only a machine with too much else to do needs more than a tenth of it


def send(listener, files, aet="MODALITY", called="CXR"):
    """Start one association; ``communicate`` gives what was acknowledged."""
    command = ["storescu", "-v", "-aet", aet, "-aec", called, "127.0.0.1", str(listener.port), *map(str, files)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def acknowledged(output):
    """File names that the listener has confirmed."""
    names, current = set(), None
    for line in output.splitlines():
        if found := re.search(r"Sending file: (.+)$", line):
            current = found[1]
        elif re.search(r"Received Store Response \((Status: 0x0000 - )?Success\)", line):  # as the version words it
            names.add(current)
    return names


def referenced(dataset):
    """SOP Instance UID of the radiograph that a result speaks about."""
    if dataset.SOPClassUID == SR_CLASS:
        (study,) = dataset.CurrentRequestedProcedureEvidenceSequence
        (series,) = study.ReferencedSeriesSequence
        (image,) = series.ReferencedSOPSequence
        return image.ReferencedSOPInstanceUID
    (source,) = dataset.SourceImageSequence
    return source.ReferencedSOPInstanceUID


@pytest.fixture
def modality(archive, make_listener, write_radiographs, tmp_path):
    """The running listener, and 200 radiographs in four folders."""
    listener = make_listener(archive.port, "--allow", "MODALITY", "--host", "127.0.0.1")
    listener.start()
    folders = [tmp_path / f"association{k}" for k in range(ASSOCIATIONS)]
    uids = {uid for folder in folders for uid in write_radiographs(folder, PER_ASSOCIATION)}
    return listener, folders, uids


def test_each_object_has_one_report_and_one_capture_though_the_listener_is_killed_twice(
    archive, modality, wait_until, tmp_path
):
    listener, folders, uids = modality
    waiting = [sorted(folder.iterdir()) for folder in folders]
    for kill_at in (60, 140, None):
        senders = [send(listener, files) for files in waiting if files]
        if kill_at:
            wait_until(
                lambda goal=kill_at: sum(listener.health()[s] for s in STATES) >= goal, PATIENCE, f"{kill_at} objects"
            )
            assert listener.health()["sent"] < len(uids), "the kill came too late to matter"
            listener.kill()
        confirmed = set().union(*(acknowledged(sender.communicate(timeout=PATIENCE)[0]) for sender in senders))
        # What was confirmed is not sent again: the listener answers for it.
        waiting = [[file for file in files if str(file) not in confirmed] for files in waiting]
        if kill_at:
            listener.start()
    assert not any(waiting)
    wait_until(lambda: listener.health()["sent"] == len(uids), PATIENCE, "sending")

    objects = archive.objects()
    for kind in (SR_CLASS, SC_CLASS):
        assert Counter(referenced(dataset) for dataset, _ in objects[kind]) == dict.fromkeys(uids, 1)
    assert {listener.health()[state] for state in ("received", "screened", "refused")} == {0}

    listener.process.send_signal(signal.SIGTERM)
    assert listener.process.wait(PATIENCE) == 0
    left = [p for p in (tmp_path / "spool").rglob("*") if p.is_file() and p.suffix == ".dcm"]
    assert left == []
    assert "Zebrafinch" not in listener.log.read_text()
    assert "SECRET-ID" not in listener.log.read_text()
    for dataset, content in objects[SR_CLASS][:3] + objects[SC_CLASS][:3]:
        check_with_other_programs(dataset.SOPClassUID, content, tmp_path / "result.dcm")


def check_with_other_programs(sop_class, content, path):
    path.write_bytes(content)
    if sop_class == SR_CLASS:
        dumped = subprocess.run(["dsrdump", path], capture_output=True, text=True, check=False)
        assert dumped.returncode == 0, dumped.stderr
        assert "Pleural effusion" in dumped.stdout
    if shutil.which("dciodvfy"):
        checked = subprocess.run(["dciodvfy", path], capture_output=True, text=True, check=False)
        assert [line for line in checked.stderr.splitlines() if line.startswith("Error")] == []


def test_objects_of_a_stranger_are_refused(make_listener, write_radiographs, tmp_path):
    listener = make_listener(1, "--allow", "MODALITY", "--host", "127.0.0.1")
    listener.start()
    write_radiographs(tmp_path / "one", 1)
    files = list((tmp_path / "one").iterdir())
    for names in ({"aet": "STRANGER"}, {"called": "OTHER"}):
        sender = send(listener, files, **names)
        output, _ = sender.communicate(timeout=PATIENCE)
        assert sender.returncode != 0
        assert "Association Rejected" in output
    assert sum(listener.health()[state] for state in STATES) == 0


def test_an_archive_that_is_away_is_tried_again(archive, make_listener, write_radiographs, wait_until, tmp_path):
    """The listener first knows the archive under a port where nothing listens, then under the right one."""
    write_radiographs(tmp_path / "one", 2)
    listener = make_listener(1)
    listener.start()
    sender = send(listener, (tmp_path / "one").iterdir())
    assert len(acknowledged(sender.communicate(timeout=PATIENCE)[0])) == 2
    wait_until(lambda: listener.health()["status"] == "archive does not take results", PATIENCE, "a failed attempt")
    listener.process.send_signal(signal.SIGTERM)
    assert listener.process.wait(PATIENCE) == 0
    assert archive.count() == 0
    again = make_listener(archive.port)
    again.start()
    wait_until(lambda: again.health()["sent"] == 2, PATIENCE, "sending")
    assert archive.count() == 4


def test_of_a_radiograph_that_is_refused_the_archive_is_told_why(
    archive, make_listener, write_radiographs, wait_until, tmp_path
):
    (uid,) = write_radiographs(tmp_path / "one", 1)
    (file,) = (tmp_path / "one").iterdir()
    blank = pydicom.dcmread(file)
    blank.PixelData = bytes(len(blank.PixelData))
    blank.save_as(file)
    listener = make_listener(archive.port)
    listener.start()
    assert len(acknowledged(send(listener, [file]).communicate(timeout=PATIENCE)[0])) == 1
    wait_until(lambda: listener.health()["refused"] == 1, PATIENCE, "the refusal")
    assert listener.health()["refusals"] == {"constant_pixels": 1}
    objects = archive.objects()
    assert objects[SC_CLASS] == []
    ((document, content),) = objects[SR_CLASS]
    assert referenced(document) == uid
    assert b"CONSTANT_PIXELS" in content
    assert "Zebrafinch" not in listener.log.read_text()


def test_the_archive_gets_presentation_states_where_they_are_asked_for(
    archive, make_listener, write_radiographs, wait_until, tmp_path
):
    uids = write_radiographs(tmp_path / "two", 2)  # the second has an effusion
    listener = make_listener(archive.port, "--gsps")
    listener.start()
    sender = send(listener, (tmp_path / "two").iterdir())
    assert len(acknowledged(sender.communicate(timeout=PATIENCE)[0])) == 2
    wait_until(lambda: listener.health()["sent"] == 2, PATIENCE, "sending")
    objects = archive.objects()
    assert (len(objects[SR_CLASS]), len(objects[SC_CLASS])) == (2, 2)
    drawn_on = {
        image.ReferencedSOPInstanceUID
        for state, _ in objects[GSPS_CLASS]
        for series in state.ReferencedSeriesSequence
        for image in series.ReferencedImageSequence
    }
    assert uids[1] in drawn_on
    assert len(drawn_on) == len(objects[GSPS_CLASS])
    for state, content in objects[GSPS_CLASS]:
        check_with_other_programs(state.SOPClassUID, content, tmp_path / "state.dcm")
