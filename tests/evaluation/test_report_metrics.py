import math
import sys

import numpy as np
import pytest

from cxr.evaluation.report_metrics import clinical_efficacy, stated_findings, text_metrics, words_of
from nlp_labeler import Labeler
from nlp_labeler.errors import MissingExtraError

REFERENCES = ["Small left effusion. The heart is normal.", "No acute disease.", "Large right pneumothorax is seen."]


def test_a_perfect_copy_has_the_highest_scores():
    scores = text_metrics(REFERENCES, REFERENCES)
    assert (scores.bleu_1, scores.rouge_l) == pytest.approx((1, 1), abs=1e-6)
    assert scores.bleu_4 == pytest.approx(1, abs=1e-6)
    assert scores.meteor > 0.98
    assert scores.distinct == 1


def test_bleu_of_one_report_by_hand():
    """4 of 5 words match and the candidate is one word short of the reference: BLEU-1 = 4/5 * exp(1 - 6/5)."""
    scores = text_metrics(["a b c d x"], ["a b c d e f"])
    assert scores.bleu_1 == pytest.approx(0.8 * math.exp(1 - 6 / 5), abs=1e-6)


def test_the_same_report_for_everyone_is_not_diverse():
    scores = text_metrics(["No acute disease."] * 3, REFERENCES)
    assert scores.distinct == pytest.approx(1 / 3)
    assert scores.length == 4
    assert scores.cider < text_metrics(REFERENCES, REFERENCES).cider


def test_stems_count_for_meteor():
    truth = ["large effusion"]
    assert text_metrics(["large effusions"], truth).meteor > text_metrics(["large hats"], truth).meteor


def test_case_and_spacing_do_not_count():
    assert words_of("Heart:  NORMAL.") == "heart : normal ."


@pytest.mark.parametrize("score", [lambda: words_of("a"), lambda: text_metrics(["a"], ["a"])])
def test_without_the_packages_the_extra_is_named(score, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "nltk"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "nltk", None)
    with pytest.raises(MissingExtraError, match="report-metrics"):
        score()


@pytest.mark.parametrize(("said", "truth"), [([], []), (["a"], ["a", "b"])])
def test_unequal_lists_are_refused(said, truth):
    with pytest.raises(ValueError, match="one of each"):
        text_metrics(said, truth)


def test_clinical_efficacy_by_hand():
    truth = np.array([[1, 0, 0], [1, 1, 0]], dtype=bool)
    stated = np.array([[1, 1, 0], [0, 1, 0]], dtype=bool)
    found = clinical_efficacy(truth, stated)
    assert (found.precision, found.recall, found.f1) == pytest.approx((2 / 3, 2 / 3, 2 / 3))
    assert found.macro_f1 == pytest.approx((2 / 3 + 2 / 3) / 2)


def test_saying_nothing_scores_zero():
    truth = np.array([[True]])
    assert clinical_efficacy(truth, ~truth).f1 == 0


def test_doubts_are_stated_and_denials_are_not():
    labeler = Labeler.load(policy="openi", engine="surface")
    reports = [labeler.label(text) for text in ("Possible effusion.", "No effusion.", "Effusion.")]
    assert stated_findings(reports, ["Effusion"])[:, 0].tolist() == [True, False, True]
