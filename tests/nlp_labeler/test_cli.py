"""The command as clinics script against it: arguments, files and exit statuses."""

import csv
import io
import json
import subprocess
import sys

import pytest

from nlp_labeler import cli
from nlp_labeler.findings import CHESTXRAY8
from nlp_labeler.formats.outputs import TABLE_COLUMNS


@pytest.fixture
def command(monkeypatch, capsys):
    """Runs the command in this process; gives exit status, standard output and standard error."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["nlp-labeler", *map(str, arguments)])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        captured = capsys.readouterr()
        return leaving.value.code or 0, captured.out, captured.err

    return run


def test_label_writes_the_table_and_exits_0(tmp_path, command, report_csv):
    status, _, error = command(
        "label", report_csv(12), "-o", tmp_path / "o.csv", "--policy", "openi", "--engine", "surface"
    )
    assert status == 0
    assert error.startswith(
        "12 reports: 12 labeled, 3 of them with No Finding, 0 with passages that were not understood"
    )
    header, *rows = csv.reader((tmp_path / "o.csv").read_text().splitlines())
    assert tuple(header) == TABLE_COLUMNS
    assert len(rows) == 12


def test_refused_reports_make_it_exit_1(tmp_path, command):
    (tmp_path / "a.csv").write_text("id,text\n1,Clear.\n,no id\n3,\n4,INDICATION: Cough.\n")
    status, _, error = command("label", tmp_path / "a.csv", "-o", tmp_path / "o.csv", "--engine", "surface")
    assert status == 1
    assert "4 reports: 1 labeled" in error
    assert "2 refused, 1 without labels" in error
    for line in ("1 missing_id", "1 missing_text", "1 no labeled section"):
        assert f"  {line}\n" in error


def test_a_run_in_which_nothing_was_labeled_exits_2_and_still_says_why(tmp_path, command):
    (tmp_path / "a.csv").write_text("id,findings,impression\n1,,\n")
    status, _, error = command("label", tmp_path / "a.csv", "-o", tmp_path / "o.csv", "--engine", "surface")
    assert status == 2
    assert "not one report could be labeled" in error
    assert "missing_text: row 2 has no text" in (tmp_path / "o.csv").read_text().splitlines()[1]


def test_an_output_folder_that_is_not_there_is_an_error(tmp_path, command, report_csv):
    status, _, error = command("label", report_csv(2), "-o", tmp_path / "nowhere" / "o.csv")
    assert status == 2
    assert "no such folder" in error


def test_columns_and_encoding_of_an_export(tmp_path, command):
    source, out = tmp_path / "a.csv", tmp_path / "o.csv"
    source.write_bytes("ACCESSION;REPORT\n7;No effusion. Seen by Dr Müller.\n7;Cardiomegaly.\n".encode("cp1252"))
    status, _, error = command("label", source, "-o", out, "--engine", "surface")
    assert status == 2
    assert "columns are ['ACCESSION', 'REPORT']; perhaps --columns id=ACCESSION,text=REPORT" in error
    renamed = ("label", source, "-o", out, "--engine", "surface", "--columns", "id=ACCESSION,text=REPORT")
    status, _, _ = command(*renamed)
    assert status == 1
    assert "say --encoding" in out.read_text()
    status, _, error = command(*renamed, "--encoding", "cp1252")
    assert status == 0
    assert "1 ids occur more than once" in error
    rows = list(csv.DictReader(out.read_text().splitlines()))
    assert [row["id"] for row in rows] == ["7", "7"]
    assert rows[0]["Effusion"] == "0"
    assert rows[1]["Cardiomegaly"] == "1"
    assert 0 <= float(rows[0]["coverage"]) <= 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["label"], "Missing argument 'IN'"),
        (["label", "in.csv"], "Missing option '--out'"),
        (["label", "none.csv", "-o", "o.csv"], "no such file"),
        (["label", "in.csv", "-o", "o.csv", "--engine", "magic"], "'magic' is not one of 'auto', 'graph', 'surface'"),
        (["label", "in.csv", "-o", "o.csv", "--policy", "none"], "none"),
        (["label", "in.csv", "-o", "o.csv", "--processes", "0"], "--processes"),
        (["label", "in.csv", "-o", "o.xls"], "cannot write '.xls'"),
        (["label", "columns.csv", "-o", "o.csv", "--engine", "surface"], "needed are 'id'"),
        (["explain", "none.txt"], "no such file"),
        (["magic"], "No such command 'magic'"),
    ],
)
def test_wrong_use_is_one_line_and_exit_2(tmp_path, command, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.csv").write_text("id,text\n1,Clear.\n")
    (tmp_path / "columns.csv").write_text("a,b\n1,Clear.\n")
    status, output, error = command(*arguments)
    assert status == 2
    assert output == ""
    assert error.count("\n") == 1
    assert message in error
    assert not (tmp_path / "o.csv").exists()


@pytest.mark.parametrize("name", ["label", "explain", "evaluate", "train-parser", "policies"])
def test_every_command_has_help(command, name):
    status, output, _ = command(name, "--help")
    assert status == 0
    assert f"nlp-labeler {name}" in output


def test_the_command_loads_nothing_heavy_before_it_is_needed():
    code = "import sys, nlp_labeler.cli; print(sorted({'spacy', 'numpy', 'pyarrow', 'pydantic'} & set(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"


def test_explain_takes_a_file_standard_input_or_words(tmp_path, command, monkeypatch):
    (tmp_path / "r.txt").write_text("FINDINGS: Mild cardiomegaly.")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Mild cardiomegaly.")))
    for report in (tmp_path / "r.txt", "-", "Mild cardiomegaly."):
        status, output, _ = command("explain", report, "--engine", "surface")
        assert status == 0
        assert "Cardiomegaly" in output
        assert "positive" in output


def test_explain_writes_a_page(tmp_path, command):
    status, _, _ = command("explain", "No <b>pneumothorax</b>.", "--html", tmp_path / "p.html", "--engine", "surface")
    assert status == 0
    assert "&lt;b&gt;" in (tmp_path / "p.html").read_text()


def test_explain_says_why_a_page_cannot_be_written(tmp_path, command):
    status, _, error = command("explain", "Clear.", "--html", tmp_path / "none/p.html", "--engine", "surface")
    assert (status, error.count("\n")) == (2, 1)


@pytest.fixture
def gold_csv(tmp_path):
    columns = ("id", "text", *CHESTXRAY8, "No Finding")
    with (tmp_path / "gold.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, columns, restval="0")
        writer.writeheader()
        writer.writerow({"id": "a", "text": "Mild cardiomegaly. No pleural effusion.", "Cardiomegaly": "1"})
        writer.writerow({"id": "b", "text": "Small left pleural effusion.", "Effusion": "1"})
        writer.writerow({"id": "c", "text": "The lungs are clear. Heart size is normal.", "No Finding": "1"})
    return tmp_path / "gold.csv"


def test_evaluate_prints_tables(command, gold_csv):
    status, output, _ = command("evaluate", gold_csv, "--engine", "surface")
    assert status == 0
    assert "micro" in output
    assert "1.000" in output


def test_evaluate_prints_json(command, gold_csv):
    status, output, _ = command("evaluate", gold_csv, "--json", "--engine", "surface")
    assert status == 0
    scores = json.loads(output)
    assert scores["all_reports"]["micro"]["f1"] == 1
    assert scores["with_normal"]["micro"]["n_gold"] == 3


def test_policies_are_listed(command):
    status, output, _ = command("policies")
    assert status == 0
    assert {"openi", "chestxray8", "chexpert"} <= {line.split()[0] for line in output.splitlines()}
