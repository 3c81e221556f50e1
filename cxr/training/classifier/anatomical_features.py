"""Fit one logistic regression per label on the anatomical features of the training images."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field
from rich.progress import track
from sklearn.linear_model import LogisticRegression

from cxr.models.anatomical_features import AnatomicalRegression, measure
from cxr.training.shared.batches import UINT8_MAX, Images, PlainImages, plain_batches

__all__ = ["AnatomicalFeaturesConfig", "fit_anatomical_features"]

_BATCH = 64


class AnatomicalFeaturesConfig(BaseModel):
    """How the regression on anatomical features is fitted.

    Attributes:
        strength: inverse of the ridge penalty on standardised measures.
        excluded_labels: labels that it says nothing of, because what shows them is a small place and not a shape.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    strength: float = Field(default=0.1, gt=0)
    excluded_labels: tuple[str, ...] = ()


@torch.no_grad()
def fit_anatomical_features(
    regression: AnatomicalRegression,
    images: Images,
    labels: NDArray[np.float32],
    label_space: Sequence[str],
    config: AnatomicalFeaturesConfig,
) -> None:
    """Set the regression's weights.

    The intercept is left out: how common a label is the classifier knows, and calibration settles the rest.

    Args:
        regression: changed in place.
        images: M network inputs (size, size) uint8.
        labels: (M, C) 1, 0, and -1 or NaN for images that are left out.
        label_space: names of the C labels.
        config: see AnatomicalFeaturesConfig.
    """
    measures = _measures(regression, PlainImages(images, labels))
    known = np.isin(labels, (0, 1))
    centre, scale = measures.mean(axis=0), measures.std(axis=0) + 1e-6
    regression.centre.copy_(torch.from_numpy(centre))
    regression.scale.copy_(torch.from_numpy(scale))
    regression.log_odds.weight.zero_()
    standardized = (measures - centre) / scale
    for column, label in enumerate(label_space):
        rows = known[:, column]
        if label in config.excluded_labels or len(np.unique(labels[rows, column])) < 2:
            continue
        fitted = LogisticRegression(C=config.strength, max_iter=1000).fit(standardized[rows], labels[rows, column])
        regression.log_odds.weight[column] = torch.from_numpy(fitted.coef_[0].astype(np.float32))


def _measures(regression: AnatomicalRegression, images: PlainImages) -> NDArray[np.float32]:
    """(M, len(MEASURES)) of the images as they are, not augmented."""
    found = []
    for batch, _ in track(plain_batches(images, _BATCH), description="measuring", transient=True):
        chests = regression.outlines(batch.to(regression.centre.device).float() / UINT8_MAX)
        found.append(measure(chests).cpu().numpy())
    return np.concatenate(found)
