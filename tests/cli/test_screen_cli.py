"""`cxr screen` and `cxr report` as a clinic calls them: exit status, refusals, and what must never happen."""

import json
import subprocess
import sys
import textwrap
import zipfile
from dataclasses import dataclass

import pydicom
import pytest
from PIL import Image
from pydicom.uid import generate_uid

from cxr.cli.main import main
from tests.clinic_fixtures import write_dicom


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def cxr(monkeypatch, capfd):
    """Call the command as its entry point does."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["cxr", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(ended.value.code or 0, *capfd.readouterr())

    return run


@pytest.fixture
def ward(tmp_path, chest_pixels):
    """Everything a ward may send: good files of several kinds, and every kind of bad one."""
    folder = tmp_path / "ward"
    folder.mkdir()
    pixels = chest_pixels(blob=(240, 200, 100, 80))
    good = Image.fromarray(pixels)
    good.save(folder / "good.png")
    good.save(folder / "good.jpg", quality=95)
    good.save(folder / "good.tif")
    write_dicom(folder / "good.dcm", pixels)
    (folder / "empty.png").write_bytes(b"")
    (folder / "text.png").write_text("I am no image")
    (folder / "truncated.png").write_bytes((folder / "good.png").read_bytes()[:-3000])
    (folder / "truncated.dcm").write_bytes((folder / "good.dcm").read_bytes()[:-3000])
    Image.new("L", (1, 1), 7).save(folder / "one_pixel.png")
    Image.new("L", (300, 300), 0).save(folder / "black.png")
    (folder / "report.pdf").write_bytes(b"%PDF-1.7")
    (folder / "metadata.csv").write_text("id\n")
    with zipfile.ZipFile(folder / "series.zip", "w") as archive:
        archive.write(folder / "good.png", "inside/good.png")
        archive.writestr("inside/empty.png", b"")
    with zipfile.ZipFile(folder / "evil.zip", "w") as archive:
        archive.writestr("../../evil.png", b"x")
    (tmp_path / "nothing").mkdir()
    return folder


EXPECTED = {
    "ward/empty.png": "empty_file",
    "ward/text.png": "unknown_format",
    "ward/truncated.png": "truncated",
    "ward/truncated.dcm": "truncated",
    "ward/one_pixel.png": "too_small",
    "ward/black.png": "constant_pixels",
    "ward/report.pdf": "unknown_format",
    "ward/series.zip!/inside/empty.png": "empty_file",
    "ward/evil.zip": "unsafe_archive",
    "nothing": "no_images",
}
GOOD = {"ward/good.png", "ward/good.jpg", "ward/good.tif", "ward/good.dcm", "ward/series.zip!/inside/good.png"}


def test_every_bad_input_is_one_typed_refusal_and_the_others_are_screened(cxr, ward, tiny_bundle, tmp_path):
    out = tmp_path / "out"
    done = cxr("screen", ward, tmp_path / "nothing", "--bundle", tiny_bundle, "--out", out)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    lines = [json.loads(line) for line in (out / "results.jsonl").read_text().splitlines()]
    refusals = {r["path"].removeprefix(f"{tmp_path}/"): r["refusal"]["code"] for r in lines if r["status"] == "refused"}
    assert refusals == EXPECTED
    screened = [r for r in lines if r["status"] == "screened"]
    assert {r["path"].removeprefix(f"{tmp_path}/") for r in screened} == GOOD
    assert all(r["triage"] == "refer" and r["findings"][1]["positive"] for r in screened)
    page = (out / "worklist.html").read_text()
    assert all(code in page for code in EXPECTED.values())
    outputs = (
        done.stdout + done.stderr + "".join(p.read_bytes().decode("latin-1") for p in out.rglob("*") if p.is_file())
    )
    assert "Zebrafinch" not in outputs
    assert "Quillon" not in outputs
    assert "SECRET-ID" not in outputs


def test_all_good_is_status_zero(cxr, image_folder, tiny_bundle, tmp_path):
    done = cxr("screen", image_folder, "--bundle", tiny_bundle, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("screened 3, refused 0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["screen", "IMAGES", "--bundle", "/nonexistent", "--out", "OUT"], "no bundle at /nonexistent"),
        (["screen", "/nonexistent", "--bundle", "BUNDLE", "--out", "OUT"], "/nonexistent does not exist"),
        (["screen", "IMAGES", "--bundle", "BUNDLE", "--out", "IMAGES/healthy.png"], "--out takes a folder"),
        (["report", "/nonexistent", "--bundle", "BUNDLE"], "/nonexistent is not a file"),
        (["bundle", "verify", "/nonexistent"], "no bundle at /nonexistent"),
    ],
)
def test_wrong_use_is_one_line_and_status_two(cxr, image_folder, tiny_bundle, tmp_path, arguments, message):
    replace = {"IMAGES": str(image_folder), "BUNDLE": str(tiny_bundle), "OUT": str(tmp_path / "out")}
    for key, value in replace.items():
        arguments = [a.replace(key, value) for a in arguments]
    done = cxr(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert done.stderr.startswith("cxr: ")


def test_inputs_may_stand_in_a_list_and_be_a_part(cxr, image_folder, tiny_bundle, tmp_path):
    films = sorted(image_folder.glob("*.png"))
    listed = tmp_path / "list.txt"
    listed.write_text("# films of the ward\n\n" + "".join(f"{film}\n" for film in films), encoding="utf-8")
    found = []
    for number in (1, 2):
        out = tmp_path / f"part{number}"
        done = cxr(
            "screen", "--input-list", listed, "--bundle", tiny_bundle, "--out", out,
            "--shard", f"{number}/2", "--no-page", "--overlays", "none",
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert not (out / "worklist.html").exists()
        found += [json.loads(line)["path"] for line in (out / "results.jsonl").read_text().splitlines()]
    assert sorted(found) == [str(film) for film in films]
    merged = cxr("results", "merge", tmp_path / "part1", tmp_path / "part2", "--out", tmp_path / "all")
    assert (merged.returncode, merged.stdout) == (0, f"{len(films)} results in {tmp_path / 'all'}, 0 of them refused\n")
    for arguments, message in (
        ((), "no inputs; name files, folders or archives"),
        (("--input-list", tmp_path / "none.txt"), "cannot be read: No such file"),
        ((image_folder, "--shard", "3/2"), "'3/2' is no shard"),
        ((image_folder, "--overlays", "some"), "allowed are all, refer, none"),
    ):
        done = cxr("screen", *arguments, "--bundle", tiny_bundle, "--out", tmp_path / "out")
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
        assert message in done.stderr


def test_bundle_of_another_version_is_refused(cxr, image_folder, make_bundle, tmp_path):
    bundle = make_bundle()
    manifest = json.loads((bundle / "bundle.json").read_text())
    (bundle / "bundle.json").write_text(json.dumps(manifest | {"format_version": 99}))
    done = cxr("screen", image_folder, "--bundle", bundle, "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "format version 99" in done.stderr


def test_report_prints_text_and_json(cxr, image_folder, tiny_bundle):
    text = cxr("report", image_folder / "effusion.png", "--bundle", tiny_bundle)
    assert text.returncode == 0
    assert "pleural effusion on the left" in text.stdout
    line = cxr("report", image_folder / "effusion.png", "--bundle", tiny_bundle, "--json")
    assert json.loads(line.stdout)["report"]["text"] == text.stdout.strip()


def test_report_of_a_refused_image(cxr, ward, tiny_bundle):
    done = cxr("report", ward / "black.png", "--bundle", tiny_bundle, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["refusal"]["code"] == "constant_pixels"
    assert done.stderr.startswith("refused (constant_pixels)")


def test_bundle_commands(cxr, tiny_bundle):
    assert cxr("bundle", "verify", tiny_bundle).stdout.startswith("ok: tiny 1.0.0")
    shown = cxr("bundle", "show", tiny_bundle)
    assert shown.returncode == 0
    assert "Cardiomegaly" in shown.stdout


def test_screening_needs_none_of_the_training_packages(cxr, image_folder, tiny_bundle, tmp_path):
    blocker = tmp_path / "blocked.py"
    blocker.write_text(
        textwrap.dedent(
            """
            import sys

            BLOCKED = {"torch", "torchvision", "lightning", "timm", "spacy", "pandas", "pyarrow", "sklearn",
                       "matplotlib", "onnx", "albumentations", "cv2", "gradio", "highdicom", "pynetdicom"}

            class Blocker:
                def find_spec(self, name, path=None, target=None):
                    if name.partition(".")[0] in BLOCKED:
                        raise ModuleNotFoundError(f"No module named {name!r} (blocked)", name=name)

            sys.meta_path.insert(0, Blocker())
            from cxr.cli.main import main

            main()
            """
        )
    )
    command = [sys.executable, blocker, "screen", image_folder, "--bundle", tiny_bundle, "--out", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len((tmp_path / "out" / "results.jsonl").read_text().splitlines()) == 3


def test_a_name_that_the_dicom_libraries_complain_about_is_never_printed(
    image_folder, tiny_bundle, tmp_path, chest_pixels
):
    """Both libraries warn about names of one component, and quote them."""
    pytest.importorskip("highdicom", reason="DICOM results need the 'pacs' extra")
    folder, out = tmp_path / "ward", tmp_path / "out"
    folder.mkdir()
    write_dicom(folder / "one.dcm", chest_pixels(blob=(240, 200, 100, 80)), name="Zebrafinch")
    image = pydicom.dcmread(folder / "one.dcm")
    image.StudyInstanceUID, image.SeriesInstanceUID, image.PatientBirthDate = generate_uid(), generate_uid(), ""
    image.save_as(folder / "one.dcm")
    command = [sys.executable, "-m", "cxr.cli", "screen", str(folder), "--bundle", str(tiny_bundle), "--dicom"]
    done = subprocess.run([*command, "--out", str(out)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert sorted(p.name for p in (out / "dicom").iterdir()) == ["one_sc.dcm", "one_sr.dcm"]
    assert "Zebrafinch" not in done.stdout + done.stderr
