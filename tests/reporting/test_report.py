import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from cxr.localization import Box
from cxr.reporting import CertifiedDecision, FindingResult, side_of, write_report, zones_of
from cxr.reporting.wording import Phrases, load_phrases
from nlp_labeler import Labeler
from nlp_labeler.findings import ANCESTORS, LABELS, PARENT, finding_entry

ORDER = {node: rank for rank, node in enumerate(PARENT)}


def finding(name, probability=0.7, threshold=0.3, boxes=()):
    positive = threshold is not None and probability > threshold
    return FindingResult(name, probability, threshold, positive, None, tuple(boxes) if positive else ())


def report(*findings, triage="refer"):
    return write_report(findings, triage=triage, width=1000, height=1000)


def box(cx, cy, side=100):
    return Box(cx - side / 2, cy - side / 2, side, side, 0.9)


@pytest.mark.parametrize(
    ("boxes", "side"),
    [
        ([box(800, 500)], "left"),
        ([box(200, 500)], "right"),
        ([box(200, 500), box(800, 500)], "bilateral"),
        ([box(505, 500)], "midline"),
        ([box(505, 500), box(200, 500)], "right"),
        ([], None),
    ],
)
def test_patients_left_is_on_the_right_of_the_image(boxes, side):
    assert side_of(boxes, 1000) == side


@given(st.floats(0, 1000), st.floats(0, 1000))
def test_mirroring_the_image_swaps_the_sides(x, y):
    swapped = {"left": "right", "right": "left", "midline": "midline"}
    # box() rounds to binary fractions, so the mirror image of a box on the band's edge may fall inside it
    if abs(abs(x - 500) - 40) > 1e-6:
        assert side_of([box(1000 - x, y)], 1000) == swapped[side_of([box(x, y)], 1000)]


def test_zones_from_top_to_bottom():
    assert zones_of([box(100, 900), box(100, 200), box(100, 450)], 1000) == ("upper", "mid", "lower")
    assert zones_of([], 1000) == ()


@pytest.mark.parametrize(("top", "bottom", "zone"), [(0, 700, "upper"), (300, 700, "mid"), (0, 1000, "mid")])
def test_the_zone_of_a_tall_box_is_that_of_its_centre(top, bottom, zone):
    assert zones_of([Box(100, top, 50, bottom - top, 0.5)], 1000) == (zone,)


def test_sentence_names_side_zone_probability_and_evidence():
    written = report(finding("Nodule", 0.63, 0.2, [box(800, 200)]))
    first = written.sentences[0]
    assert first.text == "There is likely a nodule in the left upper zone (estimated probability 63%)."
    assert (first.finding, first.side) == ("Nodule", "left")
    assert first.evidence.boxes == (box(800, 200),)
    assert (first.evidence.probability, first.evidence.threshold, first.evidence.zones) == (0.63, 0.2, ("upper",))


@pytest.mark.parametrize(
    ("probability", "words"),
    [(0.95, "very likely"), (0.5, "There is likely"), (0.2, "possibly"), (0.05, "suspicious for"), (0.004, "below 1%")],
)
def test_certainty_words_follow_the_probability(probability, words):
    assert words in report(finding("Mass", probability, 0.001)).sentences[0].text


def test_findings_come_in_ontology_order():
    names = [s.finding for s in report(*(finding(n) for n in LABELS)).sentences if s.finding]
    assert names == sorted(LABELS, key=ORDER.__getitem__)
    assert names.index("Consolidation") < names.index("Pneumonia")


def test_midline_organs_have_no_side():
    sentence = report(finding("Cardiomegaly", boxes=[box(800, 600)])).sentences[0]
    assert sentence.side is None
    assert "left" not in sentence.text


@given(st.sets(st.sampled_from(LABELS)), st.sets(st.sampled_from(LABELS)))
def test_only_what_fired_is_asserted_and_no_ancestor_is_denied(firing, uncertified):
    findings = [
        finding(n, 0.8 if n in firing else 0.1, None if n in uncertified else 0.3, [box(200, 300)]) for n in LABELS
    ]
    written = write_report(findings, triage="read", width=1000, height=1000)
    content_plan_of = {s.finding for s in written.sentences if s.finding}
    assert content_plan_of == firing - uncertified
    denied = next((s.text for s in written.sentences if s.text.startswith("No ") and "above its" in s.text), "")
    for name in content_plan_of:
        for ancestor in {*ANCESTORS[name], name} & set(LABELS):
            assert finding_entry(ancestor).bare_noun not in denied.lower()
    assert all(s.text in written.text for s in written.sentences)
    assert "normal" not in written.text.lower()
    for sentence in written.sentences:
        assert (sentence.finding is None) == (sentence.evidence is None)


def test_without_findings_the_report_says_so_and_names_its_limits():
    text = report(finding("Mass", 0.1), triage="none").text
    assert "No mass above its threshold." in text
    assert "This does not exclude disease." in text
    assert "Not assessed" in text


def test_a_finding_without_threshold_is_not_judged():
    text = report(finding("Mass", 0.99, None), triage="read").text
    assert "No certified threshold, hence no statement, for: mass." in text
    assert "There is" not in text


def test_phrases_cover_every_finding_and_refuse_unknown_keys():
    with pytest.raises(ValidationError, match="surprise"):
        Phrases.model_validate(load_phrases().model_dump() | {"surprise": 1})
    with pytest.raises(ValidationError, match="certainty steps"):
        Phrases.model_validate(load_phrases().model_dump() | {"certainty": []})


@pytest.fixture(scope="module")
def labeler():
    """The project's own labeler, without spaCy: an independent reader of the final text."""
    return Labeler.load(policy="openi", engine="surface")


@pytest.mark.parametrize("probability", [0.95, 0.6, 0.3, 0.05])
@pytest.mark.parametrize("name", LABELS)
def test_the_labeler_reads_out_of_the_report_what_was_put_in(labeler, name, probability):
    boxes = [box(700, 300), box(100, 700)]
    others = [finding(n, 0.001, None if k % 3 else 0.01) for k, n in enumerate(LABELS) if n != name]
    text = report(finding(name, probability, 0.01, boxes), *others).text
    labels = labeler.label(text).labels
    assert [n for n in LABELS if labels[n] in (1, -1)] == [name]


@pytest.mark.parametrize("threshold", [0.3, None])
def test_the_labeler_reads_no_finding_out_of_a_report_without_one(labeler, threshold):
    text = report(*(finding(n, 0.1, threshold) for n in LABELS), triage="read").text
    assert {labeler.label(text).labels[n] for n in LABELS} <= {0, None}


def test_what_a_certificate_refers_for_is_not_denied_below_another_threshold():
    findings = (
        FindingResult("Edema", 0.2, 0.3, False, None, ()),
        FindingResult("Effusion", 0.1, 0.3, False, None, ()),
    )
    refers = CertifiedDecision("Edema", ("Edema",), "refer", 0.05, 0.95, ())
    text = write_report(findings, triage="refer", width=10, height=10, certified=(refers,)).text
    assert "Referred for pulmonary edema" in text
    assert "No pleural effusion above its threshold." in text
    assert "No pulmonary edema" not in text
    assert "No pleural effusion or" not in text
