"""Planted faults are found by kind, and real data have none."""

import io

import numpy as np
import pytest
from PIL import Image

from cxr.datasets.check import FaultKind, check_dataset
from cxr.datasets.dataset import open_dataset
from cxr.datasets.describe import describe, to_html


def chest_like(seed: int) -> np.ndarray:
    """A smooth picture with detail of its own, like every chest."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:160j, -1:1:160j]
    smooth = 120 + 80 * np.cos(3 * x) * np.cos(2 * y)
    coarse = np.kron(rng.normal(0, 12, (40, 40)), np.ones((4, 4)))
    return np.clip(smooth + coarse, 0, 255).astype(np.uint8)


def reencoded(pixels: np.ndarray) -> np.ndarray:
    """The same picture after a strong JPEG compression, smaller and darker."""
    stream = io.BytesIO()
    Image.fromarray(pixels).resize((128, 128)).save(stream, "JPEG", quality=60)
    return (np.asarray(Image.open(stream)) * 0.9).astype(np.uint8)


@pytest.fixture
def clean() -> dict:
    splits = ("train", "train", "val", "test", "test")
    return {
        f"{n}.png": (f"P{n}", "Mass" if n % 2 else "No Finding", split, chest_like(n)) for n, split in enumerate(splits)
    }


def kinds(faults) -> list[tuple[str, str]]:
    return [(fault.kind, fault.subject) for fault in faults]


def test_a_clean_dataset_has_no_faults(write_dataset, clean):
    assert check_dataset(open_dataset(write_dataset(clean))) == []


def test_the_same_patient_in_two_splits(write_dataset, clean):
    clean["4.png"] = ("P0", "No Finding", "test", chest_like(4))
    faults = check_dataset(open_dataset(write_dataset(clean)))
    assert kinds(faults) == [(FaultKind.PATIENT_LEAK, "P0")]
    assert faults[0].detail == "has images in test and train"


def test_the_same_picture_reencoded_under_another_patient(write_dataset, clean):
    clean["other.png"] = ("P9", "No Finding", "test", reencoded(chest_like(0)))
    faults = check_dataset(open_dataset(write_dataset(clean)))
    assert [fault.kind for fault in faults] == [FaultKind.IMAGE_LEAK]
    assert {"0.png", "other.png"} <= set(faults[0].detail.split()) | {faults[0].subject}


def test_the_same_picture_in_one_split_is_no_leak(write_dataset, clean):
    clean["other.png"] = ("P9", "No Finding", "train", reencoded(chest_like(0)))
    assert check_dataset(open_dataset(write_dataset(clean))) == []


def test_unreadable_missing_and_unlisted_images(write_dataset, clean):
    root = write_dataset(clean)
    (root / "images" / "0.png").write_bytes(b"broken")
    (root / "images" / "1.png").unlink()
    (root / "val_list.txt").write_text("")
    assert sorted(kinds(check_dataset(open_dataset(root)))) == [
        (FaultKind.MISSING_IMAGE, "1.png"),
        (FaultKind.NO_SPLIT, "2.png"),
        (FaultKind.UNREADABLE_IMAGE, "0.png"),
    ]


def test_boxes_that_contradict_labels_and_images(write_dataset, clean):
    root = write_dataset(clean)
    (root / "BBox_List.csv").write_text(
        "Image Index,Finding Label,Bbox [x,y,w,h],,,\n"
        "1.png,Mass,10,10,20,20,,,\n"
        "2.png,Mass,10,10,20,20,,,\n"
        "3.png,Mass,150,10,20,20,,,\n"
        "3.png,Tumour,1,1,2,2,,,\n"
        "x.png,Mass,1,1,2,2,,,\n"
    )
    assert sorted(kinds(check_dataset(open_dataset(root)))) == [
        (FaultKind.BOX_OUTSIDE, "3.png"),
        (FaultKind.BOX_WITHOUT_IMAGE, "x.png"),
        (FaultKind.BOX_WITHOUT_LABEL, "2.png"),
        (FaultKind.UNKNOWN_BOX_LABEL, "3.png"),
    ]


def test_tables_alone(write_dataset, clean):
    root = write_dataset(clean)
    (root / "images" / "0.png").unlink()
    assert check_dataset(open_dataset(root), images=False) == []


def test_the_shared_split_has_no_leaks(shared_data):
    dataset = open_dataset(shared_data / "nih")
    assert check_dataset(dataset, images=False) == []


def test_counts_agree_with_counting_by_hand(write_dataset):
    pixels = chest_like(0)
    labels = ("Mass|Nodule", "Mass", "Mass|Nodule|Edema", "No Finding", "Edema")
    root = write_dataset(
        {f"{n}.png": (f"P{n // 2}", joined, "train" if n < 4 else "test", pixels) for n, joined in enumerate(labels)}
    )
    found = describe(open_dataset(root))
    assert (found.images, found.patients, found.without_label) == (5, 3, 1)
    assert found.labels.loc["Mass", ["images", "alone", "with_others", "train", "test"]].tolist() == [3, 1, 2, 3, 0]
    assert found.together.loc["Mass", "Nodule"] == found.together.loc["Nodule", "Mass"] == 2
    assert found.groups["age"]["50-59"] == 5
    page = to_html(found)
    assert "<script" not in page
    assert "Pleural_Thickening" in page
