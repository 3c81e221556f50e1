"""Archives as hospitals export them: foreign columns, addenda, equal names, several identities of one patient."""

import csv
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydicom.uid import generate_uid

from cxr.datasets.builder import build_dataset
from cxr.datasets.dataset import open_dataset
from cxr.datasets.image_index import ImageIndex
from cxr.datasets.linking import Link, identities
from cxr.datasets.pseudonyms import Pseudonyms
from cxr.datasets.report_rows import ReportTable, TableOptions
from cxr.errors import DatasetError

CLEAR, EFFUSION = "The lungs are clear.", "There is a large left pleural effusion."


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (80, 80), dtype=np.uint8)


@pytest.fixture
def build(tmp_path):
    """Builds tmp_path/images and tmp_path/reports.csv; noise is no chest."""

    def run(**options):
        options = {"engine": "surface", "require_frontal": False} | options
        return build_dataset(tmp_path / "images", tmp_path / "reports.csv", tmp_path / "out", **options)

    return run


@pytest.fixture
def film(tmp_path, make_dicom, dicom_bytes):
    """Writes a DICOM film of a patient at a place below images/."""

    def write(place: str, seed: int, **header) -> None:
        path = tmp_path / "images" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(dicom_bytes(make_dicom(noise(seed), bits=8, **header)))

    return write


@pytest.fixture
def table(tmp_path):
    def write(*lines: str, encoding: str = "utf-8") -> None:
        (tmp_path / "reports.csv").write_text("\n".join(lines) + "\n", encoding=encoding)

    return write


@pytest.fixture
def pictures(tmp_path):
    def write(*names: str) -> None:
        for seed, name in enumerate(names):
            path = tmp_path / "images" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(noise(seed)).save(path)

    return write


def records(tmp_path) -> pd.DataFrame:
    return open_dataset(tmp_path / "out").records.set_index("image")


def reasons(tmp_path) -> dict[str, str]:
    with (tmp_path / "out" / "refused.csv").open(newline="") as stream:
        return {row["input"]: row["code"] for row in csv.DictReader(stream)}


def test_a_german_export_with_equal_file_names(tmp_path, build, film, table):
    """Semicolons, latin-1, foreign columns, DD.MM.YYYY, films called IM000001 and joined by accession number."""
    lines = ["PatNr;AccessionNo;Datum;Geschlecht;Befund"]
    for number in range(8):
        patient, accession = f"{number // 2:07d}", f"2021/08-{number}"
        film(f"EXAM{number}/IM000001", number, PatientID=patient, AccessionNumber=accession)
        lines.append(f"{patient};{accession};{number + 10}.03.2021;{'mw'[number % 2]};{EFFUSION} Für Müller.")
    table(*lines, encoding="latin-1")
    columns = {"patient": "PatNr", "accession": "AccessionNo", "date": "Datum", "text": "Befund"}
    summary = build(table=TableOptions(columns, encoding="latin-1"))
    assert (summary.images, summary.patients, summary.refused) == (8, 4, {})
    assert any("--link accession" in note for note in summary.notes)
    assert any("%d.%m.%Y" in note for note in summary.notes)
    found = records(tmp_path)
    assert (found.groupby("patient")["split"].nunique() == 1).all()
    assert sorted(found["follow_up"]) == [0] * 4 + [1] * 4
    assert set(found["sex"]) == {"M", "F"}
    assert (found["Effusion"] == 1).all()


