"""Scores, by hand and against scikit-learn's arithmetic."""

import numpy as np
import pytest

from nlp_labeler import Labeler
from nlp_labeler.errors import LabelerError
from nlp_labeler.evaluate import evaluate_labels, positives, score
from nlp_labeler.evaluate_attributes import evaluate_attributes, mesh_attributes
from nlp_labeler.findings import CHESTXRAY8, NO_FINDING

NAMES = ("A", "B")


def test_scores_by_hand():
    gold = np.array([[1, 0], [1, 1], [0, 1], [0, 0]], dtype=bool)
    predicted = np.array([[1, 0], [0, 1], [1, 1], [0, 0]], dtype=bool)
    scores = score(gold, predicted, NAMES)
    assert scores.per_label["A"].precision == 0.5
    assert scores.per_label["B"].f1 == 1.0
    assert scores.micro.n_agreed == 3
    assert scores.micro.f1 == pytest.approx(2 * 3 / (4 + 4))
    assert scores.macro_f1.value == pytest.approx(0.75)
    assert scores.micro_f1.low <= scores.micro_f1.value <= scores.micro_f1.high


def test_scores_agree_with_another_route():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(3)
    gold, predicted = random.random((200, 5)) < 0.3, random.random((200, 5)) < 0.3
    scores = score(gold, predicted, tuple("ABCDE"))
    assert scores.micro.f1 == pytest.approx(metrics.f1_score(gold, predicted, average="micro"))
    assert scores.macro_f1.value == pytest.approx(metrics.f1_score(gold, predicted, average="macro"))


def test_the_interval_covers_and_narrows():
    random = np.random.default_rng(5)
    gold = random.random((4_000, 2)) < 0.5
    predicted = gold ^ (random.random((4_000, 2)) < 0.1)
    wide, narrow = score(gold[:200], predicted[:200], NAMES).micro_f1, score(gold, predicted, NAMES).micro_f1
    assert narrow.high - narrow.low < wide.high - wide.low
    assert narrow.low < 0.9 < narrow.high


def test_shapes_are_checked():
    with pytest.raises(LabelerError, match=r"\(reports, 2\)"):
        score(np.zeros((3, 1), bool), np.zeros((3, 1), bool), NAMES)
    with pytest.raises(LabelerError, match="0 gold"):
        evaluate_labels([], [])


def row(**positive):
    return {name: positive.get(name, 0) for name in (*CHESTXRAY8, NO_FINDING)}


def test_both_protocols():
    gold = [row(Mass=1), row(**{NO_FINDING: 1}), row(), row()]
    predicted = [row(Mass=1), row(Nodule=-1, **{NO_FINDING: 1}), row(Mass=1), row()]
    evaluation = evaluate_labels(gold, predicted)
    assert evaluation.all_reports.n_reports == 4
    assert evaluation.all_reports.micro.precision == 0.5
    assert evaluation.with_normal.n_reports == 2
    assert evaluation.with_normal.micro.f1 == 1.0
    assert evaluation.no_finding.f1 == 1.0


def test_uncertain_is_not_positive():
    assert not positives([{"A": -1, "B": None}], NAMES).any()


def test_mesh_qualifiers_are_read():
    codes = (
        "Pleural Effusion/left/small;Nodule/lung/lingula;Aorta/tortuous;Pulmonary Atelectasis/base/left;"
        "Pulmonary Atelectasis/base/right"
    )
    assert mesh_attributes(codes) == {
        ("Effusion", "side", "left"),
        ("Effusion", "severity", "mild"),
        ("Nodule", "zone", "lingula"),
        ("Nodule", "side", "left"),
        ("Atelectasis", "zone", "base"),
        ("Atelectasis", "side", "bilateral"),
    }


def test_attributes_are_scored_where_the_finding_is_agreed_on():
    labeler = Labeler.load("openi", engine="surface")
    results = [labeler.label("Small left effusion."), labeler.label("Large right effusion."), labeler.label("Clear.")]
    scores = evaluate_attributes(["Pleural Effusion/left/small", "Pleural Effusion/left", "Mass/left"], results)
    assert (scores["side"].n_gold, scores["side"].n_predicted, scores["side"].n_agreed) == (2, 2, 1)
    assert scores["severity"].precision == 0.5
    with pytest.raises(LabelerError, match="1 reports with codes"):
        evaluate_attributes([""], results)


def test_openi_development_half_is_labeled_well(shared_data):
    """The level is set a little under the measured one: this guards against regressions, it claims nothing."""
    from nlp_labeler.gold import read_gold

    path = shared_data / "openi" / "dev.csv"
    if not path.is_file():
        pytest.skip("shared data has no openi/dev.csv")
    records, gold = read_gold(path)
    labels = [result.labels for result in Labeler.load("openi", engine="surface").pipe(r.text for r in records)]
    evaluation = evaluate_labels(gold, labels)
    assert evaluation.all_reports.micro.f1 > 0.955
    assert evaluation.all_reports.macro_f1.value > 0.93
    assert evaluation.no_finding.f1 > 0.90


def test_other_labels_are_scored_where_they_are_named(tmp_path):
    from nlp_labeler.gold import read_gold

    path = tmp_path / "gold.csv"
    path.write_text("id,text,Edema,Hernia,No Finding\n1,Pulmonary edema.,1,0,0\n2,Hiatal hernia.,0,1,0\n")
    with pytest.raises(LabelerError, match="no column for"):
        read_gold(path)
    names = ("Edema", "Hernia")
    records, gold = read_gold(path, names)
    labels = [result.labels for result in Labeler.load("openi", engine="surface").pipe(r.text for r in records)]
    evaluation = evaluate_labels(gold, labels, names)
    assert list(evaluation.all_reports.per_label) == ["Edema", "Hernia"]
    assert evaluation.all_reports.micro.f1 == 1
    assert list(evaluation.with_normal.per_label) == ["Edema", "Hernia", "Normal"]
