"""What is to be learned from passes the bundle's gate and its second look; a real export keeps its laterals out."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.errors import RefusalCode, RefusedInputError
from cxr.phantom.lateral import lateral_film
from cxr.screening import Bundle, BundleGate


@pytest.fixture(scope="module")
def gate() -> BundleGate:
    return BundleGate(Bundle.load())


def test_drawn_laterals_do_not_pass(gate):
    for number in range(10):
        with pytest.raises(RefusedInputError) as refused:
            gate.check(lateral_film(np.random.default_rng([7, number])))
        assert refused.value.code in {RefusalCode.WRONG_VIEW, RefusalCode.NOT_FRONTAL_CHEST}


def test_an_export_of_real_films_keeps_its_laterals_out(shared_data, tmp_path):
    frontal = sorted((shared_data / "nih" / "images").glob("*.jpg"))[:12]
    with (shared_data / "laterals" / "index.csv").open(newline="") as stream:
        laterals = [shared_data / "laterals" / row["file"] for row in csv.DictReader(stream)]
    (tmp_path / "images").mkdir()
    with (tmp_path / "reports.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(["id", "image", "patient_id", "text"])
        for number, film in enumerate([*frontal, *laterals]):
            name = f"f{number}{Path(film).suffix}"
            (tmp_path / "images" / name).write_bytes(film.read_bytes())
            writer.writerow([f"f{number}", name, f"p{number}", "FINDINGS: No pleural effusion."])
    out = tmp_path / "out"
    command = ["dataset", "build", "--images", str(tmp_path / "images"), "--reports", str(tmp_path / "reports.csv")]
    result = CliRunner().invoke(build_app(), [*command, "--out", str(out), "--engine", "surface", "--workers", "2"])
    assert result.exit_code == 1, result.output  # some were left out
    kept = {path.stem for path in (out / "images").iterdir()}
    assert len(kept & {f"f{number}" for number in range(12)}) >= 11
    assert not kept & {f"f{number}" for number in range(12, 12 + len(laterals))}
    with (out / "refused.csv").open(newline="") as stream:
        codes = [row["code"] for row in csv.DictReader(stream)]
    assert len(codes) == len(frontal) + len(laterals) - len(kept)
    assert set(codes) <= {"wrong_view", "not_frontal_chest", "cropped", "rotated"}


def test_the_picture_is_reduced_before_it_is_looked_at_whatever_its_size(gate):
    film = lateral_film(np.random.default_rng(3))
    large = np.asarray(Image.fromarray(film).resize((1800, 2400), Image.Resampling.BICUBIC)).clip(0, 1)
    with pytest.raises(RefusedInputError):
        gate.check(large)
