"""Rows say how they came about, and cannot be written where that would not be true."""

import json
import subprocess

import pytest
from pydantic import ValidationError

from benchmarks import __main__ as command
from benchmarks import provenance
from benchmarks.record import Recording, Results, Row, exact, line, over_seeds, read
from cxr.evaluation import Estimate

COMMON = {"n": 10, "unit_of_n": "images", "data": "phantoms"}


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with a benchmark that imports a package with data, and one module beside it."""
    for path, text in {
        "benchmarks/__init__.py": "",
        "benchmarks/probe.py": "from cxr.used import used\nCOMMAND = 'cxr.started'\n",
        "cxr/__init__.py": "",
        "cxr/used/__init__.py": "def used(): ...\n",
        "cxr/used/table.toml": "a = 1\n",
        "cxr/started.py": "",
        "cxr/other.py": "",
        "nlp_labeler/__init__.py": "",
        "README.md": "",
    }.items():
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    monkeypatch.setattr(provenance, "ROOT", tmp_path)
    monkeypatch.setattr(provenance.grimp, "build_graph", _Graph)
    git(tmp_path, "init", "-q")
    commit(tmp_path)
    return tmp_path


class _Graph:
    """The import graph of the repository above: grimp reads installed packages only."""

    modules = frozenset(
        {"benchmarks", "benchmarks.probe", "cxr", "cxr.used", "cxr.started", "cxr.other", "nlp_labeler"}
    )

    def __init__(self, *packages, cache_dir):
        pass

    def find_modules_directly_imported_by(self, name):
        return {"cxr.used"} if name == "benchmarks.probe" else set()


def git(folder, *arguments):
    identity = ("-c", "user.name=a", "-c", "user.email=a@b")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder):
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "x", "--allow-empty")


def change(folder, path, text):
    (folder / path).write_text(text)
    commit(folder)
    return provenance.code_hash("benchmarks.probe")


def test_an_interval_has_a_kind_and_a_kind_has_ends():
    with pytest.raises(ValidationError, match=r"ends 0\.1, None"):
        Row(table="t", row="r", metric="m", value=0.2, low=0.1, interval="exact", **COMMON)
    with pytest.raises(ValidationError, match="of interval 'none'"):
        Row(table="t", row="r", metric="m", value=0.2, low=0.1, high=0.3, **COMMON)


def test_a_line_has_a_row_per_metric_and_intervals_only_where_figures_have_ends():
    found = line("t", "r", {"AUC": Estimate(0.5, 0.4, 0.6), "crashes": 3.0}, seeds=(0, 1), **COMMON)
    assert [(row.metric, row.value, row.low, row.interval) for row in found] == [
        ("AUC", 0.5, 0.4, "bootstrap by patient"),
        ("crashes", 3.0, None, "none"),
    ]
    assert all(row.seeds == (0, 1) for row in found)


def test_one_seed_has_no_range():
    assert over_seeds([0.5]) == 0.5
    assert over_seeds([0.5, 0.7, 0.9]) == Estimate(pytest.approx(0.7), 0.5, 0.9)


def test_an_exact_interval_of_no_event_in_299_ends_at_its_known_bound():
    found = exact(0, 299)
    assert (found.value, found.low) == (0, 0)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / 299))


def test_the_hash_follows_what_a_benchmark_uses_and_nothing_else(checkout):
    before = provenance.code_hash("benchmarks.probe")
    assert change(checkout, "cxr/other.py", "x = 1\n") == before
    assert change(checkout, "cxr/used/__init__.py", "def used(): return 1\n") != before
    with_code = provenance.code_hash("benchmarks.probe")
    assert change(checkout, "cxr/used/table.toml", "a = 2\n") != with_code
    with_data = provenance.code_hash("benchmarks.probe")
    assert change(checkout, "cxr/started.py", "x = 1\n") != with_data  # it is run by its name
    assert change(checkout, "cxr/__init__.py", "x = 1\n") != provenance.code_hash("cxr.other")


@pytest.mark.parametrize("path", ["cxr/other.py", "untracked.py"])
def test_changes_refuse_a_recording(checkout, path):
    (checkout / path).write_text("changed\n")
    with pytest.raises(SystemExit, match=path):
        Recording("probe")


def test_outputs_of_an_earlier_benchmark_do_not(checkout):
    (checkout / "README.md").write_text("a new table\n")
    Recording("probe")


def test_code_that_changes_while_a_benchmark_runs_refuses_its_rows(checkout, tmp_path):
    recording = Recording("probe")
    change(checkout, "cxr/used/__init__.py", "y = 2\n")
    with pytest.raises(SystemExit, match="changed while it ran"):
        recording.write([], tmp_path)


def test_rows_bear_the_commit_they_were_begun_at_and_the_hash_of_their_code(checkout, tmp_path):
    recording = Recording("probe")
    begun = provenance.commit()
    change(checkout, "cxr/other.py", "z = 3\n")
    path = recording.write(line("t", "r", {"AUC": 0.5}, **COMMON), tmp_path / "out")
    row = Results.model_validate_json(path.read_text()).rows[0]
    assert (row.commit, row.code) == (begun, provenance.code_hash("benchmarks.probe"))
    assert row.commit != provenance.commit()


def test_a_run_is_taken_up_only_where_the_same_code_and_data_made_it(checkout, monkeypatch, tmp_path):
    data = tmp_path / "data"
    (data / "nih").mkdir(parents=True)
    index = data / "nih" / "index.csv"
    index.write_text("a\n1\n")
    commit(checkout)
    monkeypatch.setenv("CXR_SHARED_DATA", str(data))

    def used(): ...

    used.__module__ = "cxr.used"
    provenance.begin()
    first = provenance.run_folder("run", ("nih",), used)
    begun = provenance.commit()
    change(checkout, "cxr/other.py", "w = 4\n")
    assert provenance.run_folder("run", ("nih",), used) == first
    assert provenance.runs_used() == (begun,)
    assert provenance.run_folder("run", ("nih",), used, variant="epochs 20") != first
    index.write_text("a\n2\n")
    provenance._folder_hash.cache_clear()
    assert provenance.run_folder("run", ("nih",), used) != first
    index.write_text("a\n1\n")
    provenance._folder_hash.cache_clear()
    change(checkout, "cxr/used/table.toml", "a = 5\n")
    assert provenance.run_folder("run", ("nih",), used) != first
    assert json.loads((first / "begun.json").read_text())["commit"] == begun


@pytest.mark.parametrize("name", [path.stem for path in sorted(provenance.RESULTS.glob("*.json"))])
def test_every_recorded_row_says_where_it_was_measured(name):
    assert name in command.names()
    results = read(name)
    assert results.benchmark == name
    assert all(row.commit for row in results.rows)


def test_the_hash_of_the_real_benchmarks_follows_their_imports():
    found = {name: provenance.code_hash(f"benchmarks.{name}") for name in ("gate", "segmentation")}
    assert len(set(found.values())) == 2
    assert found["gate"] == provenance.code_hash("benchmarks.gate")