def test_addenda_are_put_below_their_report_in_order_of_date(tmp_path, build, pictures, table):
    pictures("r1.png", "r2.png", "r3.png")
    table(
        "id,patient_id,study_date,text",
        "r1,P1,2021-03-10 09:00,Lungs are clear.",
        "r1,P1,2021-03-12 09:00,There is cardiomegaly.",
        f"r2,P2,2021-03-10,{CLEAR}",
        f"r3,P3,2021-03-10,{CLEAR}",
        "r1,P1,2021-03-11 09:00,There is a small left pleural effusion.",
    )
    summary = build()
    assert any(note.startswith("2 addenda") for note in summary.notes)
    report = pd.read_parquet(tmp_path / "out" / "reports.parquet").set_index("report_id").loc["r1"]
    assert re.sub(r"\s+", " ", report["text"]) == (
        "Lungs are clear. ADDENDUM: There is a small left pleural effusion. ADDENDUM: There is cardiomegaly."
    )
    assert records(tmp_path).loc["r1.png", ["Effusion", "Cardiomegaly"]].tolist() == [1, 1]


def test_an_accession_number_on_two_adjacent_rows_builds_with_many_workers(tmp_path, build, film, table):
    lines = ["accession,patient_id,text"]
    for number in range(6):
        film(f"S{number}/IM1", number, PatientID=f"P{number}", AccessionNumber=f"A{number}")
        lines += [f"A{number},P{number},{CLEAR}", f"A{number},P{number},Addendum: {EFFUSION}"]
    table(*lines)
    summary = build(workers=8)
    assert (summary.images, summary.refused) == (6, {})
    assert (records(tmp_path)["Effusion"] == 1).all()


def test_an_addendum_that_cannot_be_read_leaves_its_report_unlabeled(tmp_path, pictures, table, build):
    pictures("r1.png", "r2.png", "r3.png", "r4.png")
    table("id,patient_id,text", *(f"r{n},P{n},{CLEAR}" for n in (1, 2, 3, 4)))
    with (tmp_path / "reports.csv").open("ab") as stream:
        stream.write(b"r1,P1,Ein Nachtrag \xfc\xff.\n")
    build()
    assert reasons(tmp_path) == {"r1": "undecodable"}
    assert records(tmp_path).loc["r1.png", "Effusion"] != 0


def test_rows_that_number_patients_are_reports_of_their_own(tmp_path, build, pictures, table):
    pictures("a.png", "b.png", "c.png", "d.png")
    table(
        "id,image,patient_id,study_date,text",
        f"P1,a.png,P1,2021-01-01,{CLEAR}",
        f"P1,b.png,P1,2022-01-01,{EFFUSION}",
        f"P2,c.png,P2,2022-01-01,{CLEAR}",
        f"P3,d.png,P3,2022-01-01,{CLEAR}",
    )
    build()
    assert records(tmp_path).loc[["a.png", "b.png"], "Effusion"].tolist() == [0, 1]


def test_no_patient_is_an_error_and_can_be_insisted_on(build, pictures, table):
    pictures(*(f"r{number}.png" for number in range(6)))
    table("id,PatNr,text", *(f"r{number},P{number // 2},{CLEAR}" for number in range(6)))
    with pytest.raises(DatasetError, match=r"--columns patient=NAME.*--patient-is-study"):
        build()
    assert build(patient_is_study=True).patients == 6
    assert build(table=TableOptions({"patient": "PatNr"})).patients == 3


def test_headers_tell_the_patient_and_join_what_the_table_takes_apart(tmp_path, build, film, table):
    for number in range(12):
        film(f"r{number}.dcm", number, PatientID=f"MRN{number // 2}")
    table("id,text", *(f"r{number},{CLEAR}" for number in range(12)))
    assert build().patients == 6
    # The study number taken for the patient: the headers know better.
    table("id,patient_id,text", *(f"r{number},study{number},{CLEAR}" for number in range(12)))
    summary = build()
    assert summary.patients == 6
    assert any(note.startswith("6 patients of the table") for note in summary.notes)
    reports = pd.read_parquet(tmp_path / "out" / "reports.parquet")
    assert dict(zip(reports["image"], reports["patient"], strict=True)) == records(tmp_path)["patient"].to_dict()


