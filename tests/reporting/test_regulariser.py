import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxr.localization import Box
from cxr.reporting import FindingResult, RemovalReason, regularise, write_report
from nlp_labeler import Labeler
from nlp_labeler.findings import LABELS

LEFT, RIGHT = Box(700, 700, 100, 100, 0.9), Box(200, 700, 100, 100, 0.9)
HIGH_LEFT = Box(700, 150, 100, 100, 0.9)


def findings(**boxes):
    """Every finding of the label space; those named fired, at their boxes."""
    return [
        FindingResult(n, 0.8 if n in boxes else 0.1, 0.3, n in boxes, None, tuple(boxes.get(n, ()))) for n in LABELS
    ]


def reasons(text, **boxes):
    return [r.reason for r in regularise(text, findings(**boxes), 1000, 1000).removed]


def kept(text, **boxes):
    return dict(regularise(text, findings(**boxes), 1000, 1000).kept)


def test_a_supported_sentence_stays_with_its_severity():
    sentence = kept("FINDINGS: There is a large left pleural effusion.", Effusion=[LEFT])["Effusion"]
    assert (sentence.text, sentence.severity) == ("There is a large left pleural effusion", "severe")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("There is a small right pneumothorax.", RemovalReason.UNSUPPORTED),
        ("Possible pneumonia.", RemovalReason.UNSUPPORTED),
        ("Old healed left rib fracture.", RemovalReason.NOT_ASSESSED),
        ("Left chest tube in place.", RemovalReason.NOT_ASSESSED),
        ("No pleural effusion.", RemovalReason.CONTRADICTION),
        ("No pneumothorax.", RemovalReason.DENIAL),
        ("Small right pleural effusion.", RemovalReason.WRONG_SIDE),
        ("Bilateral pleural effusions.", RemovalReason.WRONG_SIDE),
        ("Small left pleural effusion, new since the prior study.", RemovalReason.CHANGE),
        ("This is unchanged from the prior study.", RemovalReason.CHANGE),
        ("Small left pleural effusion measuring 2.3 cm.", RemovalReason.MEASUREMENT),
        ("Small left pleural effusion and XXXX.", RemovalReason.UNGROUNDED),
        ("The trachea is midline.", RemovalReason.UNGROUNDED),
        ("Left pleural effusion without pneumothorax.", RemovalReason.DENIAL),
    ],
)
def test_each_fault_is_named(text, reason):
    assert reasons(f"FINDINGS: {text}", Effusion=[LEFT]) == [reason]


def test_a_denied_ancestor_contradicts():
    assert reasons("FINDINGS: No consolidation.", Pneumonia=[LEFT]) == [RemovalReason.CONTRADICTION]
    assert reasons("FINDINGS: No consolidation.", Effusion=[LEFT]) == [RemovalReason.DENIAL]


def test_a_height_without_a_box_is_refused():
    text = "FINDINGS: Nodule in the left lower lobe."
    assert reasons(text, Nodule=[HIGH_LEFT]) == [RemovalReason.WRONG_ZONE]
    assert reasons(text, Nodule=[LEFT]) == []


def test_sides_need_all_their_boxes():
    assert reasons("FINDINGS: Left pleural effusion.", Effusion=[LEFT, RIGHT]) == [RemovalReason.WRONG_SIDE]
    assert not reasons("FINDINGS: Bilateral pleural effusions.", Effusion=[LEFT, RIGHT])
    assert reasons("FINDINGS: Left pleural effusion.", Effusion=[]) == [RemovalReason.WRONG_SIDE]


def test_a_repetition_in_the_impression_is_dropped():
    text = "FINDINGS: Small left effusion.\nIMPRESSION: 1. Left pleural effusion."
    assert reasons(text, Effusion=[LEFT]) == [RemovalReason.REPEATED]


def test_the_list_mark_goes():
    assert kept("IMPRESSION: 1. Mild cardiomegaly.", Cardiomegaly=[])["Cardiomegaly"].text == "Mild cardiomegaly"


def report_of(found, raw, attention=None):
    generated = regularise(raw, found, 1000, 1000)
    return write_report(found, triage="refer", width=1000, height=1000, generated=generated, attention=attention)


def test_the_report_keeps_both_texts_and_adds_what_was_not_said():
    raw = "FINDINGS: Moderate left pleural effusion. Large right pneumothorax.\nIMPRESSION: Normal chest."
    report = report_of(findings(Effusion=[LEFT], Mass=[HIGH_LEFT]), raw)
    assert report.generated is not None
    assert report.generated.text == raw
    assert report.generated.added == ("Mass",)
    said = {s.finding: s for s in report.sentences if s.finding}
    assert said["Effusion"].text == "Moderate left pleural effusion (likely, estimated probability 80%)."
    assert (said["Effusion"].evidence.source, said["Effusion"].evidence.severity) == ("generated", "moderate")
    assert said["Mass"].evidence.source == "template"
    assert "pneumothorax" not in report.text.split("No ")[0].lower()
    assert "normal" not in report.text.lower()


def test_a_generated_sentence_keeps_where_its_finding_was_seen():
    raw = "FINDINGS: Moderate left pleural effusion. Large right pneumothorax."
    asked = []

    def attention(start, end):
        asked.append(raw[start:end])
        return ((0, 100),)

    report = report_of(findings(Effusion=[LEFT], Mass=[HIGH_LEFT]), raw, attention)
    assert asked == ["pleural effusion"]
    looked = {s.finding: s.evidence.attention for s in report.sentences if s.finding}
    assert looked == {"Effusion": ((0, 100),), "Mass": ()}


SENTENCES = st.sampled_from(
    [
        "Small left pleural effusion.",
        "Large bilateral pleural effusions.",
        "Moderate cardiomegaly.",
        "No pneumothorax or mass.",
        "Airspace consolidation in the right lower lobe consistent with pneumonia.",
        "Opacity in the left base with volume loss, consistent with mild atelectasis.",
        "The lungs are clear.",
        "Interval resolution of the effusion.",
        "There is a 2.3 cm nodule in the left upper lobe.",
        "Possible infiltrate in the right upper lobe.",
        "Degenerative changes of the thoracic spine.",
        "Normal chest.",
    ]
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(SENTENCES, max_size=8),
    st.dictionaries(st.sampled_from(LABELS), st.lists(st.sampled_from([LEFT, RIGHT, HIGH_LEFT]), max_size=2)),
)
def test_whatever_is_generated_the_report_asserts_exactly_what_fired(sentences, fired):
    report = report_of(findings(**fired), "FINDINGS: " + " ".join(sentences))
    labels = Labeler.load(policy="openi", engine="surface").label(report.text).labels
    assert {n for n in LABELS if labels[n] in (1, -1)} == set(fired)
    assert report.generated is not None
    assert len(report.generated.removed) + len(fired) - len(report.generated.added) == len(sentences)
