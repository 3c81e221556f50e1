import numpy as np
import pandas as pd
import pytest

from cxr.errors import DatasetError
from cxr.training.distillation.experts import cross_fitted, other_scores, patient_features, visit_scores
from cxr.training.distillation.soft_targets import blend, ensemble_log_odds, patient_folds

N = 400


@pytest.fixture
def random() -> np.random.Generator:
    return np.random.default_rng(0)


def test_no_patient_is_in_two_folds(random: np.random.Generator):
    patients = [str(p) for p in random.integers(0, 60, N)]
    labels = (random.random((N, 3)) < 0.2).astype(np.float32)
    folds = patient_folds(patients, labels, 4)
    assert set(folds) == {0, 1, 2, 3}
    assert all(len({f for f, p in zip(folds, patients, strict=True) if p == one}) == 1 for one in set(patients))


def test_an_ensemble_does_not_know_the_labels_of_its_own_fold(random: np.random.Generator):
    truth = random.random((N, 1)) < 0.3
    expert = (truth + random.normal(0, 0.7, (N, 1))).astype(np.float32)
    labels, folds = truth.astype(np.float32), random.integers(0, 4, N)
    before = ensemble_log_odds([expert], labels, folds)
    changed = np.where((folds == 2)[:, None], 1 - labels, labels)
    after = ensemble_log_odds([expert], changed, folds)
    np.testing.assert_array_equal(before[folds == 2], after[folds == 2])
    assert not np.allclose(before[folds != 2], after[folds != 2])


def test_joined_experts_are_better_than_each_and_silence_is_no_evidence(random: np.random.Generator):
    truth = random.random((N, 1)) < 0.4
    one, two = ((truth + random.normal(0, 1, (N, 1))).astype(np.float32) for _ in range(2))
    two[::3] = np.nan
    labels, folds = truth.astype(np.float32), random.integers(0, 4, N)

    def loss(experts: list[np.ndarray]) -> float:
        p = 1 / (1 + np.exp(-ensemble_log_odds(experts, labels, folds)))
        return float(-np.mean(np.log(np.where(truth, p, 1 - p))))

    assert loss([one, two]) < min(loss([one]), loss([two]))
    silent = np.full((N, 1), np.nan, np.float32)
    assert loss([one, silent]) == pytest.approx(loss([one]))


def test_a_label_that_nobody_has_is_rare_and_not_impossible():
    labels, folds = np.zeros((20, 1), np.float32), np.arange(20) % 2
    log_odds = ensemble_log_odds([np.ones((20, 1), np.float32)], labels, folds)
    np.testing.assert_allclose(log_odds, np.log(0.01 / 0.99), rtol=1e-5)


def test_a_blend_is_between_label_and_probability_and_the_probability_alone_where_the_label_is_unknown():
    labels = np.array([[1, 0, np.nan, -1]], np.float32)
    odds = np.zeros((1, 4), np.float32)
    np.testing.assert_allclose(blend(labels, odds, 0.8), [[0.6, 0.4, 0.5, 0.5]])
    np.testing.assert_allclose(blend(labels, odds, 0.0)[0, :2], [1, 0])


def _records(rows: list[tuple[str, str, int, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["image", "patient", "follow_up", "Mass"])


def test_near_visits_count_more_and_a_film_does_not_speak_for_itself():
    records = _records([("a", "1", 0, 1), ("b", "1", 1, 0), ("c", "1", 9, 0), ("d", "2", 0, 1)])
    scores = visit_scores(records, records, ("Mass",))
    near, far = np.exp(-1 / 4), np.exp(-9 / 4)
    assert scores[0, 0] == 0
    assert scores[1, 0] == pytest.approx(near / (near + np.exp(-2) + 0.5), rel=1e-5)
    assert 0 < scores[2, 0] < scores[1, 0]
    assert scores[2, 0] == pytest.approx(far / (far + np.exp(-2) + 0.5), rel=1e-5)
    assert np.isnan(scores[3, 0]), "a patient without other visits"


def test_unknown_age_sex_and_view_are_in_the_middle():
    records = pd.DataFrame({"age": [20, np.nan, 60], "sex": ["M", "", "F"], "view": ["AP", "LL", "PA"]})
    features = patient_features(records)
    assert features[1, 0] == pytest.approx(2.0)  # of 20 years each
    np.testing.assert_allclose(features[:, 2], [1, 0.5, 0])
    np.testing.assert_allclose(features[:, 3], [1, 0.5, 0])


def test_a_regression_on_a_telling_feature_ranks_the_films_it_has_not_seen(random: np.random.Generator):
    truth = random.random((N, 1)) < 0.5
    features = np.concatenate([truth + random.normal(0, 0.5, (N, 1)), random.normal(size=(N, 3))], axis=1)
    odds = cross_fitted(features, truth.astype(np.float32), random.integers(0, 4, N))
    assert odds[truth].mean() > 0 > odds[~truth].mean()


def test_another_networks_scores_are_read_and_wrong_ones_refused(tmp_path):
    table = tmp_path / "scores.csv"
    table.write_text("Image Index,prob_Mass\na,0.5\nb,0.9\n")
    odds = other_scores(table, ("b", "a", "missing"), ("Mass", "Nodule"))
    np.testing.assert_allclose(odds[:2, 0], [np.log(9), 0], atol=1e-5)
    assert np.isnan(odds[2, 0])
    assert np.isnan(odds[:, 1]).all()
    table.write_text("Image Index,prob_Mass\na,1.5\n")
    with pytest.raises(DatasetError, match=r"prob_Mass is '1\.5'"):
        other_scores(table, ("a",), ("Mass",))
    table.write_text("Image Index,probability\na,0.5\n")
    with pytest.raises(DatasetError, match="no column prob_LABEL"):
        other_scores(table, ("a",), ("Mass",))
