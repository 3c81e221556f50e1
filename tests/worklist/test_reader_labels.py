import csv
import io

import pytest

from cxr.worklist import Case, Decision, Subject
from cxr.worklist.reader_labels import reader_labels
from nlp_labeler import Labeler
from nlp_labeler.findings import LABELS


def signed_case(name, verdicts, reader="Ann"):
    case = Case(
        "c" * 24, "", name, "screened", "2026-01-01T00:00:00", Subject("7", "20260101", "F", 50.0, "PA"),
        10, 10, "none", None, {}, "m", False, reader,
    )  # fmt: skip
    return case, Decision(1, case.id, reader, "2026-01-02T00:00:00+00:00", verdicts, "", "m", "s")


def test_the_labeler_reads_back_exactly_what_was_signed():
    labeler = Labeler.load(policy="openi", engine="surface")
    for present in ((), LABELS, LABELS[::2], LABELS[1::3], ("Pleural_Thickening",)):
        verdicts = {name: name in present for name in LABELS}
        [row] = csv.DictReader(io.StringIO(reader_labels([signed_case("a.png", verdicts)])))
        mined = labeler.label(row["text"]).labels
        assert {name: mined[name] for name in LABELS} == {name: int(there) for name, there in verdicts.items()}
        assert {name: row[name] for name in LABELS} == {name: str(int(there)) for name, there in verdicts.items()}


def test_what_was_not_stated_is_neither_said_nor_labelled():
    verdicts = {"Effusion": True, "Mass": False}
    [row] = csv.DictReader(io.StringIO(reader_labels([signed_case("a.png", verdicts)])))
    assert row["text"] == "There is effusion. No mass."
    assert {name: row[name] for name in LABELS if row[name]} == {"Effusion": "1", "Mass": "0"}
    assert (row["reader"], row["signed"]) == ("Ann", "2026-01-02T00:00:00+00:00")


def test_cells_from_outside_are_no_formulas():
    [row] = csv.DictReader(io.StringIO(reader_labels([signed_case("=cmd.png", {}, reader="@SUM(A1)")])))
    assert row["image"] == "'=cmd.png"
    assert row["reader"] == "'@SUM(A1)"


def test_the_table_builds_a_dataset_with_the_signed_labels(tmp_path, chest_pixels):
    pytest.importorskip("pandas", reason="building datasets needs the 'label' extra")
    from PIL import Image

    from cxr.datasets.builder import build_dataset
    from cxr.datasets.dataset import open_dataset

    images = tmp_path / "images"
    images.mkdir()
    Image.fromarray(chest_pixels()).save(images / "a.png")
    verdicts = {name: name in ("Mass", "Effusion") for name in LABELS}
    (tmp_path / "labels.csv").write_text(reader_labels([signed_case("ward.zip!/x/a.png", verdicts)]))
    build_dataset(
        images,
        tmp_path / "labels.csv",
        tmp_path / "out",
        engine="surface",
        require_frontal=False,  # the picture is a drawing
        fractions={"train": 1.0},
    )
    [record] = open_dataset(tmp_path / "out").records.to_dict("records")
    assert record["patient"] == "7"
    assert {name for name in LABELS if record[name] == 1} == {"Mass", "Effusion"}
