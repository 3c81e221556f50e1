"""Reports and images become the ChestX-ray8 folder, and nothing is lost without a word."""

import csv
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageDraw, ImageFont

from cxr.datasets.builder import build_dataset
from cxr.datasets.dataset import Dataset, open_dataset
from cxr.datasets.pseudonyms import Pseudonyms
from cxr.datasets.schema import ENTRY_COLUMNS
from cxr.errors import DatasetError


def build(archive, **options):
    """The archive's pictures are noise, which the gate would not take for chests."""
    options = {"engine": "surface", "require_frontal": False} | options
    return build_dataset(archive / "images", archive / "reports.csv", archive / "out", **options)


@pytest.fixture
def named_film(make_dicom, dicom_bytes) -> bytes:
    """A chest radiograph whose header names its patient in every way."""
    pixels = np.random.default_rng(9).integers(0, 256, (80, 80), dtype=np.uint8)
    return dicom_bytes(
        make_dicom(
            pixels,
            bits=8,
            PatientName="QUILLON^ADA",
            PatientID="QUILLON-17",
            PatientBirthDate="20010301",
            InstitutionName="St. Zebra",
        )
    )


def refusals(archive) -> dict[str, str]:
    with (archive / "out" / "refused.csv").open(newline="") as stream:
        return {row["input"]: row["code"] for row in csv.DictReader(stream)}


def test_the_published_columns_and_labels(archive):
    summary = build(archive)
    assert (summary.images, summary.patients, summary.refused) == (8, 6, {})
    with (archive / "out" / "Data_Entry.csv").open(newline="") as stream:
        header, *rows = csv.reader(stream)
    assert tuple(header) == ENTRY_COLUMNS
    labels = {row[0]: row[1] for row in rows}
    assert labels["a1.png"] == "Effusion"
    assert labels["a2.png"] == "No Finding"
    assert labels["b1.png"] == "Cardiomegaly"
    assert labels["d1.png"] == labels["d2.png"] == "No Finding"
    assert labels["f1.png"] == "Pneumothorax"


def test_visits_are_numbered_by_date(archive):
    build(archive)
    records = open_dataset(archive / "out").records.set_index("image")
    assert records.loc["a2.png", "follow_up"] == 0
    assert records.loc["a1.png", "follow_up"] == 1


def test_opening_gives_mined_values_and_evidence(archive):
    build(archive)
    dataset = open_dataset(archive / "out")
    records = dataset.records.set_index("image")
    assert records.loc["b1.png", ["Cardiomegaly", "Pneumothorax", "Mass"]].tolist() == [1, 0, 0]
    assert records.loc["c1.png", "Atelectasis"] == -1
    assert (records.loc["a1.png", "age"], records.loc["a1.png", "sex"], records.loc["a1.png", "view"]) == (
        60,
        "M",
        "PA",
    )
    mentions = dataset.reports.set_index("image").loc["a1.png", "mentions"]
    effusion = next(mention for mention in mentions if mention["finding"] == "Effusion")
    assert (effusion["severity"], effusion["side"]) == ("severe", "left")
    assert "effusion" in effusion["sentence"]


def test_no_patient_is_on_two_sides_and_every_image_on_one(archive):
    build(archive)
    records = open_dataset(archive / "out").records
    assert (records.groupby("patient")["split"].nunique() == 1).all()
    assert set(records["split"]) == {"train", "val", "test"}


def test_the_same_seed_gives_the_same_split(archive):
    build(archive, seed=3)
    first = (archive / "out" / "train_list.txt").read_text()
    build(archive, seed=3)
    assert (archive / "out" / "train_list.txt").read_text() == first


def test_images_keep_their_pixels(archive):
    build(archive)
    for name in ("a1.png", "f1.png"):
        with Image.open(archive / "images" / name) as before, Image.open(archive / "out" / "images" / name) as after:
            assert np.array_equal(np.asarray(before), np.asarray(after))


def test_bad_inputs_are_left_out_by_name_and_the_rest_is_built(archive):
    (archive / "images" / "a1.png").write_text("no picture")
    (archive / "images" / "stray.png").write_bytes((archive / "images" / "b1.png").read_bytes())
    (archive / "images" / "e1.png").unlink()
    summary = build(archive)
    assert summary.images == 6
    assert refusals(archive) == {
        "a1.png": "unknown_format",
        "e1.png": "image_missing",
        "stray.png": "no_report",
    }
    listed = pd.read_csv(archive / "out" / "refused.csv")
    assert set(listed["code"]) == {"unknown_format", "image_missing", "no_report"}


