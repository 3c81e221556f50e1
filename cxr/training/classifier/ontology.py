"""Labels of the ontology's nodes, and the conditional loss over them (Chen 2019)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from cxr.datasets.dataset import Dataset
from nlp_labeler.findings import ANCESTORS, PARENT, descendants


class HierarchyTraining(BaseModel):
    """How many epochs of the conditional stage come before the unconditional one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    conditional_epochs: int = Field(default=2, ge=0)


def with_ontology(dataset: Dataset) -> Dataset:
    """The dataset with one label per node of the ontology that has labelled descendants.

    A parent is present where one of its descendants is, absent where all known ones are absent, and unknown where none
    is known. A parent that has a column of its own keeps it where no descendant is present.
    """
    records = dataset.records.copy()
    space = []
    for node in PARENT:
        below = [label for label in (node, *descendants(node)) if label in dataset.label_space]
        if not below:
            continue
        columns = records[below].to_numpy(np.float32)
        present, absent = (columns == 1).any(axis=1), (columns == 0).all(axis=1)
        own = records[node].to_numpy(np.float32) if node in dataset.label_space else np.float32(np.nan)
        records[node] = np.where(present, 1.0, np.where(absent, 0.0, own)).astype(np.float32)
        space.append(node)
    return replace(dataset, records=records, label_space=tuple(space))


def parents(label_space: Sequence[str]) -> list[int]:
    """Column of each label's nearest ancestor in the label space; -1 at a root."""
    places = {label: column for column, label in enumerate(label_space)}
    return [next((places[a] for a in ANCESTORS[label] if a in places), -1) for label in label_space]


def conditional_targets(targets: Tensor, parent: Sequence[int]) -> Tensor:
    """Targets with every label unknown whose parent is not present: a child's loss counts only under its parent.

    Args:
        targets: (N, C) in [0, 1], NaN for unknown.
        parent: as :func:`parents` gives it.
    """
    columns = torch.tensor(parent, device=targets.device)
    root = columns < 0
    asked = root | (targets[:, columns.clamp(min=0)] > 0.5)
    return torch.where(asked, targets, torch.full_like(targets, float("nan")))
