"""A label space of the user's own, from reports to a screened film: nothing on the way knows the fourteen by heart."""

import csv
import json
import warnings
from pathlib import Path

import pydicom
import pytest
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.phantom.cohort import generate_cohort
from nlp_labeler import Labeler
from nlp_labeler.cli import app as labeler_app
from nlp_labeler.errors import ConfigError
from nlp_labeler.findings import FINDINGS, LABELS, FindingTable

OWN = ("Tuberculosis", "Cavity", "Fracture", "Pacemaker")
# What a phantom's finding stands for here, so that the films hold something to learn.
STANDS_FOR = {
    "Cardiomegaly": "A dual chamber pacemaker is in place.",
    "Effusion": "Old fracture of the left sixth rib.",
    "Mass": "Cavity in the right upper lobe.",
    "Infiltration": "Findings of active tuberculosis.",
}
RECIPE = """
name = "four"
labels = "dataset"
image_size = 64
[model]
transition_channels = 16
[model.backbone]
name = "test_efficientnet"
[optimization]
epochs = 1
batch_size = 8
"""


@pytest.fixture(scope="module")
def labels_file(repository_root: Path) -> Path:
    return repository_root / "examples" / "labels.toml"


def cxr(*arguments: object) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Lightning says of few batches, and highdicom of phantoms
        result = CliRunner().invoke(build_app(), [str(argument) for argument in arguments])
    assert result.exit_code == 0, f"{result.output}\n{result.exception!r}"
    return result.output


