"""Files of labels: the same whatever the format, the number of processes, or how often the run was killed."""

import csv
import json
import os
import signal
import subprocess
import sys
import time

import pyarrow.parquet as pq
import pytest

from nlp_labeler import batch
from nlp_labeler.aggregate import COLUMNS
from nlp_labeler.batch import label_reports
from nlp_labeler.errors import LabelerError
from nlp_labeler.formats.outputs import TABLE_COLUMNS
from nlp_labeler.formats.source import read_reports
from nlp_labeler.labeler import Labeler


def numbers(counts):
    assert sum(counts.reasons.values()) == counts.refused + counts.unlabeled
    return counts.reports, counts.refused, counts.unlabeled


def rows(path):
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_csv_has_the_promised_columns_and_values(tmp_path, report_csv):
    out = tmp_path / "labels.csv"
    assert numbers(label_reports(report_csv(40), out, engine="surface")) == (40, 0, 0)
    assert tuple(out.read_text().splitlines()[0].split(",")) == TABLE_COLUMNS
    labeler = Labeler.load(engine="surface")
    for row, record in zip(rows(out), read_reports(report_csv(40)), strict=True):
        labels = labeler.label(record.text).labels
        assert row["id"] == record.id
        assert row["status"] == "ok"
        assert {name: row[name] for name in COLUMNS} == {k: "" if v is None else str(v) for k, v in labels.items()}


