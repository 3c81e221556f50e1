import json
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.datasets.dataset import Dataset
from cxr.errors import ConfigError
from cxr.export.bundle import export_bundle
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph
from cxr.models.checkpoint import load_checkpoint
from cxr.screening import Bundle, Screener

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def bundle(tiny_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "bundle"
    export_bundle(tiny_run, out, name="tiny", version="0.1.0", alpha=0.4, delta=0.4, notes="## Notes\nnone")
    return out


def test_the_clinic_gives_the_calibrated_probability_of_the_trained_model(
    bundle: Path, tiny_run: Path, phantom_dataset: Dataset
):
    """File -> pixels -> ONNX -> calibration, against file -> pixels -> torch -> the same calibration."""
    screener = Screener(bundle)
    model, card = load_checkpoint(tiny_run)
    for path in phantom_dataset.subset("test").records["path"][:4]:
        square, _ = prepare(read_radiograph(Path(path)).pixels, card.image_size)
        with torch.inference_mode():
            logits = model(torch.from_numpy(square[None, None].astype(np.float32) / 255)).logits.numpy()
        expected = screener.bundle.calibrator.apply(logits)[0]
        found = [finding.probability for finding in screener.screen(path).findings]
        np.testing.assert_allclose(found, expected, atol=1e-4)


def test_too_few_patients_give_refusals_not_thresholds(tiny_run: Path, tmp_path: Path):
    export_bundle(tiny_run, tmp_path / "strict", name="tiny", version="0.1.0", alpha=0.01, delta=0.05)
    points = Screener(tmp_path / "strict").bundle.operating_points
    assert all(points.threshold(name) is None for name in points.label_space)


def test_the_command_promises_one_percent_with_ninety_five_percent_confidence(tiny_run: Path, tmp_path: Path):
    done = CliRunner().invoke(build_app(), ["export", str(tiny_run), "--out", str(tmp_path / "bundle")])
    assert done.exit_code == 0, done.output
    points = Bundle.load(tmp_path / "bundle").operating_points
    assert {(point.limit, point.delta) for point in points.findings.values()} == {(0.01, 0.05)}


def test_model_card_says_where_the_model_comes_from(bundle: Path, phantom_dataset: Dataset):
    card = (bundle / "model_card.md").read_text()
    assert f"{len(phantom_dataset.subset('train').records)} images" in card
    assert "not a medical device" in card
    assert card.endswith("## Notes\nnone\n")
    assert json.loads((bundle / "bundle.json").read_text())["name"] == "tiny"


def test_an_archive_is_the_same_bundle_with_the_gate_in_it(bundle: Path, tiny_run: Path, tmp_path: Path):
    archive = tmp_path / "bundle.zip"
    for _ in range(2):  # the second replaces the first
        export_bundle(tiny_run, archive, name="tiny", version="0.1.0", alpha=0.4, delta=0.4, notes="## Notes\nnone")
    zipped, folder = Bundle.load(archive), Bundle.load(bundle)
    assert zipped.gate is not None
    assert set(zipped.contents) == set(folder.contents)
    assert zipped.contents["quality_gate.onnx"] == folder.contents["quality_gate.onnx"]
    assert [p.name for p in tmp_path.iterdir()] == ["bundle.zip"]


def test_an_unfinished_run_and_a_foreign_folder_are_refused(tiny_run: Path, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"has no model\.safetensors"):
        export_bundle(tmp_path, tmp_path / "out", name="x", version="1", alpha=0.1, delta=0.1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="not a bundle"):
        export_bundle(tiny_run, tmp_path / "mine", name="x", version="1", alpha=0.1, delta=0.1)
    assert (tmp_path / "mine" / "thesis.txt").exists()
