"""The published NIH layout and the shared subset, against numbers counted in the files themselves."""

import csv
import gzip
import json

import numpy as np
import pytest
from PIL import Image

from cxr.datasets.dataset import open_dataset
from cxr.datasets.splits import leaking_patients
from cxr.errors import DatasetError

ENTRIES = """Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y]
00000001_000.png,Cardiomegaly|Emphysema,0,1,057Y,M,PA,2682,2749,0.143,0.143
00000002_000.png,No Finding,0,2,80,F,AP,2500,2048,0.171,0.171
00000003_000.png,Infiltration,0,3,412,F,PA,2500,2048,0.171,0.171
00000004_000.png,Pleural_Thickening,2,4,006M,M,PA,2500,2048,0.171,0.171
00000005_000.png,No Finding,0,5,63.0,M,PA,2500,2048,0.171,0.171
"""  # noqa: E501  (the header as published)
BOXES = """Image Index,Finding Label,Bbox [x,y,w,h],,,
00000003_000.png,Infiltrate,225.0,547.0,86.5,79.0,,,
"""


@pytest.fixture
def published(tmp_path):
    (tmp_path / "Data_Entry_2017.csv").write_text(ENTRIES)
    with gzip.open(tmp_path / "BBox_List_2017.csv.gz", "wt") as stream:
        stream.write(BOXES)
    (tmp_path / "train_val_list.txt").write_text("00000001_000.png\n00000002_000.png\n00000004_000.png\n")
    with gzip.open(tmp_path / "test_list.txt.gz", "wt") as stream:
        stream.write("00000003_000.png\n")
    return tmp_path


def test_the_label_table_alone(published):
    dataset = open_dataset(published)
    records = dataset.records.set_index("image")
    assert set(records["path"]) == {""}
    assert records.loc["00000001_000.png", ["Cardiomegaly", "Emphysema", "Mass"]].tolist() == [1, 1, 0]
    assert dataset.labels()[1].sum() == 0
    assert records.loc["00000003_000.png", "split"] == "test"
    assert records["split"].tolist() == ["train", "train", "test", "train", ""]


def test_ages_of_all_spellings(published):
    ages = open_dataset(published).records["age"]
    assert ages[:2].tolist() == [57, 80]
    assert np.isnan(ages[2])  # nobody is 412
    assert ages[3] == pytest.approx(0.5)
    assert ages[4] == 63


@pytest.mark.parametrize(
    ("cell", "message"),
    [("Infiltrashun", "unknown finding 'Infiltrashun'"), ("Mass|No Finding", "'No Finding' stands alone")],
)
def test_a_finding_that_nobody_knows_is_refused_not_taken_for_none(published, cell, message):
    (published / "Data_Entry_2017.csv").write_text(ENTRIES.replace(",Infiltration,", f",{cell},"))
    with pytest.raises(DatasetError, match=message):
        open_dataset(published)


def test_a_row_that_lacks_cells_is_refused(published):
    (published / "Data_Entry_2017.csv").write_text(ENTRIES.replace("00000002_000.png,No Finding,", "00000002_000.png,"))
    with pytest.raises(DatasetError, match="row 3 has 10 cells, the header has 11"):
        open_dataset(published)


def test_boxes_keep_their_pixels_and_get_the_label_of_the_table(published):
    box = open_dataset(published).boxes.iloc[0]
    assert box.tolist() == ["00000003_000.png", "Infiltration", 225.0, 547.0, 86.5, 79.0]


def test_a_box_without_numbers_is_refused(published):
    with gzip.open(published / "BBox_List_2017.csv.gz", "wt") as stream:
        stream.write(BOXES.replace("86.5", "wide"))
    with pytest.raises(DatasetError, match=r"no number.*'wide'"):
        open_dataset(published)


def test_pictures_are_found_in_numbered_folders(published):
    for folder, name in (("images", "00000001_000.png"), ("images_002/images", "00000003_000.png")):
        (published / folder).mkdir(parents=True)
        Image.new("L", (64, 64)).save(published / folder / name)
    there, missing = open_dataset(published).present()
    records = there.records
    assert records["image"].tolist() == ["00000001_000.png", "00000003_000.png"]
    assert len(missing) == 3, "what was not downloaded is told, not passed over"
    assert records["path"][1].endswith("images_002/images/00000003_000.png")


def test_a_subset_saved_by_a_spreadsheet_is_known(tmp_path):
    """Byte order mark, quotes and carriage returns, as spreadsheets write them."""
    names = ("file", "image_index", "patient_id", "followup", "age", "sex", "view", "labels", "split")
    row = ("a.png", "a.png", "7", "0", "63", "F", "PA", "Mass|Nodule", "test_dev")
    lines = [",".join(f'"{cell}"' for cell in cells) for cells in (names, row)]
    (tmp_path / "index.csv").write_bytes(b"\xef\xbb\xbf" + "\r\n".join(lines).encode())
    record = open_dataset(tmp_path).records.iloc[0]
    assert (record["image"], record["patient"], record["age"], record["Nodule"]) == ("a.png", "7", 63, 1)


def test_unknown_layouts_and_broken_tables(tmp_path):
    with pytest.raises(DatasetError, match="no such dataset"):
        open_dataset(tmp_path / "absent")
    with pytest.raises(DatasetError, match="no known dataset layout"):
        open_dataset(tmp_path)
    (tmp_path / "Data_Entry_2017.csv").write_text("Image Index,Labels\n")
    with pytest.raises(DatasetError, match="has no column 'Finding Labels'"):
        open_dataset(tmp_path)


def test_the_shared_subset(shared_data):
    dataset = open_dataset(shared_data / "nih")
    records = dataset.records.set_index("image")
    with (shared_data / "nih" / "index.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert len(dataset) == len(rows) == 3504
    assert (records["split"] == "test").sum() == sum(row["split"] == "test_dev" for row in rows)
    assert leaking_patients(dataset.records["patient"], dataset.records["split"]) == []
    assert (records["split"] == "val").sum() == pytest.approx(0.12 * 2441, rel=0.1)
    for row in rows[::97]:
        positive = {label for label in dataset.label_space if records.loc[row["image_index"], label] == 1}
        assert positive == set(row["labels"].split("|")) - {"No Finding"}


def test_the_shared_boxes_are_in_pixels_of_the_files(shared_data):
    dataset = open_dataset(shared_data / "nih")
    with (shared_data / "nih" / "index.csv").open() as stream:
        row = next(row for row in csv.DictReader(stream) if row["boxes_1024_xywh"])
    label, x, y, width, height = json.loads(row["boxes_1024_xywh"])[0]
    box = dataset.boxes[dataset.boxes["image"] == row["image_index"]].iloc[0]
    assert box["label"] == label
    assert [box["x"], box["y"], box["width"], box["height"]] == pytest.approx([x / 4, y / 4, width / 4, height / 4])
    assert len(dataset.boxes) == 494


def test_all_of_the_label_table(shared_data, tmp_path):
    for name in ("Data_Entry_2017_v2020.csv.gz", "BBox_List_2017.csv.gz", "train_val_list.txt.gz", "test_list.txt.gz"):
        (tmp_path / name).symlink_to(shared_data / "nih" / name)
    dataset = open_dataset(tmp_path)
    assert len(dataset) == 112_120
    assert (dataset.records["split"] == "test").sum() == 25_596
    assert len(dataset.boxes) == 984
    assert leaking_patients(dataset.records["patient"], dataset.records["split"]) == []