def test_without_an_image_column_names_begin_with_the_id(archive):
    reports = pd.read_csv(archive / "reports.csv").drop(columns="image")
    reports["id"] = ["a1", "a2", "b1", "c1", "d", "e1", "f1"]
    reports.to_csv(archive / "reports.csv", index=False)
    for name in ("d1", "d2"):
        (archive / "images" / f"{name}.png").rename(archive / "images" / f"d_{name}.png")
    summary = build(archive)
    assert (summary.images, summary.refused) == (8, {})


def test_other_column_names_are_understood(archive):
    reports = pd.read_csv(archive / "reports.csv")
    names = {"image": "Image Index", "patient_id": "Subject.ID", "sex": "Patient Gender", "view": "ViewPosition"}
    reports.rename(columns=names).to_csv(archive / "reports.csv", index=False)
    build(archive)
    records = open_dataset(archive / "out").records.set_index("image")
    assert records.loc["b1.png", ["patient", "sex", "view"]].tolist() == ["P2", "F", "AP"]


def test_a_stopped_build_goes_on_where_it_was(archive, monkeypatch):
    monkeypatch.setattr("cxr.datasets.builder.CHUNK_REPORTS", 2)
    monkeypatch.setattr("cxr.datasets.builder.assemble", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build(archive)
    monkeypatch.undo()
    monkeypatch.setattr("cxr.datasets.builder.CHUNK_REPORTS", 2)
    monkeypatch.setattr("cxr.datasets.builder.process_chunk", lambda *_: pytest.fail("work was done twice"))
    assert build(archive).images == 8
    assert not (archive / "out" / ".build").exists()


def test_pseudonyms_replace_every_identifier(archive):
    build(archive, pseudonyms=Pseudonyms(b"sixteen bytes or more"))
    records = open_dataset(archive / "out").records
    assert not set(records["patient"]) & {f"P{number}" for number in range(1, 7)}
    assert not set(records["image"]) & {"a1.png", "b1.png"}
    assert records["patient"].nunique() == 6
    reports = pd.read_parquet(archive / "out" / "reports.parquet")
    assert not set(reports["report_id"]) & {"r1", "r2"}


def test_no_identifier_is_left_in_any_file(archive, named_film):
    """Names and numbers in the table, in texts, in file names and in DICOM headers."""
    reports = pd.read_csv(archive / "reports.csv", dtype=str, keep_default_na=False)
    reports.loc[0, "findings"] = "MRN: 4471123. Seen 03/14/2001 by Dr. Zebrafinch. Large left pleural effusion."
    reports.loc[0, "age"] = "97"
    reports.loc[[0, 1], "patient_id"] = "QUILLON-17"
    reports.loc[1, "image"] = "quillon_2.dcm"
    reports.loc[2, "image"] = "quillon_lost.png"
    reports.to_csv(archive / "reports.csv", index=False)
    (archive / "images" / "quillon_stray.png").write_bytes((archive / "images" / "b1.png").read_bytes())
    (archive / "images" / "a2.png").unlink()
    (archive / "images" / "quillon_2.dcm").write_bytes(named_film)
    build(archive, pseudonyms=Pseudonyms(b"sixteen bytes or more"))
    written = [path for path in (archive / "out").rglob("*") if path.is_file()]
    content = b"".join(path.name.encode() + path.read_bytes() for path in written).lower()
    content += str(pd.read_parquet(archive / "out" / "reports.parquet").to_dict("records")).lower().encode()
    for secret in (b"quillon", b"zebrafinch", b"4471123", b"03/14/2001", b"20010301", b"st. zebra"):
        assert secret not in content, secret
    records = open_dataset(archive / "out").records
    assert records["age"].max() == 90
    assert len(pd.read_csv(archive / "out" / "refused.csv")) >= 2


def test_a_stopped_build_leaves_no_identifier_behind(archive, monkeypatch):
    reports = pd.read_csv(archive / "reports.csv", dtype=str, keep_default_na=False)
    reports["study_date"] = "1987-03-14"
    reports["patient_id"] = "QUILLON-" + reports.index.astype(str)
    reports["id"] = "quillon-report-" + reports.index.astype(str)
    reports.loc[1, "image"] = "quillon_lost.png"
    reports.loc[2, "image"] = "quillon_2.png"
    reports.to_csv(archive / "reports.csv", index=False)
    (archive / "images" / "b1.png").rename(archive / "images" / "quillon_2.png")
    (archive / "images" / "f1.png").write_text("no picture")
    monkeypatch.setattr("cxr.datasets.builder.assemble", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        build(archive, pseudonyms=Pseudonyms(b"sixteen bytes or more"))
    left = [path for path in (archive / "out").rglob("*") if path.is_file()]
    assert any(path.parent.name == ".build" for path in left)
    content = b"".join(path.name.encode() + path.read_bytes() for path in left).lower()
    for secret in (b"quillon", b"1987-03-14", b"f1.png", b"a1.png"):
        assert secret not in content, secret


def test_a_twin_of_a_used_image_is_no_stray(archive):
    """The same picture under another suffix belongs to the report that names the first."""
    with Image.open(archive / "images" / "b1.png") as picture:
        picture.save(archive / "images" / "b1.jpg")
    for pseudonyms in (None, Pseudonyms(b"sixteen bytes or more")):
        assert build(archive, pseudonyms=pseudonyms).refused == {}


def test_evidence_points_into_the_masked_text(archive):
    reports = pd.read_csv(archive / "reports.csv", dtype=str, keep_default_na=False)
    reports.loc[0, "findings"] = "Seen 03/14/2001 by Dr. Zebrafinch. There is a large left pleural effusion."
    reports.to_csv(archive / "reports.csv", index=False)
    build(archive, pseudonyms=Pseudonyms(b"sixteen bytes or more"))
    for row in pd.read_parquet(archive / "out" / "reports.parquet").to_dict("records"):
        for mention in row["mentions"]:
            assert row["text"][mention["start"] : mention["end"]] == mention["text"]


def test_pictures_with_text_in_their_pixels_are_left_out_where_identifiers_must_go(archive):
    picture = Image.new("L", (400, 300), 60)
    for row, text in enumerate(("DOE, JANE 1961-04-12", "MRN 00451239 F 63Y")):
        ImageDraw.Draw(picture).text((10, 10 + 30 * row), text, fill=255, font=ImageFont.load_default(20))
    picture.save(archive / "images" / "b1.png")
    assert build(archive).images == 8
    summary = build(archive, pseudonyms=Pseudonyms(b"sixteen bytes or more"))
    assert summary.images == 7
    assert summary.refused == {"burnt_in_text": 1}


def test_pseudonyms_depend_on_the_salt_alone():
    first, second = Pseudonyms(b"a" * 16), Pseudonyms(b"b" * 16)
    assert first.of("P1", "patient") == Pseudonyms(b"a" * 16).of("P1", "patient")
    assert first.of("P1", "patient") != second.of("P1", "patient")
    assert first.of("P1", "patient") != first.of("P1", "image")
    with pytest.raises(DatasetError, match="at least 16"):
        Pseudonyms(b"short")


def test_picture_files_lose_their_comments(archive):
    exif = Image.Exif()
    exif[0x010E] = "Jane Doe"
    with Image.open(archive / "images" / "b1.png") as picture:
        picture.save(archive / "images" / "b1.png", exif=exif)
    assert b"Jane" in (archive / "images" / "b1.png").read_bytes()
    build(archive)
    assert b"Jane" not in (archive / "out" / "images" / "b1.png").read_bytes()


def test_foreign_folders_are_not_overwritten(archive):
    (archive / "out").mkdir()
    (archive / "out" / "thesis.txt").write_text("years of work")
    with pytest.raises(DatasetError, match="choose another folder"):
        build(archive)
    with pytest.raises(DatasetError, match="stay untouched"):
        build_dataset(archive / "images", archive / "reports.csv", archive, engine="surface")


def test_nothing_usable_is_an_error(archive):
    for path in (archive / "images").iterdir():
        path.write_text("no picture")
    with pytest.raises(DatasetError, match=r"refused\.csv"):
        build(archive)


def test_without_its_reports_a_blank_label_is_not_known(phantom_dataset: Dataset, tmp_path: Path):
    entries = (phantom_dataset.root / "Data_Entry.csv").read_text().splitlines()
    cells = entries[1].split(",")
    entries[1] = ",".join((cells[0], "", *cells[2:]))
    for path in phantom_dataset.root.glob("*_list.txt"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "Data_Entry.csv").write_text("\n".join(entries) + "\n")
    labels = open_dataset(tmp_path).labels()
    assert np.isnan(labels[0]).all()
    assert not np.isnan(labels[1:][[line.split(",")[1] != "" for line in entries[2:]]]).any()
