"""Sections and sentences, with their offsets."""

import pytest

from nlp_labeler import compose_report
from nlp_labeler.sections import split_sections
from nlp_labeler.segmentation import segment


def kinds(text):
    return [(section.kind, text[section.start : section.end].strip()) for section in split_sections(text)]


def sentences(text):
    return [sentence.text for sentence in segment(text).sentences]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Heart is big.", [("body", "Heart is big.")]),
        ("FINDINGS: A.\nIMPRESSION: B.", [("findings", "A."), ("impression", "B.")]),
        ("FINDINGS: A. IMPRESSION: B.", [("findings", "A."), ("impression", "B.")]),
        ("Findings: A. Impression: B.", [("findings", "A."), ("impression", "B.")]),
        ("FINDINGS:\n\nA.\n\nIMPRESSION:\nB.", [("findings", "A."), ("impression", "B.")]),
        ("FINDINGS\nA.\nIMPRESSION\nB.", [("findings", "A."), ("impression", "B.")]),
        ("**FINDINGS:** A.", [("findings", "** A.")]),
        ("INDICATION: cough. FINDINGS: A.", [("indication", "cough."), ("findings", "A.")]),
        ("CLINICAL HISTORY: x\nCOMPARISON: y\nFINDINGS: z", [("history", "x"), ("comparison", "y"), ("findings", "z")]),
        ("A.\nIMPRESSION: B.", [("body", "A."), ("impression", "B.")]),
        ("The findings: none of note here.", [("body", "The findings: none of note here.")]),
        ("Conclusion: A", [("impression", "A")]),
        ("TECHNIQUE: PA\nLUNGS: Clear.", [("technique", "PA"), ("organ", "Clear.")]),
        ("HISTORY: x\nHeart: CHF\nFINDINGS: z", [("history", "x\nHeart: CHF"), ("findings", "z")]),
    ],
)
def test_sections(text, expected):
    assert kinds(text) == expected


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("FINAL REPORT\n CHEST RADIOGRAPH\n\n COMPARISON: ___.\n\n Effusion has grown.\n", ["Effusion has grown."]),
        ("FINAL REPORT\n AP CHEST, 9:31 A.M.\n\n The heart is big.\n", ["The heart is big."]),
        ("TECHNIQUE: PA.\n\nHeart is big.\n\nIMPRESSION: Big heart.", ["Heart is big.", "Big heart."]),
        ("COMPARISON: CT with nodule.\n\nOther CT.\n\nFINDINGS: Clear.", ["Clear."]),
        ("COMPARISON: CT\nwith nodule.\nIMPRESSION: Clear.", ["Clear."]),
        ("WET READ: Pneumothorax.\n\nFINAL REPORT\nFINDINGS: Clear.", ["Clear."]),
        ("HISTORY: Cough.\n\nPneumonia.", []),
        (" COMPARISON:  Radiographs\n of ___.\n \n The heart is big.\n", ["The heart is big."]),
    ],
)
def test_findings_without_a_heading_are_the_paragraphs_behind_comparison_or_technique(text, read):
    assert sentences(text) == read


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("Chest. Lungs clear. Left knee. Large osteophytes.", ["Lungs clear."]),
        ("IMPRESSION: 1. Chest. No active disease. 2. Right shoulder. Healing fracture.", ["No active disease."]),
        ("FINDINGS: Clear. Hand 1. Fracture. IMPRESSION: Normal chest.", ["Clear.", "Normal chest."]),
        ("Chest. Right shoulder. 1. Cardiomegaly.", ["Chest.", "Right shoulder.", "1. Cardiomegaly."]),
        ("Heart is big.\nChest. Left knee.\nClear.", ["Heart is big.", "Chest.", "Left knee.", "Clear."]),
        ("Heart is big.\nChest. No acute process.", ["Heart is big.", "No acute process."]),
        ("COMPARISON: Chest. Old nodule.\nIMPRESSION: Clear.", ["Clear."]),
        ("HISTORY: Pain. Left knee. Cough.\nFINDINGS: Clear.", ["Clear."]),
    ],
)
def test_films_of_other_parts_of_the_body_are_not_read(text, read):
    assert [sentence for sentence in sentences(text) if sentence[1:] != "."] == read


def test_text_before_the_findings_heading_is_not_labeled():
    report = segment("55 year old with pneumonia.\nFINDINGS: Clear.")
    assert [sentence.text for sentence in report.sentences] == ["Clear."]


def test_text_before_a_lone_impression_is_labeled():
    assert sentences("Small effusion.\nIMPRESSION: Effusion.") == ["Small effusion.", "Effusion."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("A b. C d.", ["A b.", "C d."]),
        ("Nodule of 1.5 cm. Clear.", ["Nodule of 1.5 cm.", "Clear."]),
        ("1. Cardiomegaly. 2. Effusion.", ["1. Cardiomegaly.", "2. Effusion."]),
        ("Cardiomegaly 2. Effusion", ["Cardiomegaly", "2. Effusion"]),
        ("Seen by Dr. Smith today. Clear.", ["Seen by Dr. Smith today.", "Clear."]),
        ("Atelectasis vs. scar. Clear.", ["Atelectasis vs. scar.", "Clear."]),
        ("No acute disease.The heart is big.", ["No acute disease.", "The heart is big."]),
        ("Clear lungs\nNo effusion", ["Clear lungs", "No effusion"]),
        ("- Clear lungs\n- no effusion", ["- Clear lungs", "- no effusion"]),
        ("First part\n\nsecond part", ["First part", "second part"]),
        ("? pneumonia in the left base.", ["? pneumonia in the left base."]),
        ("Basal opacity; ? pneumonia. Clear apices.", ["Basal opacity; ? pneumonia.", "Clear apices."]),
        ("The effusion in the left hemithorax has grown since the last\nexamination.", None),
    ],
)
def test_sentences(text, expected):
    assert sentences(text) == ([text] if expected is None else expected)


def test_offsets_point_into_the_report():
    text = "HISTORY: cough.\n\n FINDINGS:  No effusion.  Heart is big.\nIMPRESSION: 1. Big heart."
    for sentence in segment(text).sentences:
        assert text[sentence.start : sentence.start + len(sentence.text)] == sentence.text


def test_no_sentence_is_longer_than_six_hundred_characters():
    assert max(map(len, sentences("effusion " * 1_000))) <= 600
    assert "".join(sentences("x" * 1_500)) == "x" * 1_500


def test_compose_report_leaves_empty_sections_out():
    assert compose_report("A.", "B.") == "FINDINGS: A.\nIMPRESSION: B."
    assert compose_report("", " B. ") == "IMPRESSION: B."
    assert compose_report(None, None) == ""
    assert kinds(compose_report("A.", "B.")) == [("findings", "A."), ("impression", "B.")]
