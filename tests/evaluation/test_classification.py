"""The classification report: figures by another route, means, intervals, refusals."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from cxr.errors import CxrError
from cxr.evaluation.classification import evaluate_classification

NAMES = ("Effusion", "Mass", "Hernia")


@pytest.fixture(scope="module")
def predictions():
    rng = np.random.default_rng(0)
    labels = (rng.random((600, 3)) < 0.2).astype(float)
    labels[rng.random((600, 3)) < 0.1] = np.nan
    return labels, rng.random((600, 3)) + 0.4 * np.nan_to_num(labels), [str(i // 2) for i in range(600)]


def test_per_label_figures_and_mean_over_the_eight(predictions) -> None:
    labels, scores, patients = predictions
    report = evaluate_classification(labels, scores, patients, NAMES, resamples=200)
    for c, name in enumerate(NAMES):
        known = ~np.isnan(labels[:, c])
        found = report.per_label[name]
        assert found.auc.value == pytest.approx(roc_auc_score(labels[known, c], scores[known, c]))
        assert found.auc.low < found.auc.value < found.auc.high
        assert (found.n, found.n_positive) == (known.sum(), np.nansum(labels[:, c]))
    assert report.mean_over == ("Effusion", "Mass")  # Hernia is none of the eight
    assert report.mean_auc.value == pytest.approx(np.mean([report.per_label[n].auc.value for n in NAMES[:2]]))
    assert (report.n_images, report.n_patients) == (600, 300)


def test_a_label_without_positives_is_undefined_and_left_out_of_the_mean(predictions) -> None:
    labels, scores, patients = predictions
    labels = labels.copy()
    labels[:, 1] = 0
    report = evaluate_classification(labels, scores, patients, NAMES, resamples=50)
    assert np.isnan(report.per_label["Mass"].auc.value)
    assert report.mean_auc.value == report.per_label["Effusion"].auc.value


def test_shapes_that_do_not_fit_are_refused(predictions) -> None:
    labels, scores, patients = predictions
    with pytest.raises(CxrError, match="do not fit together"):
        evaluate_classification(labels, scores, patients[:-1], NAMES)


def test_published_predictions_give_the_published_figures(shared_data) -> None:
    predicted = pd.read_csv(shared_data / "chexnet_predictions" / "predictions.csv.gz")
    table = pd.read_csv(shared_data / "nih" / "Data_Entry_2017_v2020.csv.gz", usecols=range(4))
    joined = predicted.merge(table, on="Image Index")
    names = [column.removeprefix("prob_") for column in predicted.columns[1:9]]
    labels = joined["Finding Labels"].str.get_dummies("|")[names].to_numpy(float)
    scores = joined[[f"prob_{n}" for n in names]].to_numpy()
    report = evaluate_classification(labels, scores, joined["Patient ID"].astype(str).tolist(), names, resamples=100)
    assert round(report.mean_auc.value, 4) == 0.8211
    assert [round(r.auc.value, 4) for r in report.per_label.values()] == [
        0.8034,
        0.9029,
        0.8883,
        0.7119,
        0.8455,
        0.7876,
        0.7588,
        0.8702,
    ]
