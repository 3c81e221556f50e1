"""Kaggle's packings, a partial download, and CheXpert below its parent folder."""

import numpy as np
import pytest

from cxr.datasets.dataset import LAYOUTS, open_dataset
from cxr.errors import DatasetError


def test_rsna(tmp_path):
    rows = [f"a{n},,,,,0" for n in range(8)] + ["b,10,20,30,40,1", "b,50,60,7,8,1"]
    (tmp_path / "stage_2_train_labels.csv").write_text("\n".join(("patientId,x,y,width,height,Target", *rows)) + "\n")
    dataset = open_dataset(tmp_path)
    assert (dataset.name, len(dataset), dataset.label_space) == ("RSNA pneumonia", 9, ("Pneumonia",))
    assert dataset.records.set_index("image").loc[["a0", "b"], "Pneumonia"].tolist() == [0, 1]
    assert dataset.boxes[["image", "x", "height"]].to_numpy().tolist() == [["b", 10, 40], ["b", 50, 8]]
    assert dataset.records.set_index("image").loc["b", "path"].endswith("stage_2_train_images/b.dcm")


def test_vinbigdata_takes_what_most_readers_say(tmp_path):
    header = "image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max"
    rows = [
        "a,Cardiomegaly,3,R1,10,20,110,220",
        "a,Cardiomegaly,3,R2,12,20,110,220",
        "a,Pneumothorax,12,R3,1,2,3,4",
        *(f"n{n},No finding,14,R{r},,,," for n in range(6) for r in (1, 2, 3)),
    ]
    (tmp_path / "train.csv").write_text("\n".join((header, *rows)) + "\n")
    dataset = open_dataset(tmp_path)
    film = dataset.records.set_index("image").loc["a"]
    assert (dataset.name, len(dataset)) == ("VinBigData", 7)
    assert (film["Cardiomegaly"], film["Pneumothorax"], film["Effusion"]) == (1, 0, 0)
    assert "Mass" not in dataset.label_space
    assert dataset.boxes.iloc[0][["width", "height"]].tolist() == [100, 200]


def test_the_nih_sample(tmp_path):
    header = "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position"
    rows = [f"{n:08d}_000.png,Effusion|Mass,0,{n},060Y,M,PA" for n in range(8)]
    (tmp_path / "sample_labels.csv").write_text("\n".join((header, *rows)) + "\n")
    dataset = open_dataset(tmp_path)
    assert (dataset.name, len(dataset)) == ("NIH sample", 8)
    assert dataset.records["Mass"].tolist() == [1] * 8
    assert dataset.records["age"].tolist() == [60] * 8


def test_chexpert_below_its_parent_folder(tmp_path):
    from cxr.datasets.published import CHEXPERT_NAMES

    release = tmp_path / "CheXpert-v1.0-small"
    release.mkdir()
    header = ("Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *CHEXPERT_NAMES)
    path = "CheXpert-v1.0-small/train/patient00001/study1/view1_frontal.jpg"
    row = (path, "Male", "60", "Frontal", "PA", *("1.0" for _ in CHEXPERT_NAMES))
    (release / "train.csv").write_text("\n".join((",".join(header), ",".join(row))) + "\n")
    dataset = open_dataset(tmp_path)
    assert dataset.records["path"].tolist() == [str(release / "train/patient00001/study1/view1_frontal.jpg")]


def test_a_partial_download_is_told_and_read(write_dataset):
    pixels = np.zeros((40, 40), np.uint8)
    root = write_dataset({f"{n}.png": (f"P{n}", "Mass", "train", pixels) for n in range(4)})
    (root / "images" / "2.png").unlink()
    there, missing = open_dataset(root).present()
    assert (list(there.records["image"]), missing) == (["0.png", "1.png", "3.png"], ["2.png"])


def test_an_unknown_folder_is_told_what_is_known(tmp_path):
    with pytest.raises(DatasetError, match=r"cxr dataset layouts.*RSNA"):
        open_dataset(tmp_path)
    assert all(layout.tree for layout in LAYOUTS.values())
