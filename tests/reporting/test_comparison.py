from cxr.reporting import FindingResult, write_report
from nlp_labeler import Labeler


def finding(name, probability, threshold=0.3):
    positive = threshold is not None and probability > threshold
    return FindingResult(name, probability, threshold, positive, None, ())


NOW = [finding("Effusion", 0.8), finding("Mass", 0.1), finding("Nodule", 0.1), finding("Edema", 0.7, None)]
THEN = [finding("Effusion", 0.2), finding("Mass", 0.6), finding("Nodule", 0.2), finding("Edema", 0.1, None)]


def compared(now, then):
    return write_report(now, triage="read", width=100, height=100, earlier=then)


def test_each_change_is_said_with_both_probabilities():
    text = compared(NOW, THEN).text
    assert "Pleural effusion: above its threshold now, not on the earlier image (estimated probability 20%" in text
    assert "Mass: no longer above its threshold (estimated probability 60%, now 10%)." in text
    assert "Below the threshold on both images: nodule." in text
    assert "edema" not in text.split("COMPARISON")[1].split("IMPRESSION")[0].lower()


def test_only_the_uncompared_report_excludes_change():
    assert "change since earlier images" not in compared(NOW, THEN).text
    assert "change since earlier images" in write_report(NOW, triage="read", width=100, height=100).text


def test_the_comparison_asserts_nothing_to_a_reader_of_findings():
    labels = Labeler.load(policy="openi", engine="surface").label(compared(NOW, THEN).text).labels
    assert [name for name, value in labels.items() if value in (1, -1)] == ["Effusion"]


def test_a_finding_that_is_gone_is_not_asserted_but_carries_its_evidence():
    gone = next(s for s in compared(NOW, THEN).sentences if s.text.startswith("Mass:"))
    assert gone.finding is None
    assert (gone.evidence.probability, gone.evidence.earlier_probability) == (0.1, 0.6)