@pytest.fixture(scope="module")
def reports(phantom_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports of the phantom films in words that only the own label space reads."""
    with (phantom_cohort / "truth" / "labels.csv").open() as stream:
        truth = {row["image"]: row for row in csv.DictReader(stream)}
    path = tmp_path_factory.mktemp("reports") / "reports.csv"
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(("id", "image", "patient_id", "text"))
        for image, row in truth.items():
            said = [text for name, text in STANDS_FOR.items() if row[name] == "1"]
            said = said or ["No tuberculosis or cavity. No fracture."]
            writer.writerow((image.removesuffix(".png"), image, row["patient_id"], " ".join(said)))
    return path


def test_from_reports_to_a_screened_film(labels_file: Path, reports: Path, phantom_cohort: Path, tmp_path: Path):
    table, dataset, run = tmp_path / "labels.csv", tmp_path / "dataset", tmp_path / "run"
    labeled = CliRunner().invoke(
        labeler_app, ["label", str(reports), "-o", str(table), "--labels", str(labels_file), "--engine", "surface"]
    )
    assert labeled.exit_code == 0, labeled.output
    assert tuple(table.read_text().splitlines()[0].split(",")) == ("id", *OWN, "No Finding", "status", "coverage")

    cxr("dataset", "build", "--images", phantom_cohort / "images", "--reports", reports, "--out", dataset, "--labels",
        labels_file, "--engine", "surface", "--no-gate")  # fmt: skip
    with (dataset / "Data_Entry.csv").open() as stream:
        found = {name for row in csv.DictReader(stream) for name in row["Finding Labels"].split("|")}
    assert found == {*OWN, "No Finding"}

    recipe = tmp_path / "four.toml"
    recipe.write_text(RECIPE)
    assert "trained 4 findings" in cxr("train", recipe, "--data", dataset, "--out", run, "--workers", 0)
    cxr("evaluate", run, "--data", dataset, "--out", tmp_path / "figures", "--resamples", 100)
    with_labels = ("--predictions", tmp_path / "figures" / "predictions.csv", "--labels", dataset / "Data_Entry.csv")
    cxr("operating-points", "fit", *with_labels, "-o", tmp_path / "points.json", "--alpha", 0.5, "--delta", 0.5)
    assert tuple(json.loads((tmp_path / "points.json").read_text())["label_space"]) == OWN
    # A promise that so few patients can keep, so that thresholds exist.
    cxr("export", run, "--out", tmp_path / "bundle", "--alpha", 0.5, "--delta", 0.5)
    manifest = json.loads((tmp_path / "bundle" / "bundle.json").read_text())
    manifest["gate"] = "none"  # the gate was made for larger films
    (tmp_path / "bundle" / "bundle.json").write_text(json.dumps(manifest))
    for name in ("quality_gate.onnx", "quality_gate.json"):
        (tmp_path / "bundle" / name).unlink()
        del manifest["files"][name]
    (tmp_path / "bundle" / "bundle.json").write_text(json.dumps(manifest))

    films = generate_cohort(8, 64, 4, tmp_path / "films", dicom=True) / "images"
    cxr("screen", films, "--bundle", tmp_path / "bundle", "--out", tmp_path / "results", "--dicom")
    results = [json.loads(line) for line in (tmp_path / "results" / "results.jsonl").read_text().splitlines()]
    assert all(tuple(f["name"] for f in result["findings"]) == OWN for result in results)
    positive = {f["name"] for result in results for f in result["findings"] if f["positive"]}
    assert positive, "no threshold was reached, so that nothing below was shown"
    said = " ".join(result["report"]["text"] for result in results)
    assert all(FINDINGS[name].noun in said for name in positive)
    assert "outside this list, soft tissues, and tubes, lines and bones other than those named" in said
    page = (tmp_path / "results" / "worklist.html").read_text()
    assert all(FINDINGS[name].colour in page for name in positive)
    documents = [pydicom.dcmread(path) for path in sorted((tmp_path / "results").rglob("*.dcm"))]
    codes = {item.CodeValue for document in documents for item in _coded(document)}
    assert {FINDINGS[name].code[0] for name in positive} <= codes


def _coded(dataset: pydicom.Dataset) -> list[pydicom.Dataset]:
    """Every coded value of a document, however deep."""
    found = []
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                found += [item] if "CodeValue" in item else []
                found += _coded(item)
    return found


def test_shipped_labels_are_not_trained_on_a_dataset_with_others(labels_file: Path, reports: Path, phantom_cohort: Path,
                                                                 tmp_path: Path):  # fmt: skip
    cxr("dataset", "build", "--images", phantom_cohort / "images", "--reports", reports, "--out", tmp_path / "dataset",
        "--labels", labels_file, "--engine", "surface", "--no-gate")  # fmt: skip
    refused = CliRunner().invoke(
        build_app(), ["train", "demo", "--data", str(tmp_path / "dataset"), "--out", str(tmp_path / "run")]
    )
    assert isinstance(refused.exception, ConfigError)
    assert "--set labels=dataset" in str(refused.exception)


def test_doubt_negation_and_other_disease_are_read_as_ever(labels_file: Path):
    labeler = Labeler.load(labels=labels_file, engine="surface")
    assert labeler.columns == (*OWN, "No Finding")
    read = labeler.label("Cavitary lesion on the right, possibly TB. No fracture. Small effusion.").labels
    assert read == {"Tuberculosis": -1, "Cavity": 1, "Fracture": 0, "Pacemaker": None, "No Finding": None}
    assert labeler.label("Small pleural effusion.").labels["No Finding"] is None
    assert labeler.label("No tuberculosis. Lungs are clear.").labels["No Finding"] == 1
    assert "Tuberculosis" not in Labeler.load(engine="surface").label("Tuberculosis.").labels


def test_a_shipped_finding_needs_its_name_only(tmp_path: Path):
    path = tmp_path / "labels.toml"
    path.write_text('[labels]\nall = ["Pneumonia", "Effusion"]\n')
    table = FindingTable.load(path)
    assert table.names == ("Pneumonia", "Effusion")
    assert table.parent["Pneumonia"] == "Consolidation"
    labeled = Labeler.load(labels=path, engine="surface").label("Pneumonia. Cardiomegaly.")
    assert labeled.labels == {"Pneumonia": 1, "Effusion": None, "No Finding": None}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[labels]", "[label]"), r"needs a table \[labels\]"),
        (("parent = \"Lung opacity\"", "parent = \"Lungs\""), "'Lungs' of Tuberculosis is no node above it"),
        (("colour = \"#d00000\"", "colour = \"red\""), "finding.Cavity.colour"),
        (("concepts = [\"fracture\"]", ""), "Fracture needs terms or concepts"),
        (("\"Pacemaker\"]", "\"pace maker\"]"), r"pace maker has no table"),
        (("all = [", "all = [\"Mitten\", "), r"Mitten has no table \[finding.Mitten\]"),
        (("Pacemaker", "pace-maker"), "labels.all.3"),
        (("[finding.Cavity]", "[finding.Cavity]\nsize = 3"), "finding.Cavity.size"),
    ],
)  # fmt: skip
def test_a_faulty_file_is_refused_by_name(change: tuple[str, str], message: str, labels_file: Path, tmp_path: Path):
    path = tmp_path / "labels.toml"
    path.write_text(labels_file.read_text().replace(*change))
    with pytest.raises(ConfigError, match=message):
        FindingTable.load(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("concepts = [\"fracture\"]", "concepts = [\"fractures\"]"), "Fracture: no concept 'fractures'"),
        (("concepts = [\"fracture\"]", "concepts = [\"cardiac_device\"]"), "counts for Fracture already"),
        (("\"tb\"", "\"{tb}\""), "Tuberculosis: .*the word group 'tb'"),
    ],
)  # fmt: skip
def test_a_faulty_term_is_refused_by_name(change: tuple[str, str], message: str, labels_file: Path, tmp_path: Path):
    path = tmp_path / "labels.toml"
    path.write_text(labels_file.read_text().replace(*change))
    with pytest.raises(ConfigError, match=message):
        Labeler.load(labels=path, engine="surface")


def test_a_name_means_one_thing(labels_file: Path, tmp_path: Path):
    FindingTable.load(labels_file)
    path = tmp_path / "labels.toml"
    path.write_text(labels_file.read_text().replace("#d00000", "#d00001"))
    with pytest.raises(ConfigError, match="Cavity has another meaning already"):
        FindingTable.load(path)
    path.write_text(labels_file.read_text().replace("Cavity", "Mass"))
    with pytest.raises(ConfigError, match="Mass has another meaning already"):
        FindingTable.load(path)
    assert len(LABELS) == 14
