"""Reports say what is true, in the words of radiologists, and no more."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from cxr.phantom.course import draw_visits
from cxr.phantom.disease import Lesion
from cxr.phantom.language import write_report
from cxr.phantom.patient import draw_patient
from cxr.phantom.phrases import PhraseBook, load_phrases

WORDS = {
    "Atelectasis": ("atelectasis",),
    "Cardiomegaly": ("cardiomegaly", "enlarged", "enlargement"),
    "Effusion": ("effusion",),
    "Infiltration": ("infiltrate",),
    "Mass": ("mass",),
    "Nodule": ("nodule",),
    "Pneumonia": ("pneumonia",),
    "Pneumothorax": ("pneumothorax",),
    "Consolidation": ("consolidation",),
    "Edema": ("edema",),
    "Emphysema": ("emphysema",),
    "Fibrosis": ("fibrosis",),
    "Pleural_Thickening": ("pleural thickening",),
}


def examinations(count: int):
    for number in range(1, count + 1):
        rng = np.random.default_rng([17, number])
        patient = draw_patient(number, rng)
        for visit in draw_visits(patient, rng):
            yield patient, visit, write_report(patient, visit, rng)


def test_asserted_findings_are_named_and_overlooked_ones_are_not_affirmed():
    said = {"asserted": 0, "hedged": 0, "overlooked": 0}
    for _, _, report in examinations(400):
        text = f"{report.findings} {report.impression}".lower()
        for finding, how in report.said.items():
            said[how] += 1
            if how == "asserted":
                assert any(word in text for word in WORDS[finding]), (finding, text)
    assert said["asserted"] > 0.9 * sum(said.values())
    assert said["hedged"] > 0
    assert said["overlooked"] > 0


def test_side_and_severity_words_are_the_truth(healthy_patient, visit_with):
    book = load_phrases().findings["Effusion"]
    for severity in (0.1, 0.5, 0.9):
        for side in ("left", "right"):
            lesion = Lesion("Effusion", severity, side, "lower", 1)
            other = "left" if side == "right" else "right"
            for seed in range(20):
                report = write_report(healthy_patient, visit_with(lesion), np.random.default_rng(seed))
                if report.said["Effusion"] != "asserted":
                    continue
                assert f"{side}" in report.impression.lower()
                assert other not in report.impression.lower()
                words = getattr(book, lesion.grade)
                assert any(word in report.impression.lower() for word in words)


def test_present_findings_are_never_denied(healthy_patient, visit_with):
    lesions = (Lesion("Effusion", 0.9, "left", "lower", 1), Lesion("Pneumothorax", 0.9, "left", "apical", 1))
    for seed in range(60):
        report = write_report(healthy_patient, visit_with(*lesions), np.random.default_rng(seed))
        for sentence in report.findings.split(". "):
            if sentence.startswith(("No ", "Negative", "There is no", "Without", "Free")):
                assert "effusion" not in sentence
                assert "pneumothorax" not in sentence


def test_change_and_resolution_are_told_against_the_prior(healthy_patient, visit_with):
    lesion = replace(Lesion("Pneumonia", 0.9, "left", "lower", 1), change="worsened")
    visit = replace(visit_with(lesion, previous=date(2010, 1, 2)), resolved=("Effusion",))
    texts = [write_report(healthy_patient, visit, np.random.default_rng(seed)).findings for seed in range(20)]
    assert any("worsened" in text or "progression" in text or "ncreas" in text for text in texts)
    assert all("effusion" in text for text in texts)


def test_healthy_reports_affirm_nothing():
    for patient, visit, report in examinations(150):
        if not visit.lesions and not visit.resolved:
            assert report.said == {}
            text = f"{report.findings} {report.impression}"
            assert not any(word in text for word in ("consistent with", "There is a small", "moderate"))
            assert patient.incidental or "granuloma" not in text


def test_mined_labels_agree_with_truth():
    pytest.importorskip("spacy")
    from nlp_labeler import Labeler

    labeler = Labeler.load(policy="openi", engine="surface")
    hits = misses = false = 0
    for _, visit, report in examinations(150):
        labels = labeler.label(f"FINDINGS: {report.findings} IMPRESSION: {report.impression}").labels
        truth = {lesion.finding for lesion in visit.lesions}
        for finding in list(WORDS)[:8]:
            mined = labels[finding] == 1
            hits += mined and finding in truth
            misses += not mined and finding in truth
            false += mined and finding not in truth
    assert 2 * hits / (2 * hits + misses + false) > 0.95


def test_reports_vary_and_carry_the_marks_of_real_ones():
    reports = [report for _, _, report in examinations(200)]
    assert len({report.findings for report in reports}) > 0.9 * len(reports)
    text = " ".join(report.findings + report.indication + report.comparison for report in reports)
    assert "XXXX" in text
    assert any("pneumonia" in report.indication.lower() for report in reports)


def test_unknown_phrase_key_is_refused():
    book = load_phrases().model_dump()
    with pytest.raises(ValueError, match="surprise"):
        PhraseBook.model_validate(book | {"surprise": {}})
