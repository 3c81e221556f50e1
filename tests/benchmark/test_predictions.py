"""The tables: what is read, and one clear line for everything that is wrong with them."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from cxr.benchmark.tables import join, refuse_shared_patients
from cxr.errors import DatasetError
from cxr.tables import numbers, probabilities, read_csv, write_predictions


def test_tables_are_joined_by_image_whatever_their_order(tables) -> None:
    expected = join(*tables.write())
    tables.labels[1:] = tables.labels[:0:-1]
    tables.labels.append(["not_predicted.png", "Hernia", "0", "999", "40", "F", "PA"])
    again = join(*tables.write())
    assert again.images == expected.images
    assert np.array_equal(again.labels, expected.labels)
    row = expected.images.index(tables.predictions[5][0])
    findings = next(r[1] for r in tables.labels if r[0] == expected.images[row])
    present = [n for n, y in zip(expected.label_names, expected.labels[row], strict=True) if y == 1]
    assert "|".join(present) == findings.replace("No Finding", "")
    assert set(expected.attributes) == {"sex", "age", "view"}


def test_gzip_and_the_old_age_format_are_read(tables) -> None:
    for row in tables.labels[1:]:
        row[4] = f"{int(row[4]):03d}Y"
    predictions, labels = tables.write()
    compressed = predictions.with_suffix(".csv.gz")
    compressed.write_bytes(gzip.compress(predictions.read_bytes()))
    data = join(compressed, labels)
    assert set(data.attributes["age"]) == {"18-39", "40-59", "60-79", "80+"}


def test_spaces_around_findings_mean_nothing(tables) -> None:
    expected = join(*tables.write()).labels
    for row in tables.labels[1:]:
        row[1] = " " + row[1].replace("|", " | ") + " "
    assert np.array_equal(join(*tables.write()).labels, expected)


@pytest.mark.parametrize(("cell", "band"), [("11M", "0-17"), ("58.0", "40-59"), ("414", "unknown"), ("", "unknown")])
def test_ages_of_a_label_table_have_units_or_are_years(tables, cell: str, band: str) -> None:
    for row in tables.labels[1:]:
        row[4] = cell
    assert set(join(*tables.write()).attributes["age"]) == {band}


def test_written_predictions_are_read_back_exactly(tables, tmp_path: Path) -> None:
    data = join(*tables.write())
    logits = np.random.default_rng(0).normal(size=data.labels.shape).astype(np.float32)
    truth = np.where(logits > 1, np.nan, data.labels)
    values = {"prob_": data.probabilities, "label_": truth, "logit_": logits}
    path = tmp_path / "new" / "folder" / "again.csv"
    write_predictions(path, (), (), {}, (), {})  # whatever was there is replaced
    write_predictions(path, data.images, data.patients, {"sex": data.attributes["sex"]}, data.label_names, values)
    table = read_csv(path)
    names, read = probabilities(table)
    assert (tuple(table.columns["Image Index"]), names) == (data.images, data.label_names)
    assert tuple(table.columns["attribute_sex"]) == data.attributes["sex"]
    assert np.array_equal(read, data.probabilities)
    for column, name in enumerate(names):
        assert np.array_equal(numbers(table, f"label_{name}"), truth[:, column], equal_nan=True)
        assert np.array_equal(numbers(table, f"logit_{name}").astype(np.float32), logits[:, column])


def rename_image_column(t) -> None:
    t.predictions[0][0] = "image"


def drop_probabilities(t) -> None:
    t.predictions = [row[:1] for row in t.predictions]


def unknown_predictions(t) -> None:
    t.predictions[0][1:] = ["prob_Scoliosis", "prob_Rickets", "prob_Gout"]


def set_value(value: str):
    def change(t) -> None:
        t.predictions[7][2] = value

    return change


def repeat_image(t) -> None:
    t.predictions.append(t.predictions[1])


def repeat_label(t) -> None:
    t.labels.append(t.labels[1])


def drop_patient_column(t) -> None:
    t.labels[0][3] = "Patient"


def unknown_label(t) -> None:
    t.labels[3][1] = "Effusion|Broken heart"


def no_labels(t) -> None:
    for row in t.labels[1:]:
        row[1] = ""


def contradictory_label(t) -> None:
    t.labels[3][1] = "Effusion|No Finding"


def unlabeled_image(t) -> None:
    t.predictions.append(["elsewhere.png", "0.1", "0.1", "0.1"])


def no_patient(t) -> None:
    t.labels[1][3] = ""


def ragged_row(t) -> None:
    t.predictions[4].append("0.5")


def no_rows(t) -> None:
    t.predictions = t.predictions[:1]


def doubled_column(t) -> None:
    t.predictions[0][2] = t.predictions[0][1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (rename_image_column, r"no column 'Image Index'; its columns are 'image'"),
        (drop_probabilities, r"no column 'prob_NAME'"),
        (unknown_predictions, r"unknown finding 'Scoliosis', 'Rickets', 'Gout'; known are Atelectasis"),
        (set_value("1.5"), r"'prob_Mass' has 1 values that are not probabilities in \[0, 1\], e\.g\. '1\.5'"),
        (set_value("-0.1"), r"not probabilities.*'-0\.1'"),
        (set_value("nan"), r"not probabilities.*'nan'"),
        (set_value(""), r"not probabilities.*''"),
        (set_value("high"), r"not probabilities.*'high'"),
        (repeat_image, r"1 values of 'Image Index' occur more than once"),
        (repeat_label, r"1 values of 'Image Index' occur more than once"),
        (drop_patient_column, r"no column 'Patient ID'"),
        (unknown_label, r"unknown finding 'Broken heart'"),
        (no_labels, r"no image of .* has Finding Labels; an image without disease needs 'No Finding'"),
        (contradictory_label, r"'No Finding' stands alone"),
        (unlabeled_image, r"1 of \d+ images .* are not in .*, e\.g\. 'elsewhere\.png'"),
        (no_patient, r"has no Patient ID"),
        (ragged_row, r"row 5 has 5 cells, the header has 4"),
        (no_rows, r"has no rows"),
        (doubled_column, r"column 'prob_Effusion' more than once"),
    ],
)
def test_wrong_tables_are_refused_in_one_line(tables, change, message: str) -> None:
    change(tables)
    with pytest.raises(DatasetError, match=message) as error:
        join(*tables.write())
    assert "\n" not in str(error.value)


def test_images_that_nobody_labeled_are_left_out_with_a_note(tables, caplog: pytest.LogCaptureFixture) -> None:
    whole = join(*tables.write())
    tables.labels[3][1] = ""
    joined = join(*tables.write())
    assert joined.images == tuple(image for image in whole.images if image != tables.labels[3][0])
    kept = [image in joined.images for image in whole.images]
    np.testing.assert_array_equal(joined.probabilities, whole.probabilities[kept])
    np.testing.assert_array_equal(joined.labels, whole.labels[kept])
    assert len(joined.patients) == len(joined.attributes["sex"]) == len(joined.images)
    assert "left out 1 images without Finding Labels" in caplog.text


def test_a_column_that_nobody_knows_is_left_out_with_a_note(tables, caplog: pytest.LogCaptureFixture) -> None:
    whole = join(*tables.write())
    tables.predictions[0][1] = "prob_Scoliosis"
    joined = join(*tables.write())
    assert joined.label_names == whole.label_names[1:]
    np.testing.assert_array_equal(joined.probabilities, whole.probabilities[:, 1:])
    assert "'Scoliosis'" in caplog.text


def test_files_that_are_no_tables_are_refused(tables, tmp_path: Path) -> None:
    predictions, labels = tables.write()
    with pytest.raises(DatasetError, match="no file at"):
        join(tmp_path / "missing.csv", labels)
    picture = tmp_path / "picture.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n\x00\xff\xfe")
    with pytest.raises(DatasetError, match=r"not UTF-8 text \(byte 0\); save it as"):
        join(picture, labels)
    semicolons = tmp_path / "semicolons.csv"
    semicolons.write_text(predictions.read_text().replace(",", ";"))
    with pytest.raises(DatasetError, match="separate columns by commas, not by ';'"):
        join(semicolons, labels)
    broken = tmp_path / "broken.csv.gz"
    broken.write_bytes(gzip.compress(predictions.read_bytes())[:-20])
    with pytest.raises(DatasetError, match="not a readable CSV"):
        join(broken, labels)


def test_patients_on_both_sides_are_refused(tables, tmp_path: Path) -> None:
    _, labels = tables.write()
    images = [row[0] for row in tables.labels[1:]]
    train = tmp_path / "train_list.txt"
    train.write_text("\n".join(image for image in images if image < "00000200") + "\n")
    refuse_shared_patients([image for image in images if image >= "00000200"], train, labels)
    with pytest.raises(DatasetError, match="1 patients are on both sides"):
        refuse_shared_patients([image for image in images if image >= "00000199"], train, labels)
    train.write_text("nobody.png\n")
    with pytest.raises(DatasetError, match=r"1 images of .* are not in"):
        refuse_shared_patients(images, train, labels)
