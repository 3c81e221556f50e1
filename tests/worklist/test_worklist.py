import dataclasses
import io
import sqlite3
import zipfile

import pydicom
import pytest

from cxr.errors import ConfigError, CxrError
from cxr.imaging.radiograph import FileKind, RadiographMetadata
from cxr.outputs import screen_to_folder
from cxr.worklist import SHARED, UNSIGNED, WatchedFolder, Worklist, import_results
from cxr.worklist.pictures import EMBEDDING, HEADER, OVERLAY, PICTURE, THUMBNAIL, heat_kind
from cxr.worklist.subject import Subject, subject_of


def test_uploads_are_screened_in_the_background_and_their_copies_deleted(worklist, image_folder, screen_all, receive):
    (image_folder / "broken.png").write_bytes(b"")
    receive(worklist, "ann", sorted(image_folder.glob("*.png")))
    screen_all(worklist, "ann")
    cases = {c.name: c for c in worklist.cases.visible("ann")}
    assert {n: (c.status, c.triage, c.refusal) for n, c in cases.items()} == {
        "broken.png": ("refused", None, "empty_file"),
        "effusion.png": ("screened", "refer", None),
        "healthy.png": ("screened", "none", None),
        "large_heart.png": ("screened", "refer", None),
    }
    effusion = cases["effusion.png"]
    assert (effusion.width, effusion.height) == (400, 320)
    for kind in (PICTURE, THUMBNAIL, EMBEDDING, heat_kind("Effusion"), heat_kind("Nodule")):
        assert worklist.pictures.get("ann", effusion.id, kind)
    assert worklist.pictures.get("ann", effusion.id, HEADER) is None
    assert worklist.pictures.get("ann", cases["broken.png"].id, PICTURE) is None
    assert list((worklist._database.folder / "inbox").iterdir()) == []


def test_nobody_sees_the_cases_of_another(worklist, image_folder, screen_all, receive):
    [case_id] = receive(worklist, "ann", [image_folder / "effusion.png"])
    screen_all(worklist, "ann")
    assert worklist.cases.visible("bob") == []
    assert worklist.pictures.get("bob", case_id, PICTURE) is None
    for reading in (worklist.cases.get, worklist.cases.result):
        with pytest.raises(CxrError, match="no case"):
            reading("bob", case_id)
    with pytest.raises(CxrError, match="no case"):
        worklist.sign("bob", case_id, reader="Bob", verdicts={}, comment="", seen=UNSIGNED)
    with pytest.raises(CxrError, match="no case"):
        worklist.cases.flag("bob", case_id, True)
    assert worklist.audit("bob") == []
    assert worklist.decisions.all_latest("bob") == {}


def test_a_zip_becomes_one_case_per_member_and_a_hostile_one_a_refusal(
    worklist, image_folder, tmp_path, screen_all, receive
):
    good, bad = tmp_path / "ward.zip", tmp_path / "bad.zip"
    with zipfile.ZipFile(good, "w") as archive:
        for file in sorted(image_folder.iterdir()):
            archive.write(file, f"a/{file.name}")
    with zipfile.ZipFile(bad, "w") as archive:
        archive.writestr("../../x.dcm", b"x")
    receive(worklist, "ann", [good, bad])
    screen_all(worklist, "ann")
    assert {c.name: c.refusal for c in worklist.cases.visible("ann")} == {
        "ward.zip!/a/effusion.png": None,
        "ward.zip!/a/healthy.png": None,
        "ward.zip!/a/large_heart.png": None,
        "bad.zip": "unsafe_archive",
    }


def test_owners_take_turns(worklist, image_folder, receive):
    image = image_folder / "healthy.png"
    receive(worklist, "ann", [image] * 3)
    receive(worklist, "bob", [image])
    served = ""
    order = []
    while claimed := worklist.queue.claim(after=served):
        served = claimed[0].owner
        order.append(served)
    assert order == ["ann", "bob", "ann", "ann"]