def test_refused_and_empty_reports_keep_their_rows(tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "labels.csv"
    source.write_bytes(b"id,text\nr1,Mild cardiomegaly.\n,no id\nr3,caf\xe9\nr4,\n")
    assert numbers(label_reports(source, out, engine="surface")) == (4, 3, 0)
    table = rows(out)
    assert [row["id"] for row in table] == ["r1", "", "r3", "r4"]
    assert [row["status"].split(":")[0] for row in table] == ["ok", "missing_id", "undecodable", "missing_text"]
    assert all(row[name] == "" for row in table[1:] for name in COLUMNS)


def test_a_run_does_not_go_on_under_an_edited_lexicon(tmp_path, report_csv, monkeypatch):
    options = batch.Options("openi", "surface", tmp_path / "labels.csv", False)
    before = batch.run_identity(report_csv(3), options, None)
    assert before == batch.run_identity(report_csv(3), options, None) | {"source": before["source"]}
    monkeypatch.setattr(batch.resources, "files", lambda _: tmp_path)
    (tmp_path / "cues.toml").write_text("edited")
    assert batch.run_identity(report_csv(3), options, None)["rules"] != before["rules"]


def test_every_format_says_the_same(tmp_path, report_csv):
    source = report_csv(60)
    for suffix in ("csv", "jsonl", "parquet", "xml"):
        label_reports(source, tmp_path / f"labels.{suffix}", engine="surface")
    table = rows(tmp_path / "labels.csv")
    parquet = pq.read_table(tmp_path / "labels.parquet").to_pylist()
    lines = [json.loads(line) for line in (tmp_path / "labels.jsonl").read_text().splitlines()]
    reports = list(read_reports(tmp_path / "labels.xml"))
    # The other columns of the table have no place in BioC.
    assert [(r.id, r.text, r.refusal) for r in reports] == [(r.id, r.text, r.refusal) for r in read_reports(source)]
    for row, typed, line in zip(table, parquet, lines, strict=True):
        assert row == {name: "" if value is None else str(value) for name, value in typed.items()}
        assert line["labels"] == {name: typed[name] for name in COLUMNS}


def test_evidence_stands_where_it_says(tmp_path, report_csv):
    source, evidence = report_csv(40), tmp_path / "evidence.jsonl"
    label_reports(source, tmp_path / "labels.csv", engine="surface", evidence=evidence)
    texts = {record.id: record.text for record in read_reports(source)}
    mentions = 0
    for line in evidence.read_text().splitlines():
        report = json.loads(line)
        for mention in report["mentions"]:
            mentions += 1
            assert texts[report["id"]][mention["start"] : mention["end"]] == mention["text"]
            assert mention["rule"]
    assert mentions > 40


def test_two_processes_write_the_same_file(tmp_path, report_csv, monkeypatch):
    monkeypatch.setattr(batch, "CHUNK_REPORTS", 50)
    source = report_csv(400)
    label_reports(source, tmp_path / "one.csv", engine="surface")
    label_reports(source, tmp_path / "two.csv", engine="surface", processes=2)
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


SLOW_RUN = """
import sys, time
from pathlib import Path
from nlp_labeler import batch

batch.CHUNK_REPORTS = 20
if __name__ == "__main__":
    source, out, evidence, processes = sys.argv[1:]
    batch.label_reports(Path(source), Path(out), engine="surface", evidence=Path(evidence),
                        processes=int(processes), advance=lambda _: time.sleep(0.05))
"""


@pytest.mark.parametrize("processes", [1, 2])
def test_a_killed_run_goes_on_without_loss_or_duplicates(tmp_path, report_csv, monkeypatch, processes):
    monkeypatch.setattr(batch, "CHUNK_REPORTS", 20)
    source, out, evidence = report_csv(1000), tmp_path / "labels.csv", tmp_path / "evidence.jsonl"
    script = tmp_path / "slow.py"
    script.write_text(SLOW_RUN)
    journal = tmp_path / ".labels.csv.parts/journal.jsonl"
    for kill_after in (5, 15):
        run = subprocess.Popen([sys.executable, script, source, out, evidence, str(processes)], start_new_session=True)
        deadline = time.monotonic() + 60
        while not journal.exists() or journal.read_bytes().count(b"\n") < kill_after:
            assert run.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        run.send_signal(signal.SIGKILL)
        run.wait()
        assert not out.exists()
    done = []
    assert numbers(label_reports(source, out, engine="surface", evidence=evidence, advance=done.append)) == (1000, 0, 0)
    assert done[0] >= 14 * 20
    assert sum(done) == 1000
    assert [row["id"] for row in rows(out)] == [f"r{i}" for i in range(1000)]
    fresh, fresh_evidence = tmp_path / "fresh.csv", tmp_path / "fresh.jsonl"
    label_reports(source, fresh, engine="surface", evidence=fresh_evidence)
    assert out.read_bytes() == fresh.read_bytes()
    assert evidence.read_bytes() == fresh_evidence.read_bytes()
    assert not list(tmp_path.glob(".*"))


def test_workers_of_a_killed_run_end(tmp_path, report_csv):
    script, out = tmp_path / "slow.py", tmp_path / "labels.csv"
    script.write_text(SLOW_RUN)
    arguments = [sys.executable, script, report_csv(2000), out, tmp_path / "e.jsonl", "2"]
    run = subprocess.Popen(arguments, start_new_session=True)
    journal = tmp_path / ".labels.csv.parts/journal.jsonl"
    while not journal.exists() or journal.read_bytes().count(b"\n") < 5:
        time.sleep(0.02)
    group = os.getpgid(run.pid)
    run.kill()
    run.wait()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("workers outlive the run that was killed")


def interrupted(tmp_path, source, after=3):
    class StopError(Exception):
        pass

    def stop(_):
        nonlocal after
        after -= 1
        if after < 0:
            raise StopError

    with pytest.raises(StopError):
        label_reports(source, tmp_path / "labels.csv", engine="surface", advance=stop)


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(batch, "CHUNK_REPORTS", 10)


def resumed(tmp_path, source, **options):
    done = []
    label_reports(source, tmp_path / "labels.csv", engine="surface", advance=done.append, **options)
    return done[0]


@pytest.mark.usefixtures("small_chunks")
class TestResume:
    def test_finished_parts_are_kept(self, tmp_path, report_csv):
        source = report_csv(100)
        interrupted(tmp_path, source)
        assert resumed(tmp_path, source) == 30

    def test_another_input_or_policy_begins_anew(self, tmp_path, report_csv):
        source = report_csv(100)
        interrupted(tmp_path, source)
        assert resumed(tmp_path, source, policy="chexpert") == 0
        interrupted(tmp_path, source)
        source.write_text("id,text\nother,Clear.\n")
        assert resumed(tmp_path, source) == 0
        assert [row["id"] for row in rows(tmp_path / "labels.csv")] == ["other"]

    def test_a_torn_journal_line_and_a_lost_part_are_done_again(self, tmp_path, report_csv):
        source = report_csv(100)
        interrupted(tmp_path, source)
        parts = tmp_path / ".labels.csv.parts"
        with (parts / "journal.jsonl").open("ab") as journal:
            journal.write(b'{"counts": {"repo')
        (parts / "00000002.csv").unlink()
        assert resumed(tmp_path, source) == 20
        assert [row["id"] for row in rows(tmp_path / "labels.csv")] == [f"r{i}" for i in range(100)]

    def test_two_runs_on_one_output_are_refused(self, tmp_path, report_csv):
        source, out = report_csv(30), tmp_path / "labels.csv"
        second = [sys.executable, "-m", "nlp_labeler.cli", "label", source, "-o", out, "--engine", "surface"]
        said = []

        def again(_):
            if not said:
                said.append(subprocess.run(second, capture_output=True, text=True, check=False).stderr)

        label_reports(source, out, engine="surface", advance=again)
        assert "another run is writing" in said[0]
        assert len(rows(out)) == 30


def test_a_failed_run_leaves_the_old_output_and_no_rubbish(tmp_path):
    source, out = tmp_path / "a.csv", tmp_path / "labels.csv"
    source.write_text("name,words\n1,2\n")
    out.write_text("old")
    with pytest.raises(LabelerError, match="needed are 'id'"):
        label_reports(source, out, engine="surface")
    assert out.read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "labels.csv"]


