"""What it takes to add a finding or an output: copies of the packages, with as few changes as CONTRIBUTING says."""

import filecmp
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import cxr
import nlp_labeler

FRACTURE = """
[finding.Fracture]
parent = "Abnormal"
noun = "a fracture"
sided = true
zoned = false
colour = "#ffffff"
code = ["125605004", "SCT", "Fracture"]
site = ["113197003", "SCT", "Rib"]
"""
USE_FRACTURE = """
import sys
from PIL import Image
from cxr.localization import Box
from cxr.outputs.finding_codes import finding_concept
from cxr.reporting import FindingResult, write_report
from nlp_labeler import Labeler
from nlp_labeler.findings import LABELS, finding_entry

labels = Labeler.load(policy="openi", engine="surface").label("There is an acute rib fracture on the left.").labels
found = FindingResult("Fracture", 0.8, 0.3, True, None, (Box(800, 100, 50, 50, 0.8),))
print(LABELS[-1], labels["Fracture"], finding_entry("Fracture").rgb, finding_concept("Fracture").value)
print(write_report([found], triage="refer", width=1000, height=1000).sentences[0].text)
"""
COUNT_OUTPUT = '''
"""counts.txt: how many inputs there were."""
from cxr.outputs.journal import read_results
from cxr.outputs.writers import Writer


def _pages(folder, model, label_space):
    (folder / "counts.txt").write_text(str(len(list(read_results(folder / "results.jsonl")))))


WRITER = Writer(files=lambda examination: {"names/{}.txt": b"seen"}, pages=_pages)
'''


@pytest.fixture
def copy(tmp_path):
    """The packages as installed, to be changed at will, without the trained weights of the parser."""
    for package in (cxr, nlp_labeler):
        source = Path(package.__file__).parent
        shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def changed(copy):
    """Files of the packages that differ from the original or are new."""
    root = Path(cxr.__file__).parents[1]
    files = [
        p for name in ("cxr", "nlp_labeler") for p in (copy / name).rglob("*") if p.is_file() and "pyc" not in p.name
    ]
    return [
        p.name
        for p in files
        if not (root / p.relative_to(copy)).is_file() or not filecmp.cmp(p, root / p.relative_to(copy), shallow=False)
    ]


def run(copy, *arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env={"PYTHONPATH": str(copy)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_new_finding_is_its_table_and_its_terms(copy):
    pytest.importorskip("highdicom", reason="codes in DICOM need the 'pacs' extra")
    table = copy / "nlp_labeler" / "findings.toml"
    table.write_text(table.read_text().replace('"Hernia",\n', '"Hernia", "Fracture",\n', 1) + FRACTURE)
    terms = copy / "nlp_labeler" / "lexicon" / "abnormalities.toml"
    terms.write_text(terms.read_text().replace("[fracture]\n", '[fracture]\nfinding = "Fracture"\n', 1))
    done = run(copy, "-c", USE_FRACTURE)
    assert done.stdout.splitlines() == [
        "Fracture 1 (255, 255, 255) 125605004",
        "There is likely a fracture on the left (estimated probability 80%).",
    ], done.stderr
    assert sorted(changed(copy)) == ["abnormalities.toml", "findings.toml"]


def test_a_finding_without_a_colour_is_named(copy):
    table = copy / "nlp_labeler" / "findings.toml"
    table.write_text(table.read_text().replace('colour = "#e0aaff"\n', ""))
    done = run(copy, "-c", "import nlp_labeler.findings")
    assert "findings.toml: finding.Hernia.colour: Field required" in done.stderr


def test_a_new_output_is_one_file(copy, tiny_bundle, image_folder):
    (copy / "cxr" / "outputs" / "writers" / "counts.py").write_text(COUNT_OUTPUT)
    options = ("--bundle", str(tiny_bundle), "--workers", "1", "--output", "counts")
    done = run(copy, "-m", "cxr.cli", "screen", str(image_folder), "--out", str(copy / "out"), *options)
    assert done.returncode == 0, done.stderr
    assert (copy / "out" / "counts.txt").read_text() == "3"
    assert len(list((copy / "out" / "names").glob("*.txt"))) == 3
    assert (copy / "out" / "worklist.html").is_file()
    assert changed(copy) == ["counts.py"]


def test_an_unknown_output_is_refused_with_those_there_are(copy, tiny_bundle, image_folder):
    done = run(copy, "-m", "cxr.cli", "screen", str(image_folder), "--out", str(copy / "out"), "--output", "postcard")
    assert (done.returncode, done.stderr) == (
        2,
        "cxr: no output 'postcard'; there are dicom, fhir, gsps, overlays, studies, table, worklist\n",
    )
