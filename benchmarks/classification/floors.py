"""What someone reaches who does not look at the film, and what a bundle adds to that.

AUC: boosted trees over age, sex, view and follow-up number, fitted on all official train_val rows of ChestX-ray14. Hit
rates: K boxes per finding, chosen greedily among other patients' true boxes so that they hit most of those at IoU > 0.3
and drawn unchanged, in folds by patient. A figure's lift over its floor is resampled with it.
"""

import gzip
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from benchmarks.record import Row, line
from cxr.benchmark.from_bundle import ScreenedSplit
from cxr.benchmark.tables import LabeledPredictions
from cxr.evaluation.bootstrap import bootstrap, estimates
from cxr.evaluation.localization import IOBB_THRESHOLDS, IOU_THRESHOLDS, BoxHits, BoxTable
from cxr.evaluation.ranking import RankedScores
from cxr.localization import iou
from nlp_labeler.findings import CHESTXRAY8

__all__ = ["blind_boxes", "floor_rows", "header_scores"]

FOLDS, COVERED, SHOWN = 5, 0.3, (0.1, 0.3, 0.5)
BLIND = (1, 2, 3)
RESAMPLES = 1000
MEAN = "mean of 8"


def floor_rows(screened: ScreenedSplit, nih: Path, data: str, seeds: Sequence[int] = ()) -> list[Row]:
    """AUC and hit rates beside their floors, per finding, with the lift.

    Args:
        screened: the NIH test films.
        nih: the folder of NIH films, with the official table and lists.
        data: what was screened by what.
        seeds: of the training behind it.
    """
    return [*_auc_rows(screened.predictions, nih, data, seeds), *_box_rows(screened, data, seeds)]


def header_scores(nih: Path, images: Sequence[str], findings: Sequence[str]) -> NDArray[np.float64]:
    """(N, C) chance of each finding by age, sex, view and follow-up number alone."""
    table = pd.read_csv(nih / "Data_Entry_2017_v2020.csv.gz", index_col="Image Index")
    features = pd.DataFrame(
        {
            "age": table["Patient Age"].clip(upper=100),
            "sex": table["Patient Gender"] == "M",
            "view": table["View Position"] == "AP",
            "follow-up": table["Follow-up #"],
        }
    )
    with gzip.open(nih / "train_val_list.txt.gz", "rt") as stream:
        trained_on = [name for name in stream.read().split() if name in table.index]
    labels = table["Finding Labels"].str.split("|")
    patients = table["Patient ID"]
    if set(patients[trained_on]) & set(patients[list(images)]):
        raise SystemExit("benchmarks: a patient of the scored films is in the official training list")
    scores = []
    for finding in findings:
        model = HistGradientBoostingClassifier(random_state=0)
        model.fit(features.loc[trained_on], labels[trained_on].map(lambda names, f=finding: f in names))
        scores.append(model.predict_proba(features.loc[list(images)])[:, 1])
    return np.column_stack(scores)