def test_a_placeholder_in_the_headers_joins_nobody():
    assert identities([("P1", ""), ("P2", "X"), ("", "X"), ("", "")]) == (["P1", "P2", "P2", ""], 0)
    everybody = [(f"P{number}", "REMOVED-7") for number in range(30)]
    assert identities(everybody) == ([name for name, _ in everybody], 0)
    assert identities([("b", "X"), ("a", "X"), ("a", "Y"), ("", "Y")]) == (["a"] * 4, 1)


def test_mimic_folders_are_the_patients(tmp_path, build, pictures):
    reports = tmp_path / "reports.csv"
    for number in range(30):
        subject, study = f"p{10000000 + number // 2}", f"s{50000000 + number}"
        place = reports / subject[:3] / subject
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{study}.txt").write_text(f"FINDINGS: {CLEAR}")
        pictures(f"{subject[:3]}/{subject}/{study}/film.png")
        Image.fromarray(noise(number)).save(tmp_path / "images" / subject[:3] / subject / study / "film.png")
    summary = build()
    assert (summary.images, summary.patients) == (30, 15)
    assert (records(tmp_path).groupby("patient")["split"].nunique() == 1).all()


def test_a_name_that_many_files_have_is_refused_not_guessed(tmp_path, build, pictures, table):
    pictures("a/IM1.png", "b/IM1.png", "c/x.png", "d/y.png", "e/z.png")
    table(
        "id,image,patient_id,text",
        f"1,IM1.png,P1,{CLEAR}",
        f"2,a/IM1.png,P2,{CLEAR}",
        *(f"{n},{n}.png,P{n},{CLEAR}" for n in "xyz"),
    )
    summary = build()
    assert summary.images == 4
    assert reasons(tmp_path) == {"IM1.png": "image_ambiguous", "b/IM1.png": "no_report"}


def test_one_accession_number_of_two_patients_links_only_its_own(tmp_path, build, film, table):
    for number in range(8):
        film(f"{number}.dcm", number, PatientID=f"P{number}", AccessionNumber=f"A{min(number, 6)}")
    table("accession,patient_id,text", *(f"A{min(number, 6)},P{number},{CLEAR}" for number in range(8)))
    summary = build(link=Link.ACCESSION)
    assert (summary.images, summary.patients, summary.refused) == (8, 8, {})


def test_folders_and_headers_of_study_uids(tmp_path, build, film, table):
    uids = [generate_uid(None) for _ in range(6)]
    for number, uid in enumerate(uids):
        film(f"{uid}/IM1", number, PatientID=f"P{number}", StudyInstanceUID=uid)
        film(f"{uid}/IM2", number + 50, PatientID=f"P{number}", StudyInstanceUID=uid)
    table("study_uid,patient_id,text", *(f"{uid},P{number},{CLEAR}" for number, uid in enumerate(uids)))
    summary = build(link=Link.STUDY)
    assert (summary.images, summary.patients, summary.refused) == (12, 6, {})
    assert build().images == 12


@pytest.mark.parametrize(
    ("cells", "days"),
    [
        (["13/04/2001", "03/04/2001"], ["2001-04-13", "2001-04-03"]),
        (["04/13/2001", "03/04/2001"], ["2001-04-13", "2001-03-04"]),
        (["31.12.2001", "1.2.2001 08:15"], ["2001-12-31", "2001-02-01T08:15:00"]),
        (["20011231", "2001-12-30T23:59:59"], ["2001-12-31", "2001-12-30T23:59:59"]),
        (["12-Mar-2001", "", "3/25/01 1:05 PM"], ["2001-03-12", "", "2001-03-25T13:05:00"]),
    ],
)
def test_dates_are_read_in_the_notation_that_all_of_them_fit(table, tmp_path, cells, days):
    table("id,study_date,text", *(f"{number},{cell},{CLEAR}" for number, cell in enumerate(cells)))
    with ReportTable(tmp_path / "reports.csv") as reports:
        assert [row.date for row in reports.rows()] == days