def test_a_restart_loses_nothing_and_goes_on_with_what_was_begun(
    tiny_screener, image_folder, tmp_path, screen_all, receive
):
    with Worklist(tmp_path / "desk", tiny_screener, threads=1) as first:
        ids = receive(first, "ann", sorted(image_folder.glob("*.png")))
        assert first.queue.claim(after="") is not None  # and the program dies here
    with Worklist(tmp_path / "desk", tiny_screener, threads=1) as second:
        screen_all(second, "ann")
        assert [c.id for c in second.cases.visible("ann")] == ids
        assert {c.status for c in second.cases.visible("ann")} == {"screened"}
        second.sign("ann", ids[0], reader="Ann", verdicts={}, comment="seen", seen=UNSIGNED)
    with Worklist(tmp_path / "desk", tiny_screener, threads=1) as third:
        assert third.decisions.latest("ann", ids[0]).comment == "seen"
        assert third.cases.get("ann", ids[0]).signed_by == "Ann"


def test_one_process_at_a_time_and_one_version(worklist, tiny_screener, tmp_path):
    folder = worklist._database.folder
    with pytest.raises(ConfigError, match="another process"):
        Worklist(folder, tiny_screener, threads=1)
    assert (folder / "worklist.sqlite").stat().st_mode & 0o077 == 0
    other = tmp_path / "other"
    other.mkdir()
    connection = sqlite3.connect(other / "worklist.sqlite")
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(ConfigError, match="version 99"):
        Worklist(other, tiny_screener, threads=1)


def test_a_watched_folder_is_taken_once_and_only_when_files_are_complete(worklist, image_folder, screen_all):
    with zipfile.ZipFile(image_folder / "late.zip", "w") as archive:
        archive.write(image_folder / "healthy.png", "inside.png")
    folder = WatchedFolder(image_folder, worklist.inbox, worklist.queue.knows)

    def look(at):
        return len(worklist.add(SHARED, at.look()))

    assert look(folder) == 0
    with (image_folder / "effusion.png").open("ab") as still_written:
        still_written.write(b"\0")
    assert [look(folder), look(folder), look(folder)] == [3, 1, 0]
    again = WatchedFolder(image_folder, worklist.inbox, worklist.queue.knows)
    assert [look(again), look(again)] == [0, 0]
    screen_all(worklist)
    assert sorted(c.name for c in worklist.cases.visible("anybody")) == [
        "effusion.png",
        "healthy.png",
        "large_heart.png",
        "late.zip!/inside.png",
    ]
    assert (image_folder / "healthy.png").exists()


def test_results_of_the_command_line_are_shown_as_they_are(worklist, tiny_screener, image_folder, tmp_path):
    (image_folder / "broken.png").write_bytes(b"")
    screen_to_folder(tiny_screener, [image_folder], tmp_path / "out", workers=1)
    assert import_results(tmp_path / "out", worklist.queue, "seal") == 4
    assert import_results(tmp_path / "out", worklist.queue, "seal") == 0
    cases = {c.name: c for c in worklist.cases.visible("anybody")}
    assert cases["effusion.png"].triage == "refer"
    assert worklist.pictures.get("anybody", cases["effusion.png"].id, OVERLAY)
    with pytest.raises(ConfigError, match=r"holds no results\.jsonl"):
        import_results(image_folder, worklist.queue, "seal")
    file = tmp_path / "out" / "results.jsonl"
    file.write_text(file.read_text().replace('"Effusion"', '"Gout"').replace("/effusion", "/another"))
    with pytest.raises(ConfigError, match="speaks of Gout, which the bundle in use does not know"):
        import_results(tmp_path / "out", worklist.queue, "seal")


@pytest.fixture
def film_of(worklist, tiny_screener, image_folder):
    """``film_of(name, subject)`` -> a screened case of that patient and day."""
    result = tiny_screener.screen(image_folder / "healthy.png")

    def add(name, subject, owner="ann"):
        case_id = worklist.queue.add(owner, name, image_folder / "healthy.png", claimed=True)
        worklist.queue.finish(case_id, result, subject, size=(8, 8), pictures={}, certificate_sha256="seal")
        return worklist.cases.get(owner, case_id)

    return add


