"""cxr from Python: a dozen lazy names, pictures in memory, tables, notebooks, and the reference of it all."""

import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from nbclient import NotebookClient
from PIL import Image

import cxr
from cxr.errors import ConfigError
from nlp_labeler.document import AssertedMention, Assertion, ReportLabels


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


def test_the_import_is_light_and_the_clinics_side_stays_so():
    run = python(
        "import sys, cxr\n"
        "loaded = lambda *names: [name for name in names if name in sys.modules]\n"
        "assert not loaded('numpy', 'pydantic', 'torch', 'pandas', 'spacy')\n"
        "cxr.Screener, cxr.Bundle, cxr.ScreeningResult, cxr.fit_operating_points, cxr.Labeler, cxr.FindingTable\n"
        "assert not loaded('torch', 'pandas', 'spacy'), loaded('torch', 'pandas', 'spacy')\n"
    )
    assert run.returncode == 0, run.stderr


def test_every_name_is_there_and_the_stub_says_the_same(repository_root: Path):
    names = [name for name in cxr.__all__ if name != "__version__"]
    assert len(names) >= 12
    assert set(cxr.__all__) <= set(dir(cxr))
    assert all(callable(getattr(cxr, name)) for name in names)
    namespace: dict[str, object] = {}
    exec((repository_root / "cxr" / "__init__.pyi").read_text(), namespace)  # imports and annotations alone
    assert set(namespace["__all__"]) == set(cxr.__all__)  # type: ignore[call-overload]
    assert all(namespace[name] is getattr(cxr, name) for name in names)
    with pytest.raises(AttributeError, match="has no attribute 'Screemer'"):
        cxr.Screemer  # noqa: B018


def test_a_missing_extra_is_named():
    run = python(
        "import sys\nsys.modules['torch'] = None\nimport cxr\n"
        "try:\n    cxr.train\nexcept Exception as error:\n    print(type(error).__name__, error)\n"
    )
    assert run.stdout.startswith("MissingExtraError"), run.stdout + run.stderr
    assert "cxr[train]" in run.stdout


@pytest.fixture(scope="module")
def screener(tiny_bundle: Path) -> "cxr.Screener":
    return cxr.Screener(tiny_bundle)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_picture_in_memory_is_screened_as_its_file(screener: "cxr.Screener", tmp_path: Path, dtype: type):
    pixels = np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (90, 70), dtype=dtype)
    file = tmp_path / "film.png"
    Image.fromarray(pixels).save(file)
    on_disk = screener.screen(file)
    assert on_disk.status == "screened"
    for picture in (pixels, pixels.T.copy().T, Image.fromarray(pixels), file.read_bytes()):
        in_memory = screener.screen(picture)
        assert (in_memory.path, in_memory.findings, in_memory.triage) == ("picture", on_disk.findings, on_disk.triage)
    if dtype is np.uint16:
        scaled = screener.screen(pixels / 65535, name="scaled")
        assert (scaled.path, scaled.findings) == ("scaled", on_disk.findings)


@pytest.mark.parametrize(
    ("picture", "message"),
    [
        (np.full((9, 9), 1.5), r"floats must lie in \[0, 1\]"),
        (np.full((9, 9), np.nan), r"floats must lie in \[0, 1\]"),
        (np.zeros((9, 9), np.int32), r"array \(9, 9\) of int32"),
        (np.zeros((3, 9, 9), np.uint8), r"array \(3, 9, 9\) of uint8"),
        (np.zeros((0, 9), np.uint8), r"array \(0, 9\)"),
        (Image.new("F", (9, 9)), "mode F"),
    ],
)
def test_a_picture_of_unknown_meaning_is_refused(screener: "cxr.Screener", picture: object, message: str):
    with pytest.raises(ConfigError, match=message):
        screener.screen(picture)  # type: ignore[arg-type]


def test_reports_become_a_table_with_the_index_of_the_series():
    labeler = cxr.Labeler.load(engine="surface")
    texts = pd.Series(["No effusion.", "Possible pneumonia.", ""], index=["a", "b", "c"])
    table = labeler.frame(texts)
    assert list(table.index) == ["a", "b", "c"]
    assert list(table.columns) == [*labeler.columns, "status", "coverage"]
    assert (table.loc["a", "Effusion"], table.loc["b", "Pneumonia"]) == (0, -1)
    assert table.loc["c", list(labeler.columns)].isna().all()
    assert table.loc["c", "status"] == "empty"
    pd.testing.assert_frame_equal(labeler.frame(iter(texts)), table.reset_index(drop=True))
    assert labeler.frame([]).empty


def test_results_show_themselves_and_escape_what_files_say(screener: "cxr.Screener"):
    pixels = np.random.default_rng(0).integers(0, 255, (90, 70), dtype=np.uint8)
    shown = screener.screen(pixels, name="<script>")._repr_html_()
    assert "&lt;script&gt;" in shown
    assert "<script>" not in shown
    assert all(name in shown for name in screener.bundle.manifest.label_space)
    refused = screener.screen(b"no picture")._repr_html_()
    assert "refused" in refused
    said = "<b>Effusion</b> is seen."
    mention = AssertedMention(
        "effusion", "Effusion", True, "Effusion", 3, 11, said, 0, "body", Assertion.AFFIRMED, "plain"
    )
    labels = ReportLabels(said, {"Effusion": 1, "Mass": None}, (mention,))._repr_html_()
    assert "&lt;b&gt;Effusion&lt;/b&gt; is seen." in labels
    assert "Mass" not in labels


@pytest.mark.filterwarnings("default")  # of the notebook's machinery
def test_the_notebook_runs_and_shows_what_it_says(repository_root: Path):
    notebook = nbformat.read(repository_root / "examples" / "tour.ipynb", as_version=4)
    resources = {"metadata": {"path": str(repository_root / "examples")}}
    NotebookClient(notebook, timeout=120, kernel_name="python3", resources=resources).execute()
    shown = [
        output["data"].get("text/html", "")
        for cell in notebook.cells
        for output in cell.get("outputs", ())
        if output["output_type"] == "execute_result"
    ]
    assert "affirmed" in shown[0]
    assert "Tuberculosis" in shown[2]
    assert "triage" in shown[3]
    assert "refused" in shown[4]
    assert "refused" in shown[5]


def test_the_reference_builds_without_a_warning_and_without_a_network(repository_root: Path, tmp_path: Path):
    run = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")],
        cwd=repository_root,
        env={"PATH": "", "http_proxy": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    pages = {path: path.read_text(encoding="utf-8") for path in (tmp_path / "site").rglob("index.html")}
    for anchor in ("Screener.screen", "Labeler.frame", "train.train", "fit_operating_points", "build_dataset"):
        assert any(f'{anchor}"' in page for page in pages.values()), anchor
    for path, page in pages.items():
        assert 'src="http' not in page, path
        assert "fonts.googleapis" not in page, path
