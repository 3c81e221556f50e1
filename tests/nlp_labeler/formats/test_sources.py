"""Every kind of source gives the same reports, and bad ones as typed refusals."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nlp_labeler import formats
from nlp_labeler.errors import LabelerError
from nlp_labeler.formats.record import MAX_REPORT_CHARACTERS, RefusalCode
from nlp_labeler.formats.source import read_reports

OPENI = """<?xml version="1.0" encoding="utf-8"?>
<eCitation><uId id="CXR77"/><MedlineCitation><Article><Abstract>
<AbstractText Label="COMPARISON"/>
<AbstractText Label="INDICATION">Rule out pneumonia.</AbstractText>
<AbstractText Label="FINDINGS">Heart size is normal &amp; stable.</AbstractText>
<AbstractText Label="IMPRESSION">No acute disease.</AbstractText>
</Abstract></Article></MedlineCitation><MeSH><major>Cardiomegaly/mild</major></MeSH></eCitation>"""


def read(path, content, encoding="utf-8"):
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return list(read_reports(path))


def codes(records):
    return [record.refusal.code if record.refusal else None for record in records]


def test_csv_reads_text_and_ignores_other_columns(tmp_path):
    (record,) = read(tmp_path / "a.csv", 'age,ID,Text\n61,r1,"Small effusion, left.\nNo ""free"" air."\n')
    assert (record.id, record.text) == ("r1", 'Small effusion, left.\nNo "free" air.')


def test_csv_puts_findings_and_impression_together(tmp_path):
    (record,) = read(tmp_path / "a.csv", "id,impression,findings\nr1,Normal.,Clear lungs.\n")
    assert record.text == "FINDINGS: Clear lungs.\nIMPRESSION: Normal."


def test_csv_of_a_spreadsheet_with_byte_order_mark_and_crlf(tmp_path):
    (record,) = read(tmp_path / "a.csv", "\ufeffid,text\r\nr1,Clear.\r\n")
    assert record.text == "Clear."


def test_csv_refuses_bad_rows_one_by_one_and_goes_on(tmp_path):
    content = (
        b"id,text\n,no id\nr2,caf\xe9\nr3,too,many\nr4\nr5,nul\x00byte\nr6,"
        + b"x" * (MAX_REPORT_CHARACTERS + 1)
        + b'\nr7,"quoted"tail\nr8,fine\n'
    )
    records = read(tmp_path / "a.csv", content)
    assert codes(records) == [
        RefusalCode.MISSING_ID,
        RefusalCode.UNDECODABLE,
        RefusalCode.MALFORMED,
        RefusalCode.MALFORMED,
        RefusalCode.NOT_TEXT,
        RefusalCode.TOO_LONG,
        RefusalCode.MALFORMED,
        None,
    ]
    assert [r.id for r in records] == ["", "r2", "r3", "r4", "r5", "r6", "", "r8"]


def test_csv_with_a_quote_that_never_closes_is_refused_not_swallowed(tmp_path):
    records = read(tmp_path / "a.csv", 'id,text\nr1,fine\nr2,"open\nr3,lost\n')
    assert codes(records) == [None, RefusalCode.MALFORMED]


@pytest.mark.parametrize("content", [b"", b"id,report\n1,x\n", b"text\nx\n", bytes(200)])
def test_csv_that_cannot_be_used_is_an_error(tmp_path, content):
    with pytest.raises(LabelerError, match=r"a\.csv: (needed are .*columns are|is empty|is not a text)"):
        read(tmp_path / "a.csv", content)


def test_refusals_hold_no_words_of_the_report(tmp_path):
    records = read(tmp_path / "a.csv", b"id,text\nr1,secretname\xff\nr2,secretname,secretname\n")
    assert all("secretname" not in str(record.refusal) for record in records)


def test_json_lines(tmp_path):
    lines = [
        json.dumps({"id": 7, "text": "Clear.", "age": 3}),
        "",
        json.dumps({"id": "b", "findings": "Clear.", "impression": None}),
        json.dumps({"id": "c"}),
        json.dumps({"text": "no id"}),
        json.dumps({"id": "d", "text": ["not", "text"]}),
        "[1, 2]",
        "{broken",
        "[" * 100_000,
        '{"id": "e", "text": "\\ud800"}',
    ]
    records = read(tmp_path / "a.jsonl", "\n".join(lines))
    assert [r.text for r in records[:2]] == ["Clear.", "FINDINGS: Clear."]
    assert [r.id for r in records[:2]] == ["7", "b"]
    assert codes(records[2:]) == [
        RefusalCode.MISSING_TEXT,
        RefusalCode.MISSING_ID,
        RefusalCode.NOT_TEXT,
        RefusalCode.MALFORMED,
        RefusalCode.MALFORMED,
        RefusalCode.MALFORMED,
        RefusalCode.UNDECODABLE,
    ]


def test_parquet(tmp_path):
    pq.write_table(pa.table({"id": [1, 2, 3, None], "text": ["a", None, "c", "d"]}), tmp_path / "a.parquet")
    records = list(read_reports(tmp_path / "a.parquet"))
    assert [(r.id, r.text) for r in records[:3]] == [("1", "a"), ("2", ""), ("3", "c")]
    assert codes(records) == [None, RefusalCode.MISSING_TEXT, None, RefusalCode.MISSING_ID]


def test_parquet_keeps_plain_columns_and_leaves_pictures_out(tmp_path):
    table = {"id": [1], "age": [63], "picture": [b"\x89PNG"], "boxes": [[1, 2]], "text": ["a"]}
    pq.write_table(pa.table(table), tmp_path / "a.parquet")
    (record,) = read_reports(tmp_path / "a.parquet")
    assert (record.text, dict(record.cells)) == ("a", {"id": "1", "age": "63"})


def test_parquet_is_known_by_its_content_and_bytes_are_checked(tmp_path):
    pq.write_table(pa.table({"id": ["a", "b"], "text": [b"fine", b"\xff"]}), tmp_path / "reports.data")
    assert codes(read_reports(tmp_path / "reports.data")) == [None, RefusalCode.UNDECODABLE]


def test_truncated_parquet_is_an_error(tmp_path):
    with pytest.raises(LabelerError, match="cannot be read as Parquet"):
        read(tmp_path / "a.parquet", b"PAR1 and then nothing")


def test_text_folder_is_read_in_a_fixed_order(tmp_path):
    for name in ("b.txt", "a.txt", "sub/c.txt", ".hidden.txt", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "bad.txt").write_bytes(b"caf\xe9")
    records = list(read_reports(tmp_path))
    assert [r.id for r in records] == ["a", "b", "bad", "sub/c"]
    assert codes(records) == [None, None, RefusalCode.UNDECODABLE, None]


def test_mimic_tree_uses_study_ids(tmp_path):
    report = tmp_path / "files/p10/p10000032/s50414267.txt"
    report.parent.mkdir(parents=True)
    report.write_text("                 FINAL REPORT\n FINDINGS: \n \n Clear lungs.\n")
    assert [r.id for r in read_reports(tmp_path)] == ["s50414267"]
    assert [r.id for r in read_reports(report)] == ["s50414267"]


def test_openi_file_and_folder(tmp_path):
    (record,) = read(tmp_path / "1.xml", OPENI)
    assert record.id == "CXR77"
    assert record.text == (
        "INDICATION: Rule out pneumonia.\nFINDINGS: Heart size is normal & stable.\nIMPRESSION: No acute disease."
    )
    assert list(read_reports(tmp_path)) == [record]


def test_openi_without_abstract_is_refused(tmp_path):
    (record,) = read(tmp_path / "1.xml", "<eCitation/>")
    assert (record.id, record.refusal.code) == ("1", RefusalCode.MISSING_TEXT)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.docx", b"PK\x03\x04", "unknown kind"),
        ("a.xml", b"<html></html>", "root element is <html>"),
        ("a.xml", b"<collection><document>", "not well-formed"),
        ("a.xml", b"", "not well-formed"),
    ],
)
def test_unusable_files_are_errors(tmp_path, name, content, message):
    with pytest.raises(LabelerError, match=message):
        read(tmp_path / name, content)


def test_missing_path_and_empty_folder_are_errors(tmp_path):
    with pytest.raises(LabelerError, match="no such file"):
        read_reports(tmp_path / "none.csv")
    with pytest.raises(LabelerError, match=r"holds no \.txt"):
        list(read_reports(tmp_path))


def test_broken_xml_in_a_folder_is_refused_and_the_rest_is_read(tmp_path):
    (tmp_path / "1.xml").write_text("<eCitation>")
    (tmp_path / "2.xml").write_text(OPENI)
    records = list(read_reports(tmp_path))
    assert codes(records) == [RefusalCode.MALFORMED, None]
    assert records[0].id == "1"


def test_a_source_that_breaks_off_keeps_what_was_read(tmp_path):
    one = "<document><id>a</id><passage><offset>0</offset><text>Clear.</text></passage></document>"
    records = read(tmp_path / "a.xml", f"<collection>{one}<document>")
    assert codes(records) == [None, RefusalCode.MALFORMED]


HEADED = "id{0}text\nr1{0}No effusion.\n"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_tables_of_any_delimiter_and_encoding(tmp_path, delimiter, encoding):
    records = read(tmp_path / "a.csv", HEADED.format(delimiter).encode(encoding))
    assert [(record.id, record.text) for record in records] == [("r1", "No effusion.")]


def test_the_hint_that_excel_writes_names_the_delimiter(tmp_path):
    records = read(tmp_path / "a.csv", "sep=;\r\nid;text\r\nr1;Clear, well expanded lungs\r\n")
    assert [(record.id, record.text) for record in records] == [("r1", "Clear, well expanded lungs")]


def test_xlsx(tmp_path):
    openpyxl = pytest.importorskip("openpyxl", reason="reading .xlsx needs openpyxl")
    book = openpyxl.Workbook()
    for row in (["id", "text"], [12, "No effusion."], [None, None], ["b", "Cardiomegaly.\nClear lungs."]):
        book.active.append(row)
    book.save(tmp_path / "a.xlsx")
    records = list(read_reports(tmp_path / "a.xlsx"))
    assert [(record.id, record.text) for record in records] == [
        ("12", "No effusion."),
        ("b", "Cardiomegaly.\nClear lungs."),
    ]


def test_xlsx_that_is_none_is_an_error(tmp_path):
    pytest.importorskip("openpyxl", reason="reading .xlsx needs openpyxl")
    (tmp_path / "a.xlsx").write_bytes(b"PK no archive")
    with pytest.raises(LabelerError, match=r"a\.xlsx: cannot be read"):
        list(read_reports(tmp_path / "a.xlsx"))


def test_garbage_in_a_header_is_not_shown_as_it_is(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\x1b[31mred\x07,b\n1,2\n")
    with pytest.raises(LabelerError) as raised:
        list(read_reports(tmp_path / "a.csv"))
    assert str(raised.value).isprintable()


def test_a_new_kind_of_source_is_one_new_file(tmp_path, monkeypatch):
    folder = tmp_path / "readers"
    folder.mkdir()
    (folder / "shouted.py").write_text(
        "from nlp_labeler.formats.record import ReportRecord\n"
        "SUFFIXES = frozenset({'.shout'})\n"
        "def read(path, options):\n    yield ReportRecord('1', path.read_text().lower())\n"
    )
    monkeypatch.setattr("nlp_labeler.formats.__path__", [*formats.__path__, str(folder)])
    (tmp_path / "a.shout").write_text("NO EFFUSION.")
    assert [record.text for record in read_reports(tmp_path / "a.shout")] == ["no effusion."]