def test_only_strictly_earlier_days_are_earlier_and_all_else_is_other(worklist, film_of):
    def on(day):
        return Subject(patient="7", issuer="DICOM", study_date=day)

    now = film_of("now", on("2020-03-02"))
    for name, day in (("before", "2020-03-01"), ("long ago", "1999-12-31"), ("same day", "2020-03-02")):
        film_of(name, on(day))
    film_of("later", on("2020-03-03"))
    film_of("undated", on(None))
    film_of("somebody else", Subject(patient="8", issuer="DICOM", study_date="2019-01-01"))
    film_of("of another visitor", on("2019-01-01"), owner="bob")
    earlier, others = worklist.cases.visits("ann", now)
    assert [case.name for case in earlier] == ["before", "long ago"]
    assert [case.name for case in others] == ["later", "same day", "undated"]
    undated = next(case for case in others if case.name == "undated")
    assert worklist.cases.visits("ann", undated)[0] == []


def test_a_number_from_a_file_name_is_not_a_dicom_patient_nor_one_of_another_hospital(worklist, film_of):
    header = RadiographMetadata(
        FileKind.DICOM, "", 8, 8, "MONOCHROME2", 8, patient_id="00000007", study_date="20200302"
    )
    dicom = film_of("dicom", subject_of(header, "x.dcm"))
    film_of("other hospital", subject_of(dataclasses.replace(header, patient_id_issuer="OTHER"), "y.dcm"))
    named = film_of("00000007_001.png", subject_of(None, "00000007_001.png"))
    twin = film_of("00000007_002.png", subject_of(None, "ward/00000007_002.png"))
    nobody = film_of("chest.png", subject_of(None, "chest.png"))
    assert worklist.cases.visits("ann", dicom) == ([], [])
    assert worklist.cases.visits("ann", named) == ([], [twin])
    assert worklist.cases.visits("ann", nobody) == ([], [])


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("20200229", "2020-02-29"),
        ("2020.02.29", "2020-02-29"),
        ("20210229", None),
        ("002", None),
        ("", None),
        (None, None),
        ("2020101", None),
    ],
)
def test_days_are_iso_and_valid_or_not_known(written, day):
    header = RadiographMetadata(FileKind.DICOM, "", 8, 8, "MONOCHROME2", 8, patient_id="7", study_date=written)
    assert subject_of(header, "x.dcm").study_date == day


def test_dicom_keeps_who_and_when_and_a_header_without_pixels(worklist, phantom_dicom, screen_all, receive):
    [case_id] = receive(worklist, "ann", [phantom_dicom])
    screen_all(worklist, "ann")
    subject = worklist.cases.get("ann", case_id).subject
    header = pydicom.dcmread(io.BytesIO(worklist.pictures.get("ann", case_id, HEADER)))
    assert (subject.patient, subject.study_date.replace("-", "")) == (header.PatientID, header.StudyDate)
    assert subject.age == int(header.PatientAge[:3])
    assert "PixelData" not in header


@pytest.mark.parametrize(
    ("name", "shown"),
    [("../../x.dcm", "x.dcm"), ("C:\\ward\\x.dcm", "x.dcm"), ("a\nb\0.png", "ab.png"), ("", "unnamed"), ("..", "..")],
)
def test_a_name_from_outside_is_only_ever_shown(worklist, name, shown):
    file = worklist.inbox.new_file()
    [case_id] = worklist.add("ann", worklist.inbox.unpack(file, name))
    assert worklist.cases.get("ann", case_id).name == shown
    assert worklist.queue.unfinished_sources() == {file}


def test_what_no_case_waits_for_is_swept_out(tiny_screener, tmp_path):
    with Worklist(tmp_path / "desk", tiny_screener, threads=1) as first:
        half_uploaded, waiting = first.inbox.new_file(), first.inbox.new_file()
        first.add("ann", first.inbox.unpack(waiting, "x.png"))
    with Worklist(tmp_path / "desk", tiny_screener, threads=1):
        assert waiting.exists()
        assert not half_uploaded.exists()
