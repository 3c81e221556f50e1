"""A bundle benchmarked on a dataset folder whose images it is known to read rightly."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from cxr.benchmark.from_bundle import screen_split
from cxr.cli.main import build_app
from cxr.datasets.dataset import open_dataset
from cxr.errors import CxrError, DatasetError, RefusalCode, RefusedInputError
from cxr.imaging.reading import read_radiograph
from cxr.screening import Screener

ENTRY = ["Image Index", "Finding Labels", "Follow-up #", "Patient ID", "Patient Age", "Patient Gender"]
ENTRY += ["View Position", "OriginalImage[Width", "Height]", "OriginalImagePixelSpacing[x", "y]"]


def entry(image: str, findings: str, patient: object) -> list[object]:
    return [image, findings, 0, patient, 50, "F", "PA", 400, 320, 0.143, 0.143]


@pytest.fixture
def dataset(tmp_path: Path, chest_pixels) -> Path:
    """Twelve test patients, every third with an effusion and its box; two training patients without pictures."""
    root = tmp_path / "dataset"
    (root / "images").mkdir(parents=True)
    entries, boxes = [ENTRY], [["Image Index", "Finding Label", "Bbox [x", "y", "w", "h]"]]
    for i in range(12):
        ill = i % 3 == 0
        name = f"{i:08d}_000.png"
        Image.fromarray(chest_pixels(blob=(240, 200, 100, 80) if ill else None, seed=i)).save(root / "images" / name)
        entries.append(entry(name, "Effusion" if ill else "No Finding", i))
        if ill:
            boxes.append([name, "Effusion", 240, 200, 100, 80])
    entries += [entry(f"train_{i}.png", "No Finding", 100 + i) for i in range(2)]
    for name, rows in (("Data_Entry.csv", entries), ("BBox_List.csv", boxes)):
        with (root / name).open("w", newline="") as stream:
            csv.writer(stream).writerows(rows)
    (root / "test_list.txt").write_text("".join(f"{row[0]}\n" for row in entries[1:13]))
    (root / "train_list.txt").write_text("train_0.png\ntrain_1.png\n")
    (root / "val_list.txt").write_text("")
    return root


def benchmark(dataset: Path, bundle: Path, out: Path, *options: str):
    arguments = ["benchmark", str(dataset), "--bundle", str(bundle), "--out", str(out), "--resamples", "100", *options]
    result = CliRunner().invoke(build_app(), arguments)
    if isinstance(result.exception, CxrError):
        raise result.exception
    return result


def test_figures_of_a_bundle_that_finds_every_effusion(dataset: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    result = benchmark(dataset, tiny_bundle, tmp_path / "out")
    assert result.exit_code == 0, result.output
    content = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert (content["n_images"], content["n_patients"]) == (12, 12)
    effusion = content["classification"]["per_label"]["Effusion"]
    assert (effusion["auc"], effusion["n_positive"]) == (1.0, 4)
    assert content["classification"]["per_label"]["Nodule"]["auc"] is None  # no positives in this split
    assert content["localization"]["n_boxes"] == {"Effusion": 4}
    assert content["localization"]["iou"]["0.3"]["Effusion"] == 1
    assert content["localization"]["afp"]["0.3"]["mean"] == 0
    assert content["operating_points"]["source"] == "of bundle tiny 1.0.0"
    manifest = json.loads((tiny_bundle / "bundle.json").read_text())
    assert content["model"]["sha256"] == manifest["files"]["model.onnx"]


def test_an_image_that_cannot_be_screened_is_left_out(dataset: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    (dataset / "images" / "00000001_000.png").write_bytes(b"")
    result = benchmark(dataset, tiny_bundle, tmp_path / "out")
    assert result.exit_code == 1
    assert "left out of every figure: 1 empty_file" in result.stderr
    content = json.loads((tmp_path / "out" / "benchmark.json").read_text())
    assert (content["n_images"], content["refused"]) == (11, {"empty_file": 1})
    page = (tmp_path / "out" / "benchmark.md").read_text()
    assert "1 further films were refused and are in no figure: 1 empty_file." in page


def test_films_go_through_the_gate_and_come_out_as_the_clinic_sees_them(dataset: Path, tiny_bundle: Path) -> None:
    def gate(image) -> None:
        if image.pixels.mean() > limit:
            raise RefusedInputError(RefusalCode.CROPPED, "bright")

    films = sorted((dataset / "images").glob("*.png"))
    means = [read_radiograph(film).pixels.mean() for film in films]
    limit = sorted(means)[8]
    screener = Screener(tiny_bundle, threads=1, gate=gate)
    screened = screen_split(screener, open_dataset(dataset).subset("test"))
    assert screened.refused == {"cropped": sum(mean > limit for mean in means)}
    assert len(screened.predictions.images) == 12 - sum(screened.refused.values()) < 12
    for image, probabilities in zip(screened.predictions.images, screened.predictions.probabilities, strict=True):
        result = screener.screen(dataset / "images" / image)
        assert [finding.probability for finding in result.findings] == probabilities.tolist()


def test_patients_on_both_sides_are_refused(dataset: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    table = (dataset / "Data_Entry.csv").read_text()
    (dataset / "Data_Entry.csv").write_text(
        table.replace("train_0.png,No Finding,0,100,", "train_0.png,No Finding,0,3,")
    )
    with pytest.raises(DatasetError, match="1 patients are on both sides"):
        benchmark(dataset, tiny_bundle, tmp_path / "out")


def test_an_empty_split_is_refused(dataset: Path, tiny_bundle: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="val"):
        benchmark(dataset, tiny_bundle, tmp_path / "out", "--split", "val")
