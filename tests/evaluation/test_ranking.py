"""Ranking metrics against scikit-learn, brute force and their invariances."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from cxr.errors import CxrError
from cxr.evaluation.ranking import RankedScores, roc_auc

# Few distinct values, so that ties are common.
tied_scores = hnp.arrays(np.float64, st.integers(2, 60), elements=st.integers(0, 8).map(float))


def with_both_classes(seed: int, n: int) -> np.ndarray:
    labels = (np.random.default_rng(seed).random(n) < 0.4).astype(float)
    labels[:2] = 0, 1
    return labels


def average_precision(labels, scores) -> float:
    return RankedScores(labels, scores).metrics(np.ones((1, len(scores))), 0.0).average_precision[0]


def sensitivity_at_fpr(labels, scores, limit: float) -> float:
    return RankedScores(labels, scores).metrics(np.ones((1, len(scores))), limit).sensitivity[0]


@given(tied_scores, st.integers(0, 1000))
def test_metrics_agree_with_scikit_learn_under_ties(scores: np.ndarray, seed: int) -> None:
    labels = with_both_classes(seed, len(scores))
    assert roc_auc(labels, scores) == pytest.approx(roc_auc_score(labels, scores))
    assert average_precision(labels, scores) == pytest.approx(average_precision_score(labels, scores))
    false_positive, true_positive, _ = roc_curve(labels, scores, drop_intermediate=False)
    for limit in (0.0, 0.01, 0.1, 0.5):
        expected = true_positive[false_positive <= limit].max()
        assert sensitivity_at_fpr(labels, scores, limit) == pytest.approx(expected)


@given(tied_scores, st.integers(0, 1000))
def test_a_weight_is_a_number_of_copies(scores: np.ndarray, seed: int) -> None:
    labels = with_both_classes(seed, len(scores))
    copies = np.random.default_rng(seed).integers(0, 4, len(scores))
    copies[:2] = 1
    weighted = RankedScores(labels, scores).metrics(copies[None].astype(float), 0.1)
    repeated = np.repeat(labels, copies), np.repeat(scores, copies)
    assert weighted.auc[0] == pytest.approx(roc_auc(*repeated))
    assert weighted.average_precision[0] == pytest.approx(average_precision(*repeated))
    assert weighted.sensitivity[0] == pytest.approx(sensitivity_at_fpr(*repeated, 0.1))


@given(tied_scores, st.integers(0, 1000))
def test_increasing_maps_change_nothing_and_reversal_mirrors_the_auc(scores: np.ndarray, seed: int) -> None:
    labels = with_both_classes(seed, len(scores))
    for mapped in (np.exp(scores), 3 * scores - 7, scores**3):
        assert roc_auc(labels, mapped) == roc_auc(labels, scores)
        assert average_precision(labels, mapped) == average_precision(labels, scores)
        assert sensitivity_at_fpr(labels, mapped, 0.1) == sensitivity_at_fpr(labels, scores, 0.1)
    assert roc_auc(labels, -scores) == pytest.approx(1 - roc_auc(labels, scores))


def test_auc_is_the_share_of_correctly_ordered_pairs() -> None:
    rng = np.random.default_rng(0)
    labels, scores = with_both_classes(0, 200), rng.integers(0, 20, 200).astype(float)
    positive, negative = scores[labels == 1][:, None], scores[labels == 0]
    assert roc_auc(labels, scores) == pytest.approx(((positive > negative) + 0.5 * (positive == negative)).mean())


def test_a_label_of_one_class_is_undefined_and_unknown_labels_are_left_out() -> None:
    assert np.isnan(roc_auc(np.zeros(5), np.arange(5)))
    assert np.isnan(average_precision(np.ones(5), np.arange(5)))
    assert np.isnan(sensitivity_at_fpr(np.ones(5), np.arange(5), 0.1))
    labels = np.array([0, 1, 1, np.nan, np.nan])
    assert roc_auc(labels, [1, 2, 0, np.nan, 9]) == 0.5


def test_wrong_values_are_refused() -> None:
    with pytest.raises(CxrError, match="set uncertain ones to NaN first"):
        roc_auc([0, 1, -1], [0.1, 0.2, 0.3])
    with pytest.raises(CxrError, match="not finite"):
        roc_auc([0, 1], [0.1, np.nan])
