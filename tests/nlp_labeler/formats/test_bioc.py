"""BioC out and in again gives the same reports, and annotations that stand where they say."""

from xml.etree.ElementTree import fromstring

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlp_labeler.document import AssertedMention, Assertion, ReportLabels
from nlp_labeler.findings import LABELS, NO_FINDING
from nlp_labeler.formats.bioc_xml import BIOC_FOOTER, BIOC_HEADER, bioc_document, read_bioc
from nlp_labeler.formats.record import RefusalCode, ReportRecord, ReportRefusal

TEXT = "FINDINGS: No effusion <5 mm.\r\nPossible 肺炎 & \U0001f600 nodule."


def mention(text, word, assertion, **attributes):
    start = text.index(word)
    return AssertedMention(
        concept=word,
        finding="Effusion",
        abnormal=True,
        text=word,
        start=start,
        end=start + len(word),
        sentence=text,
        sentence_start=0,
        section="findings",
        assertion=assertion,
        rule="surface:negation.no",
        **attributes,
    )


def result(text, mentions=()):
    labels = dict.fromkeys((*LABELS, NO_FINDING)) | {"Effusion": 0, "Nodule": -1}
    return ReportLabels(text=text, labels=labels, mentions=mentions)


def written_and_read(tmp_path, *documents):
    path = tmp_path / "a.xml"
    path.write_text(BIOC_HEADER + "".join(documents) + BIOC_FOOTER, encoding="utf-8", newline="")
    return list(read_bioc(path))


def test_round_trip_keeps_ids_and_texts(tmp_path):
    records = [ReportRecord("a & b", TEXT), ReportRecord("2", "Clear.")]
    assert written_and_read(tmp_path, *(bioc_document(r, result(r.text)) for r in records)) == records


@given(
    text=st.text(
        st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff"), max_size=50
    ).filter(str.strip)
)
def test_round_trip_of_any_text(tmp_path_factory, text):
    (record,) = written_and_read(tmp_path_factory.mktemp("bioc"), bioc_document(ReportRecord("1", text), result(text)))
    assert record.text == text


def test_characters_xml_cannot_hold_become_blanks_one_for_one(tmp_path):
    text = "a\x01b\x0bc"
    (record,) = written_and_read(tmp_path, bioc_document(ReportRecord("1", text), result(text)))
    assert record.text == "a b c"


def test_annotations_carry_what_negbio_reads():
    mentions = (
        mention(TEXT, "effusion", Assertion.NEGATED, cui="C0032227", side="left"),
        mention(TEXT, "nodule", Assertion.UNCERTAIN),
    )
    document = fromstring(bioc_document(ReportRecord("1", TEXT), result(TEXT, mentions)))
    passage = document.find("passage")
    found = []
    for annotation in passage.iter("annotation"):
        location = annotation.find("location")
        start, length = int(location.get("offset")), int(location.get("length"))
        assert passage.findtext("text")[start : start + length] == annotation.findtext("text")
        found.append({i.get("key"): i.text for i in annotation.iter("infon")})
    assert found[0]["negation"] == "True"
    assert "uncertainty" not in found[0]
    assert (found[0]["CUI"], found[0]["side"], found[0]["observation"]) == ("C0032227", "left", "Effusion")
    assert found[1]["uncertainty"] == "True"
    assert "negation" not in found[1]


def test_labels_are_infons_of_the_document_and_refusals_its_status():
    document = fromstring(bioc_document(ReportRecord("1", TEXT), result(TEXT)))
    infons = {i.get("key"): i.text for i in document.findall("infon")}
    assert infons == {"status": "ok", "Effusion": "0", "Nodule": "-1"}
    refusal = ReportRefusal(RefusalCode.TOO_LONG, "row 3")
    document = fromstring(bioc_document(ReportRecord("1", "", refusal), None))
    assert document.findtext("infon") == "too_long: row 3"


def passage(offset, text, title=None):
    heading = f'<infon key="title">{title}</infon>' if title else ""
    return f"<passage>{heading}<offset>{offset}</offset><text>{text}</text></passage>"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (passage(0, "One.") + passage(6, "Two."), "One.\n\nTwo."),
        (passage(0, "FINDINGS:", "findings") + passage(10, "Clear.", "findings"), "FINDINGS:\nClear."),
        (passage(0, "Cough.", "indication") + passage(7, "Clear.", "findings"), "INDICATION: Cough.\nFINDINGS: Clear."),
        (passage(0, "One.") + passage(10**12, "Two."), "One.\nTwo."),
        (passage(0, "One.") + passage(0, "Two."), "One.\nTwo."),
        (
            "<passage><offset>5</offset><sentence><offset>5</offset><text>One.</text></sentence>"
            "<sentence><offset>10</offset><text>Two.</text></sentence></passage>",
            "One.\nTwo.",
        ),
    ],
)
def test_passages_are_put_back_at_their_offsets(tmp_path, body, text):
    (record,) = written_and_read(tmp_path, f"<document><id>1</id>{body}</document>")
    assert record.text == text


def test_bad_offset_and_missing_id_are_refused(tmp_path):
    records = written_and_read(
        tmp_path, f"<document><id>1</id>{passage('x', 'a')}</document>", f"<document>{passage(0, 'a')}</document>"
    )
    assert [r.refusal.code for r in records] == [RefusalCode.MALFORMED, RefusalCode.MISSING_ID]