def _auc_rows(predictions: LabeledPredictions, nih: Path, data: str, seeds: Sequence[int]) -> list[Row]:
    columns = [predictions.label_names.index(name) for name in CHESTXRAY8]
    labels = predictions.labels[:, columns]
    blind = header_scores(nih, predictions.images, CHESTXRAY8)
    both = [
        [RankedScores(labels[:, c], scores[:, c]) for c in range(len(CHESTXRAY8))]
        for scores in (predictions.probabilities[:, columns], blind)
    ]

    def statistic(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        model, floor = (np.stack([r.metrics(weights, 0.0).auc for r in ranked], axis=1) for ranked in both)
        figures = np.stack([model, floor, model - floor], axis=2)  # (R, 8, 3)
        return np.concatenate([figures.mean(axis=1, keepdims=True), figures], axis=1).reshape(len(weights), -1)

    found = estimates(bootstrap(statistic, predictions.patients, RESAMPLES))
    rows: list[Row] = []
    for place, name in enumerate((MEAN, *CHESTXRAY8)):
        figures = dict(zip(("AUC", "age, sex, view, follow-up", "lift"), found[3 * place : 3 * place + 3], strict=True))
        positive = labels if name == MEAN else labels[:, CHESTXRAY8.index(name)]
        n = int(positive.sum())
        rows += line("floor of AUC", name, figures, n=n, unit_of_n="positives", data=data, seeds=seeds)
    return rows


def blind_boxes(truth: BoxTable, patients: Mapping[str, str], count: int) -> BoxTable:
    """``count`` boxes for every film and finding that has a true one, chosen without that film's patient.

    Args:
        truth: true boxes, of films of one size.
        patients: film -> patient.
        count: boxes per finding.

    Returns:
        The chosen boxes, in folds by patient: greedily that which covers most of the other folds' boxes, then most of
        the rest.
    """
    names = sorted({patients[image] for image in truth.images})
    fold = dict(zip(np.random.default_rng(0).permutation(names), np.arange(len(names)) % FOLDS, strict=True))
    of_box = np.array([fold[patients[image]] for image in truth.images])
    labels = np.array(truth.labels)
    chosen: list[tuple[str, str, list[float]]] = []
    for finding in dict.fromkeys(truth.labels):
        for held_out in range(FOLDS):
            boxes = _cover(truth.boxes[(labels == finding) & (of_box != held_out)], count)
            films = {truth.images[row] for row in np.flatnonzero((labels == finding) & (of_box == held_out))}
            chosen += [(film, finding, list(box)) for film in sorted(films) for box in boxes]
    return BoxTable.of(chosen)


def _cover(boxes: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """(count, 4) of some boxes, greedily those that cover most."""
    covers = iou(boxes, boxes) > COVERED
    left, chosen = np.ones(len(boxes), dtype=bool), []
    for _ in range(min(count, len(boxes))):
        best = int((covers & left).sum(axis=1).argmax())
        chosen.append(best)
        left &= ~covers[best]
    return boxes[chosen]


def _box_rows(screened: ScreenedSplit, data: str, seeds: Sequence[int]) -> list[Row]:
    predictions, truth = screened.predictions, screened.true_boxes
    patients = dict(zip(predictions.images, predictions.patients, strict=True))
    tables = [screened.boxes, *(blind_boxes(truth, patients, count) for count in BLIND)]
    judged = [BoxHits(truth, table, CHESTXRAY8) for table in tables]
    columns = [IOU_THRESHOLDS.index(threshold) for threshold in SHOWN]
    wrong = [len(IOU_THRESHOLDS) + len(IOBB_THRESHOLDS) + column for column in columns]

    def statistic(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        rates = [hits.rates(weights) for hits in judged]
        model, *floors = (found[:, :, columns] for found in rates)
        lift = model - floors[1]
        return np.stack([model, *floors, lift, rates[0][:, :, wrong]], axis=3).reshape(len(weights), -1)

    found = estimates(bootstrap(statistic, [patients[image] for image in judged[0].images], RESAMPLES))
    heads = ("hit", *(f"{count} blind" for count in BLIND), "lift over 2 blind", "false boxes per image")
    names = (MEAN, *judged[0].labels)
    n_boxes = [int(judged[0].n_boxes.sum()), *(int(judged[0].n_boxes[m].sum()) for m in judged[0].members)]
    of_all = np.array(found, dtype=object).reshape(len(names), len(SHOWN), len(heads))
    rows: list[Row] = []
    for place, name in enumerate(names):
        for t, threshold in enumerate(SHOWN):
            rows += line(
                f"floor of boxes, IoU > {threshold}",
                name,
                dict(zip(heads, of_all[place, t], strict=True)),
                n=n_boxes[place],
                unit_of_n="boxes",
                data=data,
                seeds=seeds,
            )
    return rows
