"""The findings, their order and their ontology: the ground floor that everything else stands on.

The eight come first, in the order of the ChestX-ray8 tables (Wang 2017); then the neighbours that the
ontology needs. The tree follows the hierarchical multi-label formulation of Chen 2019.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

__all__ = [
    "ANCESTORS",
    "CHESTXRAY8",
    "LABELS",
    "NO_FINDING",
    "PARENT",
    "Finding",
    "ancestors",
    "descendants",
]


class Finding(StrEnum):
    """A finding that a label column may name; the value is the column name."""

    ATELECTASIS = "Atelectasis"
    CARDIOMEGALY = "Cardiomegaly"
    EFFUSION = "Effusion"
    INFILTRATION = "Infiltration"
    MASS = "Mass"
    NODULE = "Nodule"
    PNEUMONIA = "Pneumonia"
    PNEUMOTHORAX = "Pneumothorax"
    CONSOLIDATION = "Consolidation"
    EDEMA = "Edema"
    EMPHYSEMA = "Emphysema"
    FIBROSIS = "Fibrosis"
    PLEURAL_THICKENING = "Pleural_Thickening"
    HERNIA = "Hernia"


LABELS: tuple[str, ...] = tuple(f.value for f in Finding)
"""All fourteen label columns, in order."""

CHESTXRAY8: tuple[str, ...] = LABELS[:8]
"""The eight labels of ChestX-ray8, in the order of its tables."""

NO_FINDING = "No Finding"
"""The column that is 1 only where no abnormality of any kind is affirmed."""

PARENT: Mapping[str, str | None] = MappingProxyType(
    {
        "Abnormal": None,
        "Lung opacity": "Abnormal",
        "Pleural abnormality": "Abnormal",
        "Cardiomediastinal": "Abnormal",
        "Chronic lung": "Abnormal",
        "Lung lesion": "Lung opacity",
        Finding.ATELECTASIS.value: "Lung opacity",
        Finding.INFILTRATION.value: "Lung opacity",
        Finding.CONSOLIDATION.value: "Lung opacity",
        Finding.EDEMA.value: "Lung opacity",
        Finding.PNEUMONIA.value: Finding.CONSOLIDATION.value,
        Finding.MASS.value: "Lung lesion",
        Finding.NODULE.value: "Lung lesion",
        Finding.EFFUSION.value: "Pleural abnormality",
        Finding.PNEUMOTHORAX.value: "Pleural abnormality",
        Finding.PLEURAL_THICKENING.value: "Pleural abnormality",
        Finding.CARDIOMEGALY.value: "Cardiomediastinal",
        Finding.HERNIA.value: "Cardiomediastinal",
        Finding.EMPHYSEMA.value: "Chronic lung",
        Finding.FIBROSIS.value: "Chronic lung",
    }
)
"""Parent of every ontology node; ``None`` at the root."""


def ancestors(node: str) -> tuple[str, ...]:
    """Ancestors of an ontology node, nearest first.

    Raises:
        KeyError: if the node is not in the ontology.
    """
    chain: list[str] = []
    parent = PARENT[node]
    while parent is not None:
        chain.append(parent)
        parent = PARENT[parent]
    return tuple(chain)


ANCESTORS: Mapping[str, tuple[str, ...]] = MappingProxyType({node: ancestors(node) for node in PARENT})
"""Ancestors of every node, nearest first."""


def descendants(node: str) -> tuple[str, ...]:
    """All nodes below ``node``, in tree order.

    Raises:
        KeyError: if the node is not in the ontology.
    """
    if node not in PARENT:
        raise KeyError(node)
    return tuple(other for other in PARENT if node in ANCESTORS[other])
