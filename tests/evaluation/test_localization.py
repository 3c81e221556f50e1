"""Hit rates and false boxes on hand-made boxes."""

import numpy as np
import pytest

from cxr.errors import CxrError
from cxr.evaluation.localization import BoxTable, evaluate_localization

TRUTH = BoxTable.of(
    [
        ("a", "Mass", [0, 0, 10, 10]),
        ("a", "Mass", [50, 50, 10, 10]),
        ("b", "Mass", [0, 0, 10, 10]),
        ("b", "Effusion", [0, 0, 10, 10]),
    ]
)
PATIENTS = {"a": "1", "b": "2"}


def evaluate(rows, truth: BoxTable = TRUTH, patients=PATIENTS):
    return evaluate_localization(truth, BoxTable.of(rows), patients, ("Effusion", "Mass", "Nodule"), resamples=100)


def test_perfect_boxes_hit_everything() -> None:
    rows = zip(TRUTH.images, TRUTH.labels, TRUTH.boxes.tolist(), strict=True)
    report = evaluate(rows)
    for table in (report.iou, report.iobb):
        assert all(estimate.value == 1 for rates in table.values() for estimate in rates.values())
    assert all(rates["mean"].value == 0 for rates in report.afp.values())
    assert report.n_boxes == {"Effusion": 1, "Mass": 3}
    assert list(report.iou[0.1]) == ["mean", "Effusion", "Mass"]


def test_a_half_box_is_a_hit_below_one_half_and_a_tiny_one_fools_iobb_only() -> None:
    report = evaluate([("a", "Mass", [0, 0, 10, 5]), ("b", "Effusion", [4, 4, 1, 1])])
    assert report.iou[0.4]["Mass"].value == pytest.approx(1 / 3)
    assert report.iou[0.5]["Mass"].value == 0  # the overlap must exceed the threshold
    assert (report.afp[0.4]["Mass"].value, report.afp[0.5]["Mass"].value) == (0, 1 / 2)  # what is no hit is false
    assert report.iobb[0.9]["Effusion"].value == 1
    assert report.iou[0.1]["Effusion"].value == 0
    assert report.iou[0.4]["mean"].value == pytest.approx(1 / 6)


def test_false_boxes_are_counted_per_image_with_the_finding() -> None:
    far = [200, 200, 5, 5]
    report = evaluate([("a", "Mass", far), ("a", "Mass", far), ("b", "Mass", [0, 0, 10, 10]), ("a", "Effusion", far)])
    assert report.afp[0.1]["Mass"].value == pytest.approx(2 / 2)  # two false boxes, two images with a mass
    assert report.afp[0.1]["Effusion"].value == 0  # image a has no effusion box: not judged


def test_nothing_predicted_hits_nothing() -> None:
    report = evaluate([])
    assert report.iou[0.1]["mean"].value == report.iobb[0.1]["mean"].value == report.afp[0.1]["mean"].value == 0


def test_the_interval_treats_a_patient_as_one() -> None:
    rng = np.random.default_rng(0)
    rows, hits, patients = [], [], {}
    for image in range(200):
        rows.append((f"i{image}", "Mass", [0, 0, 10, 10]))
        patients[f"i{image}"] = str(image // 10)
    chosen = rng.random(20) < 0.5  # all ten images of a patient are hit, or none
    hits = [row for i, row in enumerate(rows) if chosen[i // 10]]
    estimate = evaluate(hits, BoxTable.of(rows), patients).iou[0.5]["Mass"]
    assert estimate.value == pytest.approx(chosen.mean())
    assert estimate.high - estimate.low == pytest.approx(2 * 1.96 * chosen.std() / np.sqrt(20), rel=0.3)


def test_no_boxes_or_no_patient_is_refused() -> None:
    with pytest.raises(CxrError, match="no true boxes of Effusion, Mass, Nodule"):
        evaluate([], BoxTable.of([("a", "Hernia", [0, 0, 1, 1])]))
    with pytest.raises(CxrError, match="1 images with boxes have no patient"):
        evaluate([], patients={"a": "1"})
