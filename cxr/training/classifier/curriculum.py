"""Curriculum on mined severity (Tang 2018): plain examples first, then those that their report calls less severe."""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from cxr.datasets.dataset import Dataset
from cxr.errors import DatasetError
from cxr.training.shared.batches import EpochSampler

TIERS = ("severe", "moderate", "mild", None)
"""Mined severities from the plainest; None: asserted without a severity. Normal images come throughout."""
_TIER_OF = {"severe": 0, "moderate": 1, "mild": 2, "minimal": 2}


class CurriculumConfig(BaseModel):
    """The epochs at which moderate, then mild, then unspecified findings join the severe ones."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    moderate_from: int = Field(default=1, ge=0)
    mild_from: int = Field(default=2, ge=0)
    unspecified_from: int = Field(default=3, ge=0)

    def tiers_in(self, epoch: int) -> int:
        """How many of TIERS are drawn in an epoch."""
        return 1 + sum(epoch >= first for first in (self.moderate_from, self.mild_from, self.unspecified_from))


def difficulty(dataset: Dataset, label_space: tuple[str, ...]) -> NDArray[np.int64]:
    """(N,) tier of each image: of the most severe finding that its report affirms; -1 where no label is positive.

    Raises:
        DatasetError: if the dataset has no reports, and so no severities.
    """
    if dataset.reports is None or "mentions" not in dataset.reports:
        raise DatasetError(f"{dataset.root} has no mined reports; a curriculum needs a folder of `cxr dataset build`")
    tiers = {
        image: min(
            (_TIER_OF.get(m["severity"], len(TIERS) - 1) for m in mentions if _affirms(m, label_space)),
            default=len(TIERS) - 1,
        )
        for image, mentions in zip(dataset.reports["image"], dataset.reports["mentions"], strict=True)
    }
    positive = (dataset.records[list(label_space)] == 1).any(axis=1)
    return np.array(
        [
            tiers.get(image, len(TIERS) - 1) if ill else -1
            for image, ill in zip(dataset.records["image"], positive, strict=True)
        ]
    )


def _affirms(mention: dict[str, object], label_space: tuple[str, ...]) -> bool:
    return mention["assertion"] == "affirmed" and mention["finding"] in label_space


class CurriculumSampler(EpochSampler):
    """Epochs of the usual length, filled from the tiers that the epoch admits.

    Args:
        tiers: (N,) as :func:`difficulty` gives them.
        config: which tiers when.
        seed: of the order.
    """

    def __init__(self, tiers: NDArray[np.int64], config: CurriculumConfig, seed: int) -> None:
        super().__init__(len(tiers), seed)
        self.tiers = tiers
        self.config = config

    def order(self, random: np.random.Generator) -> NDArray[np.int64]:
        """(rows,) the admitted rows, as often as it takes to fill the epoch."""
        admitted = np.flatnonzero(self.tiers < self.config.tiers_in(self.epoch))
        rounds = -(-self.rows // max(1, len(admitted)))
        return np.concatenate([random.permutation(admitted) for _ in range(rounds)])[: self.rows]
