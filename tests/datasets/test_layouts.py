"""Every layout that is offered: a tiny tree is read, counted, and trained on for one epoch though parts are missing."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.datasets.dataset import LAYOUTS, open_dataset
from cxr.datasets.pneumothorax import mask_box
from cxr.errors import DatasetError
from tests.datasets.layout_trees import PATIENTS, TREES, film

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")

RECIPE = """
name = "smallest"
image_size = 32
[model]
transition_channels = 8
[model.backbone]
name = "test_efficientnet"
[optimization]
epochs = 1
batch_size = 8
"""


@pytest.fixture
def write_film(make_dicom, dicom_bytes):
    return lambda path: film(path, lambda pixels: dicom_bytes(make_dicom(pixels, bits=8)))


def test_every_layout_has_a_tree():
    assert list(TREES) == list(LAYOUTS)


@pytest.mark.parametrize("name", TREES)
def test_a_layout_is_read_checked_and_trained_on_though_some_of_it_is_missing_and_damaged(name, tmp_path, write_film):
    root = tmp_path / "data"
    root.mkdir()
    TREES[name](root, write_film)
    assert [other for other, layout in LAYOUTS.items() if layout.recognises(root)] == [name]
    dataset = open_dataset(root)
    assert len(dataset) == PATIENTS, "laterals are left out, and no film is lost"
    assert dataset.present()[1] == []
    positive = dataset.records[list(dataset.label_space)].eq(1).any(axis=1)
    assert positive.sum() == PATIENTS / 2
    assert (dataset.records.groupby("patient")["split"].nunique() == 1).all()

    train = dataset.subset("train").records
    gone, cut = list(train["path"][:3]), Path(train["path"].iloc[3])
    for path in gone:
        Path(path).unlink()
    cut.write_bytes(cut.read_bytes()[:100])
    recipe = tmp_path / "smallest.toml"
    recipe.write_text(RECIPE)
    command = ["train", str(recipe), "--data", str(root), "--out", str(tmp_path / "run"), "--workers", "0"]
    stopped = CliRunner().invoke(build_app(), command)
    assert stopped.exit_code != 0
    assert "3 of " in str(stopped.exception)
    assert "--allow-missing" in str(stopped.exception)
    result = CliRunner().invoke(build_app(), [*command, "--allow-missing"])
    assert result.exit_code == 0, result.output + repr(result.exception)
    assert f"3 of {PATIENTS} images are not there" in result.output
    assert (tmp_path / "run" / "missing.csv").read_text().splitlines()[1:] == list(train["image"][:3])
    assert train["image"].iloc[3] in (tmp_path / "run" / "cache" / "train" / "refused.csv").read_text()

    result = CliRunner().invoke(
        build_app(), ["dataset", "check", str(root), "--no-gate", "--missing", str(tmp_path / "missing.csv")]
    )
    assert f"3 of {PATIENTS} images are not there" in result.output
    assert result.output.count("unreadable_image") == 1
    assert (tmp_path / "missing.csv").read_text() == (tmp_path / "run" / "missing.csv").read_text()


def test_the_command_of_the_card_of_mimic_builds_with_subjects_as_patients(tmp_path, write_film, monkeypatch):
    TREES["MIMIC-CXR-JPG"](tmp_path, write_film)
    films = list((tmp_path / "files").rglob("*PA.jpg"))
    for study in {path.parent for path in films}:
        report = tmp_path / "mimic-cxr-reports" / study.relative_to(tmp_path).with_suffix(".txt")
        report.parent.mkdir(parents=True, exist_ok=True)
        report.write_text(" FINAL REPORT\n FINDINGS: The lungs are clear.\n IMPRESSION: Normal.")
    command = re.search(r"`cxr (dataset build [^`]*)`", Path("data/mimic_cxr.md").read_text())
    assert command
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(build_app(), [*command[1].split(), "--no-gate"])
    built = open_dataset(tmp_path / "DATASET").records
    assert result.exit_code == 0, result.output
    laterals = PATIENTS // 4
    assert len(built) == len(films) + laterals, "nothing but the gate can tell their laterals"
    assert set(built["patient"]) == {path.parent.parent.name for path in films}
    assert (built.groupby("patient")["split"].nunique() == 1).all()


def test_a_column_called_image_that_names_no_files_does_not_hide_them(tmp_path, write_film):
    TREES["OpenI (Kaggle)"](tmp_path, write_film)
    images, reports = str(tmp_path / "images" / "images_normalized"), str(tmp_path / "indiana_reports.csv")
    command = ["dataset", "build", "--images", images, "--reports", reports, "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(build_app(), [*command, "--no-gate", "--columns", "id=uid", "--patient-is-study"])
    assert "the column 'image' names no files; the reports' ids do" in result.output
    assert len(open_dataset(tmp_path / "out").records) == PATIENTS + PATIENTS // 4


def test_the_layouts_are_listed_with_their_trees():
    shown = CliRunner().invoke(build_app(), ["dataset", "layouts"]).output
    assert all(name in shown and re.split(r"[\s{]", layout.tree)[0] in shown for name, layout in LAYOUTS.items())


def test_boxes_of_masks_are_in_columns_and_rows_of_the_film():
    # 2,050 pixels down the columns are two columns and two rows; the second run is in the next column, same rows.
    assert mask_box("2050 10 1014 20", "x") == (2, 2, 2, 20)
    assert mask_box("1000 100", "x") == (0, 0, 2, 1024)
    assert mask_box("0 1", "x") == (0, 0, 1, 1)
    for wrong in ("5", "5 x", "5 0", f"{1024**2} 1", "-1 3"):
        with pytest.raises(DatasetError, match="x: its mask"):
            mask_box(wrong, "x")


def test_films_that_two_patients_have_and_films_that_nobody_marked(tmp_path, caplog):
    rows = [f"u{n},-1,,P{n:04d}_1" for n in range(8)] + [
        "u0,5 3,,P0009_1",
        "u1,5 3,,P0001_2",
        "u2,,,P0002_1",
        "v,,,P0010_1",
    ]
    (tmp_path / "Pneumothorax_reports.csv").write_text(
        "\n".join(("SOPInstanceUID,EncodedPixels,Report,filename", *rows)) + "\n"
    )
    films = open_dataset(tmp_path).records.set_index("image")["Pneumothorax"]
    assert "u0" not in films
    assert "1 films belong to two patients" in caplog.text
    assert (films["u1"], films["u2"]) == (1, 0)
    assert films.isna().sum() == 1


def test_openi_knows_the_pleura_and_what_was_not_indexed(tmp_path):
    headings = {
        "1": "Thickening/pleura/left;Hernia, Hiatal",
        "2": "Thickening/bronchovascular;Opacity/lung",
        "3": "No Indexing",
        "4": "Pulmonary Atelectasis/base",
        **{str(n): "normal" for n in range(5, 12)},
    }
    rows = [f'{uid},"{mesh}",,Xray Chest PA and Lateral,,,,' for uid, mesh in headings.items()]
    (tmp_path / "indiana_reports.csv").write_text(
        "\n".join(("uid,MeSH,Problems,image,indication,comparison,findings,impression", *rows)) + "\n"
    )
    films = [f"{uid},{uid}.png,Frontal" for uid in headings]
    (tmp_path / "indiana_projections.csv").write_text("\n".join(("uid,filename,projection", *films)) + "\n")
    dataset = open_dataset(tmp_path)
    labels = dataset.records.set_index("image")[list(dataset.label_space)]
    present = {
        image: sorted(labels.columns[row == 1]) for image, row in zip(labels.index, labels.to_numpy(), strict=True)
    }
    assert present["1.png"] == ["Hernia", "Pleural_Thickening"]
    assert present["2.png"] == []
    assert labels.loc["3.png"].isna().all()
    assert present["4.png"] == ["Atelectasis"]


def test_chexpert_plus_without_labels_or_with_those_of_another_release(tmp_path, write_film):
    TREES["CheXpert Plus"](tmp_path, write_film)
    file = tmp_path / "chexbert_labels" / "impression_fixed.json"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[5:]) + "\n")
    with pytest.raises(DatasetError, match=r"[34] of 40 frontal films have no labels"):
        open_dataset(tmp_path)
    file.unlink()
    with pytest.raises(DatasetError, match=r"impression_fixed\.json is not there"):
        open_dataset(tmp_path)
