"""Gold labels are read as written, or refused with the place."""

import csv

import pytest

from nlp_labeler.errors import LabelerError
from nlp_labeler.findings import CHESTXRAY8, NO_FINDING
from nlp_labeler.gold import read_gold


@pytest.fixture
def gold_csv(tmp_path):
    def write(rows, columns=("id", "text", *CHESTXRAY8, NO_FINDING)):
        path = tmp_path / "gold.csv"
        with path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, columns, restval="0")
            writer.writeheader()
            writer.writerows(rows)
        return path

    return write


def test_labels_and_texts(gold_csv):
    rows = [{"id": "a", "text": "Mild cardiomegaly.", "Cardiomegaly": "1", "Mass": "-1", "Nodule": ""}]
    records, labels = read_gold(gold_csv(rows))
    assert records[0].text == "Mild cardiomegaly."
    assert labels[0] == dict.fromkeys((*CHESTXRAY8, NO_FINDING), 0) | {"Cardiomegaly": 1, "Mass": -1, "Nodule": None}


def test_normal_is_another_name_of_no_finding(gold_csv):
    columns = ("id", "findings", "impression", *CHESTXRAY8, "normal")
    _, labels = read_gold(gold_csv([{"id": "a", "findings": "Clear.", "impression": "", "normal": "1"}], columns))
    assert labels[0][NO_FINDING] == 1


def test_a_gold_report_without_a_word_is_scored(gold_csv):
    records, labels = read_gold(gold_csv([{"id": "a", "text": " ", NO_FINDING: "1"}]))
    assert (records[0].text, labels[0][NO_FINDING]) == ("", 1)


@pytest.mark.parametrize(
    ("row", "columns", "message"),
    [
        ({"id": "a"}, ("id", "text", *CHESTXRAY8), "no column for \\['No Finding'\\]"),
        ({"id": "a", "Mass": "yes"}, ("id", "text", *CHESTXRAY8, NO_FINDING), "row 2: 'Mass' is 'yes'"),
        ({"id": ""}, ("id", "text", *CHESTXRAY8, NO_FINDING), "1 gold reports cannot be read"),
    ],
)
def test_what_cannot_be_scored_is_an_error(gold_csv, row, columns, message):
    with pytest.raises(LabelerError, match=message):
        read_gold(gold_csv([{"text": "x"} | row], columns))
