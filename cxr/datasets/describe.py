"""Statistics of a dataset as ChestX-ray8 gives them (Wang 2017): how often a label stands alone or with others."""

from dataclasses import dataclass
from importlib.resources import files
from itertools import pairwise

import numpy as np
import pandas as pd
from jinja2 import Environment, StrictUndefined

from cxr.datasets.schema import SPLITS, Dataset

__all__ = ["Description", "describe", "to_html"]

_AGE_EDGES = (0, 20, 30, 40, 50, 60, 70, 80, 121)


@dataclass(frozen=True, eq=False)
class Description:
    """Counts of a dataset.

    Attributes:
        name: of the dataset.
        images: number of images.
        patients: number of patients.
        boxes: number of boxes.
        labels: one row per label: ``images``, ``alone`` (no other label), ``with_others``, ``uncertain``, ``unknown``,
            ``boxes``, and one column of positive images per split.
        together: (L, L) images that have both labels; the diagonal is each label's images.
        without_label: images that have none of the labels.
        splits: images and patients per split.
        groups: images per value of ``sex``, ``view`` and ``age`` in decades.
    """

    name: str
    images: int
    patients: int
    boxes: int
    labels: pd.DataFrame
    together: pd.DataFrame
    without_label: int
    splits: pd.DataFrame
    groups: dict[str, dict[str, int]]


def describe(dataset: Dataset) -> Description:
    """Count what a dataset holds."""
    space, records = list(dataset.label_space), dataset.records
    values = dataset.labels()
    positive = values == 1
    per_image = positive.sum(axis=1)
    counts = positive.astype(np.int64).T @ positive.astype(np.int64)
    alone = positive[per_image == 1].sum(axis=0)
    labels = pd.DataFrame({"images": counts.diagonal(), "alone": alone}, index=space)
    labels["with_others"] = labels["images"] - labels["alone"]
    labels["uncertain"] = (values == -1).sum(axis=0)
    labels["unknown"] = np.isnan(values).sum(axis=0)
    labels["boxes"] = dataset.boxes["label"].value_counts().reindex(space).fillna(0).astype(int)
    present = [split for split in SPLITS if (records["split"] == split).any()]
    for split in present:
        labels[split] = positive[records["split"] == split].sum(axis=0)
    by_split = records.groupby("split")
    splits = pd.DataFrame({"images": by_split.size(), "patients": by_split["patient"].nunique()}).reindex(present)
    return Description(
        name=dataset.name,
        images=len(records),
        patients=records["patient"].nunique(),
        boxes=len(dataset.boxes),
        labels=labels,
        together=pd.DataFrame(counts, index=space, columns=space),
        without_label=int((per_image == 0).sum()),
        splits=splits,
        groups={"sex": _counts(records["sex"]), "view": _counts(records["view"]), "age": _ages(records["age"])},
    )


def _counts(column: pd.Series) -> dict[str, int]:
    """Number of each value, the most frequent first."""
    return {str(value) or "unknown": int(count) for value, count in column.value_counts().items()}


def _ages(ages: pd.Series) -> dict[str, int]:
    names = [f"{low}-{high - 1}" for low, high in pairwise(_AGE_EDGES)]
    binned = pd.cut(ages, list(_AGE_EDGES), right=False, labels=names).value_counts().reindex(names)
    counts = {str(name): int(count) for name, count in binned.items()}
    unknown = int(ages.isna().sum())
    return {**counts, "unknown": unknown} if unknown else counts


def to_html(description: Description) -> str:
    """One self-contained page: tables, and the co-occurrence of labels as a heat table."""
    template = (files("cxr.datasets") / "describe.html.j2").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    together = description.together.to_numpy()
    share = together / np.maximum(together.diagonal(), 1)[:, None]
    return environment.from_string(template).render(d=description, share=share)