@pytest.mark.parametrize(
    ("source", "out", "evidence", "message"),
    [
        ("a.csv", "a.csv", None, "is the input"),
        ("a.csv", "o.docx", None, "cannot write '.docx'"),
        ("a.csv", ".", None, "cannot write"),
        ("a.csv", "o.jsonl", "o.jsonl", "cannot be one file"),
        ("a.csv", "o.csv", "e.csv", "evidence is JSON Lines"),
        ("none.csv", "o.csv", None, "no such file"),
        ("folder", "folder/o.xml", None, "lies in the folder"),
        ("a.csv", "a.csv/o.csv", None, "a.csv"),
    ],
)
def test_paths_that_get_in_each_others_way_are_errors(tmp_path, source, out, evidence, message):
    (tmp_path / "a.csv").write_text("id,text\n1,Clear.\n")
    (tmp_path / "folder").mkdir()
    with pytest.raises(LabelerError, match=message):
        label_reports(
            tmp_path / source, tmp_path / out, engine="surface", evidence=tmp_path / evidence if evidence else None
        )


def test_a_report_that_breaks_the_labeler_is_refused_alone(tmp_path, report_csv, monkeypatch):
    label = Labeler.label

    def broken(self, text):
        if text.startswith("Report 7."):
            raise RuntimeError("words of the report")
        return label(self, text)

    monkeypatch.setattr(Labeler, "label", broken)
    monkeypatch.setattr(Labeler, "pipe", lambda self, texts: map(self.label, texts))
    out = tmp_path / "labels.csv"
    assert numbers(label_reports(report_csv(20), out, engine="surface")) == (20, 1, 0)
    assert [row["status"] for row in rows(out) if row["status"] != "ok"] == [
        "labeling_failed: the labeler failed (RuntimeError)"
    ]
