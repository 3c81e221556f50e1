"""Floors look at nobody's film, and at no patient whom they are judged on."""

import gzip

import numpy as np
import pandas as pd
import pytest

from benchmarks.classification.floors import blind_boxes, header_scores
from cxr.evaluation.localization import BoxTable
from cxr.evaluation.ranking import roc_auc

COMMON, RARE = [10.0, 10.0, 50.0, 50.0], [200.0, 200.0, 20.0, 20.0]


def table(boxes) -> tuple[BoxTable, dict[str, str]]:
    rows = [(f"{number}.png", "Mass", box) for number, box in enumerate(boxes)]
    return BoxTable.of(rows), {image: f"patient {image}" for image, _, _ in rows}


def test_the_first_box_is_where_most_are_and_the_second_where_most_of_the_rest_are():
    truth, patients = table([COMMON] * 20 + [RARE] * 10)
    one, two = (blind_boxes(truth, patients, count).by_image_and_label() for count in (1, 2))
    assert all(boxes.tolist() == [COMMON] for boxes in one.values())
    assert all(boxes.tolist() == [COMMON, RARE] for boxes in two.values())


def test_every_truly_boxed_film_is_drawn_on_and_no_other():
    truth, patients = table([COMMON] * 7 + [RARE] * 5)
    drawn = blind_boxes(truth, patients, 3)
    assert set(zip(drawn.images, drawn.labels, strict=True)) == set(zip(truth.images, truth.labels, strict=True))


def test_no_patient_gets_a_box_of_their_own():
    far_apart = [[300.0 * number, 0.0, 50.0, 50.0] for number in range(15)]
    truth, patients = table(far_apart)
    own = truth.by_image_and_label()
    for key, boxes in blind_boxes(truth, patients, 3).by_image_and_label().items():
        assert own[key][0].tolist() not in boxes.tolist()


def test_all_films_of_a_patient_are_held_out_together():
    truth, _ = table([COMMON] * 6 + [RARE])
    patients = {image: "one" if number < 6 else "other" for number, image in enumerate(truth.images)}
    drawn = blind_boxes(truth, patients, 1).by_image_and_label()
    assert drawn["6.png", "Mass"].tolist() == [COMMON]
    assert all(drawn[f"{number}.png", "Mass"].tolist() == [RARE] for number in range(6))


@pytest.fixture
def nih(tmp_path):
    """2,000 patients whose sex alone says who has a mass; the last 200 are not in the training list."""
    rng = np.random.default_rng(0)
    sex = rng.choice(["F", "M"], 2000)
    pd.DataFrame(
        {
            "Image Index": [f"{number}.png" for number in range(2000)],
            "Finding Labels": np.where(sex == "M", "Mass|Edema", "No Finding"),
            "Follow-up #": 0,
            "Patient ID": range(2000),
            "Patient Age": rng.integers(20, 80, 2000),
            "Patient Gender": sex,
            "View Position": rng.choice(["PA", "AP"], 2000),
        }
    ).to_csv(tmp_path / "Data_Entry_2017_v2020.csv.gz", index=False)
    with gzip.open(tmp_path / "train_val_list.txt.gz", "wt") as stream:
        stream.write("\n".join(f"{number}.png" for number in range(1800)))
    return tmp_path, sex


def test_what_the_header_says_is_found_without_the_film(nih):
    folder, sex = nih
    scores = header_scores(folder, [f"{number}.png" for number in range(1800, 2000)], ("Mass",))
    assert roc_auc((sex[1800:] == "M").astype(float), scores[:, 0]) > 0.99


def test_a_patient_of_the_training_list_is_not_scored(nih):
    with pytest.raises(SystemExit, match="official training list"):
        header_scores(nih[0], ["1799.png"], ("Mass",))