@pytest.mark.parametrize("cells", [["03/04/2001", "05/06/2001"], ["13/04/2001", "04/13/2001"], ["yesterday", "1"]])
def test_dates_that_can_mean_two_days_are_an_error(table, tmp_path, cells):
    table("id,study_date,text", *(f"{number},{cell},{CLEAR}" for number, cell in enumerate(cells)))
    with pytest.raises(DatasetError, match="date"):
        ReportTable(tmp_path / "reports.csv")


def test_a_declared_notation_decides(table, tmp_path):
    table("id,study_date,text", f"1,03/04/2001,{CLEAR}")
    with ReportTable(tmp_path / "reports.csv", TableOptions(date_format="%d/%m/%Y")) as reports:
        assert [row.date for row in reports.rows()] == ["2001-04-03"]


@pytest.mark.parametrize(
    ("cells", "sexes"),
    [
        (["H", "M", "M"], ["M", "F", "F"]),  # hombre, mujer
        (["H", "F"], ["M", "F"]),
        (["männlich", "weiblich", "divers"], ["M", "F", ""]),
        (["мужской", "Ж"], ["M", "F"]),
        (["M", "K"], ["M", "F"]),
        (["Male", "female", "U"], ["M", "F", ""]),
        (["1", "2"], ["", ""]),
    ],
)
def test_sexes_in_several_languages(table, tmp_path, cells, sexes):
    table("id,sex,text", *(f"{number},{cell},{CLEAR}" for number, cell in enumerate(cells)))
    with ReportTable(tmp_path / "reports.csv") as reports:
        assert [row.sex for row in reports.rows()] == sexes
        assert any("not understood" in note for note in reports.closing_notes()) == ("1" in cells)


def test_a_column_that_is_not_there_is_named_with_the_likely_one(table, tmp_path):
    table("AccessionNo,PatNr,Befund", f"1,2,{CLEAR}")
    with pytest.raises(DatasetError, match="no column 'PatNo'; perhaps 'PatNr'"):
        ReportTable(tmp_path / "reports.csv", TableOptions({"patient": "PatNo", "text": "Befund"}))
    with pytest.raises(DatasetError, match="no such part"):
        ReportTable(tmp_path / "reports.csv", TableOptions({"patiant": "PatNr"}))


def test_excel_tables_are_read_with_their_dates(tmp_path):
    from datetime import datetime

    from openpyxl import Workbook

    book = Workbook()
    for row in (("id", "patient_id", "study_date", "text"), ("1", 17, datetime(2021, 3, 4, 5, 6), CLEAR)):
        book.active.append(row)
    book.save(tmp_path / "reports.xlsx")
    with ReportTable(tmp_path / "reports.xlsx") as reports:
        [row] = reports.rows()
    assert (row.patient, row.date) == ("17", "2021-03-04T05:06:00")


def test_every_stored_name_is_its_own_and_fits_a_line(tmp_path):
    names = [
        "a/b_c/IM1.png",
        "a_b/c/IM1.png",
        "x/one\ntwo.png",
        "y/" + "n" * 200 + ".png",
        "q/IM1.png",
        "a_b_c_IM1.png",
    ]
    for name in names:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    index = ImageIndex(tmp_path)
    stems = [index.stem(file) for file in index.files]
    assert len(set(stems)) == len(names)
    assert all(len(stem) <= 200 and "\n" not in stem for stem in stems)


def test_dates_move_by_the_same_days_for_one_patient():
    pseudonyms = Pseudonyms(b"sixteen bytes or more")
    days = pseudonyms.days("P1")
    assert -365 <= days <= -1
    first, second = (pd.Timestamp(pseudonyms.moved(day, "P1")) for day in ("2020-02-28", "2020-03-01T10:00:00"))
    assert (second.normalize() - first).days == 2
    assert len({pseudonyms.days(f"P{number}") for number in range(50)}) > 25
