"""The clinic's base install has no spaCy, pyarrow or pandas: CSV in and out with the surface rules works anyway."""

import subprocess
import sys

import pytest

# None in sys.modules makes every import of the name fail as if it were not installed.
BLOCKED = """
import sys
for name in ("spacy", "thinc", "pyarrow", "pandas", "torch", "sklearn", "matplotlib"):
    sys.modules[name] = None
sys.argv = ["nlp-labeler", *sys.argv[1:]]
from nlp_labeler.cli import main
main()
"""


@pytest.fixture
def base_install(tmp_path):
    (tmp_path / "reports.csv").write_text("id,text\nr1,Mild cardiomegaly. No pleural effusion.\n")

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-c", BLOCKED, *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )

    return run


@pytest.mark.parametrize("engine", ["auto", "surface"])
@pytest.mark.parametrize("suffix", ["csv", "jsonl", "xml"])
def test_labels_without_any_extra(tmp_path, base_install, engine, suffix):
    done = base_install("label", "reports.csv", "-o", f"labels.{suffix}", "--engine", engine)
    summary = (
        "1 labeled, 0 of them with No Finding, 0 with passages that were not understood; 0 refused, 0 without labels"
    )
    assert (done.returncode, done.stderr) == (0, f"1 reports: {summary}: labels.{suffix}\n")
    assert "Cardiomegaly" in (tmp_path / f"labels.{suffix}").read_text()


def test_explain_without_any_extra(tmp_path, base_install):
    done = base_install("explain", "Mild cardiomegaly.", "--html", "page.html")
    assert done.returncode == 0
    assert "Cardiomegaly" in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    "arguments",
    [
        ("label", "reports.csv", "-o", "labels.parquet"),
        ("label", "reports.parquet", "-o", "labels.csv"),
        ("label", "reports.csv", "-o", "labels.csv", "--engine", "graph"),
        ("train-parser", ".", "-o", "model"),
    ],
)
def test_what_needs_the_extra_says_so_in_one_line(tmp_path, base_install, arguments):
    (tmp_path / "reports.parquet").write_bytes(b"PAR1")
    done = base_install(*arguments)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "pip install 'cxr[label]'" in done.stderr
