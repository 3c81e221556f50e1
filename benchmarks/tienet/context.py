"""Side and severity by the annotation cascade against the truth, beside the commonest answer and the heatmap's side."""

from collections import Counter
from collections.abc import Sequence
from functools import partial

import numpy as np
import pandas as pd

from benchmarks.record import Row, line
from benchmarks.tienet.cohort import Cohort
from benchmarks.tienet.trained import Generator
from cxr.models.annotation_cascade import CONTEXT, WORDS
from cxr.training.report.cascade import Annotations, looks, mined_annotations, train_cascade
from cxr.training.shared.report_texts import teachable_rows

__all__ = ["context_rows"]

_SLOTS = list(CONTEXT)
_GRADES = {"minimal": "mild"}  # the phantoms have three grades, the labeler four
_GRID = 16  # the last entries of a look: where the class map is hot, on a 4 x 4 grid


def context_rows(cohort: Cohort, generator: Generator) -> list[Row]:
    """Accuracy over held-out findings that have one lesion, hence one side and one grade."""
    trunk, space = generator.model.trunk, generator.model.card.label_space
    split, _ = teachable_rows(cohort.dataset.subset("train"))  # the rows of the training features
    mined = mined_annotations(split, space)
    cascade = train_cascade(trunk, generator.train_features, mined, seed=0)
    truth = _single_lesions(cohort, space)
    annotations = Annotations(
        truth["row"].to_numpy(np.int64), truth["finding"].to_numpy(np.int64), np.zeros((len(truth), 3), np.int64)
    )
    look = looks(trunk, generator.features, annotations)
    said = cascade.annotate(look.clone(), look.new_tensor(annotations.findings).long()).numpy()
    halves = look[:, -_GRID:].reshape(-1, 4, 4).numpy()
    # The patient's left is on the right of the image.
    hot = np.where(halves[:, :, 2:].sum(axis=(1, 2)) > halves[:, :, :2].sum(axis=(1, 2)), "left", "right")
    grades = [WORDS[number] for number in said[:, _SLOTS.index("severity")]]
    lateral = truth["side"].isin(["left", "right"]).to_numpy()
    sides = [WORDS[number] for number in said[lateral, _SLOTS.index("side")]]
    row = partial(_line, cohort.data)
    return [
        *row("side", "cascade", sides, truth["side"][lateral]),
        *row("side", "class heatmap", list(hot[lateral]), truth["side"][lateral]),
        *row("side", "commonest answer", _commonest(truth["side"][lateral]), truth["side"][lateral]),
        *row("severity", "cascade", [_GRADES.get(grade, grade) for grade in grades], truth["grade"]),
        *row("severity", "commonest answer", _commonest(truth["grade"]), truth["grade"]),
    ]


def _single_lesions(cohort: Cohort, space: Sequence[str]) -> pd.DataFrame:
    table = pd.read_csv(cohort.folder / "cohort" / "truth" / "findings.csv", dtype={"image": str})
    rows = {image: row for row, image in enumerate(cohort.images)}
    table = table[table["image"].isin(rows) & table["label"].isin(space)]
    table = table[~table.duplicated(["image", "label"], keep=False)].reset_index(drop=True)
    return table.assign(row=table["image"].map(rows), finding=[space.index(name) for name in table["label"]])


def _commonest(answers: pd.Series) -> list[str]:
    return [Counter(answers).most_common(1)[0][0]] * len(answers)


def _line(data: str, metric: str, name: str, said: Sequence[str], truth: pd.Series) -> list[Row]:
    hits = np.asarray(said) == truth.to_numpy()
    figures, unit = {f"{metric} accuracy": float(hits.mean())}, "true findings with one lesion"
    return line("tienet-context", name, figures, n=len(hits), unit_of_n=unit, data=data, seeds=(0,))
