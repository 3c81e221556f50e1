"""Readers of published layouts, on folders written as their release notes describe them."""

import numpy as np
import pandas as pd
import pytest

from cxr.datasets.dataset import open_dataset
from cxr.datasets.published import CHEXPERT_NAMES
from cxr.errors import DatasetError


@pytest.fixture
def chexpert(tmp_path):
    names = list(CHEXPERT_NAMES)
    rows = []
    for patient in range(1, 41):
        for view in ("frontal", "lateral"):
            path = f"CheXpert-v1.0-small/train/patient{patient:05d}/study1/view1_{view}.jpg"
            values = ["1.0", "-1.0", "0.0", *[""] * (len(names) - 3)]
            rows.append([path, "Female", "68", view.capitalize(), "AP" if view == "frontal" else "", *values])
    header = ["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *names]
    pd.DataFrame(rows, columns=header).to_csv(tmp_path / "train.csv", index=False)
    expert = [[row[0].replace("train", "valid").replace("patient000", "patient640"), *row[1:]] for row in rows[:4]]
    pd.DataFrame(expert, columns=header).to_csv(tmp_path / "valid.csv", index=False)
    return tmp_path


def test_chexpert(chexpert):
    dataset = open_dataset(chexpert)
    assert len(dataset) == 42
    assert dataset.records["split"].value_counts().to_dict() == {"train": 36, "val": 4, "test": 2}
    first = dataset.records.iloc[0]
    assert first["path"] == str(chexpert / "train/patient00001/study1/view1_frontal.jpg")
    assert (first["patient"], first["sex"], first["age"], first["view"]) == ("patient00001", "F", 68, "AP")
    assert first[["Atelectasis", "Cardiomegaly", "Consolidation", "Edema"]].tolist() == [1, -1, 0, 0]
    assert "Mass" not in dataset.label_space


@pytest.fixture
def mimic(tmp_path):
    pd.DataFrame(
        [
            ["10000032", "50414267", "1.0", *[""] * 6],
            ["10000032", "53189527", "", *[""] * 6],
            ["10000764", "57375967", "-1.0", *[""] * 6],
        ],
        columns=["subject_id", "study_id", *CHEXPERT_NAMES],
    ).to_csv(tmp_path / "mimic-cxr-2.0.0-chexpert.csv.gz", index=False)
    pd.DataFrame(
        [
            ["a", "50414267", "10000032", "train"],
            ["b", "50414267", "10000032", "train"],
            ["c", "53189527", "10000032", "train"],
            ["d", "57375967", "10000764", "validate"],
        ],
        columns=["dicom_id", "study_id", "subject_id", "split"],
    ).to_csv(tmp_path / "mimic-cxr-2.0.0-split.csv.gz", index=False)
    pd.DataFrame(
        [["a", "PA", "21800506"], ["b", "LATERAL", "21800506"], ["c", "AP", "21800626"], ["d", "AP", "21751110"]],
        columns=["dicom_id", "ViewPosition", "StudyDate"],
    ).to_csv(tmp_path / "mimic-cxr-2.0.0-metadata.csv.gz", index=False)
    return tmp_path


def test_mimic_cxr(mimic):
    records = open_dataset(mimic).records.set_index("image")
    assert sorted(records.index) == ["a", "c", "d"]
    assert records.loc["a", "path"] == str(mimic / "files/p10/p10000032/s50414267/a.jpg")
    assert records.loc[["a", "c"], "follow_up"].tolist() == [0, 1]
    assert records.loc[["a", "c", "d"], "Atelectasis"].tolist() == [1, 0, -1]
    assert records.loc["d", "split"] == "val"


def test_mimic_cxr_without_a_table(mimic):
    (mimic / "mimic-cxr-2.0.0-metadata.csv.gz").unlink()
    with pytest.raises(DatasetError, match=r"metadata\.csv is missing"):
        open_dataset(mimic)


def test_padchest(tmp_path):
    columns = [
        "ImageID",
        "ImageDir",
        "StudyDate_DICOM",
        "PatientID",
        "PatientBirth",
        "PatientSex_DICOM",
        "Projection",
        "Labels",
    ]
    rows = [
        [f"{n}.png", "0", "20140915", f"p{n}", "1930", "F", "PA", "['pleural effusion', ' cardiomegaly', 'scoliosis']"]
        for n in range(8)
    ]
    rows += [["x.png", "0", "20150101", "p0", "1930", "F", "AP_horizontal", "['normal']"]]
    rows += [
        ["y.png", "0", "20150101", "p1", "1930", "F", "L", "['normal']"],
        ["z.png", "0", "20150101", "p2", "1930", "M", "PA", "['unknown']"],
    ]
    pd.DataFrame(rows, columns=columns).to_csv(
        tmp_path / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv", index=False
    )
    dataset = open_dataset(tmp_path)
    records = dataset.records.set_index("image")
    assert "y.png" not in records.index
    assert records.loc["0.png", ["Effusion", "Cardiomegaly", "Mass"]].tolist() == [1, 1, 0]
    assert records.loc["x.png", ["view", "follow_up", "age"]].tolist() == ["AP", 1, 85]
    assert np.isnan(records.loc["z.png", "Effusion"])
    assert (records.groupby("patient")["split"].nunique() == 1).all()


def test_vindr_cxr(tmp_path):
    votes = [
        ["i1", reader, *values] for reader, values in zip(("R1", "R2", "R3"), ((1, 0), (1, 1), (0, 0)), strict=True)
    ]
    pd.DataFrame(votes, columns=["image_id", "rad_id", "Cardiomegaly", "Pleural effusion"]).to_csv(
        tmp_path / "image_labels_train.csv", index=False
    )
    pd.DataFrame([["i2", 0, 1]], columns=["image_id", "Cardiomegaly", "Pleural effusion"]).to_csv(
        tmp_path / "image_labels_test.csv", index=False
    )
    marks = [["i1", "Cardiomegaly", "R1", 691.0, 1375.0, 1653.0, 1831.0], ["i1", "No finding", "R3", "", "", "", ""]]
    pd.DataFrame(marks, columns=["image_id", "class_name", "rad_id", "x_min", "y_min", "x_max", "y_max"]).to_csv(
        tmp_path / "annotations_train.csv", index=False
    )
    dataset = open_dataset(tmp_path)
    records = dataset.records.set_index("image")
    assert records.loc["i1", ["Cardiomegaly", "Effusion"]].tolist() == [1, 0]
    assert records.loc["i2", "split"] == "test"
    assert dataset.boxes.iloc[0].tolist() == ["i1", "Cardiomegaly", 691.0, 1375.0, 962.0, 456.0]
