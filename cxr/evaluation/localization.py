"""Localization against radiologists' boxes: hit rates by IoU and IoBB, and false-positive boxes (Wang 2017).

A true box is hit at T if any predicted box of its label in its image overlaps it by more than T. A predicted
box is false at T if it overlaps no true box of its label by more than T in IoU. IoBB rewards tiny boxes, so the
three are always reported together. As in the paper, a label is judged on the images that have a true box
of it: elsewhere nobody drew boxes, and a prediction can be neither right nor wrong.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr.errors import CxrError
from cxr.evaluation.bootstrap import Estimate, bootstrap, estimates
from cxr.localization import iobb, iou

__all__ = [
    "IOBB_THRESHOLDS",
    "IOU_THRESHOLDS",
    "BoxHits",
    "BoxTable",
    "LocalizationReport",
    "evaluate_localization",
]

IOU_THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""Those of Wang 2017, table 3."""

IOBB_THRESHOLDS = (0.1, 0.25, 0.5, 0.75, 0.9)
"""Those of Wang 2017, table 3."""

MEAN = "mean"


@dataclass(frozen=True)
class BoxTable:
    """Boxes of many images.

    Attributes:
        images: (n,) image of each box.
        labels: (n,) its label.
        boxes: (n, 4) as x, y, width, height, in the same pixels as the table it is compared with.
    """

    images: tuple[str, ...]
    labels: tuple[str, ...]
    boxes: NDArray[np.float64]

    @classmethod
    def of(cls, rows: Iterable[tuple[str, str, Sequence[float]]]) -> "BoxTable":
        """A table from (image, label, [x, y, width, height]) rows."""
        listed = list(rows)
        boxes = np.array([row[2] for row in listed], dtype=np.float64).reshape(-1, 4)
        return cls(tuple(row[0] for row in listed), tuple(row[1] for row in listed), boxes)

    def by_image_and_label(self) -> dict[tuple[str, str], NDArray[np.float64]]:
        """(image, label) to its boxes (n, 4)."""
        rows: dict[tuple[str, str], list[int]] = {}
        for index, key in enumerate(zip(self.images, self.labels, strict=True)):
            rows.setdefault(key, []).append(index)
        return {key: self.boxes[indices] for key, indices in rows.items()}


@dataclass(frozen=True)
class LocalizationReport:
    """Rates by threshold, then by label; the key ``mean`` is the mean over the labels that have boxes.

    Attributes:
        iou: share of true boxes hit at an IoU above the threshold.
        iobb: share of true boxes hit at an IoBB above the threshold.
        afp: false-positive boxes per image at the IoU threshold; not bounded by 1.
        n_boxes: true boxes of each label.
    """

    iou: Mapping[float, Mapping[str, Estimate]]
    iobb: Mapping[float, Mapping[str, Estimate]]
    afp: Mapping[float, Mapping[str, Estimate]]
    n_boxes: Mapping[str, int]


def _counts(predicted: NDArray[np.float64], truth: NDArray[np.float64]) -> list[float]:
    """Hits by IoU and by IoBB and false boxes by IoU, at every threshold, of one label in one image."""
    by_iou, by_iobb = iou(predicted, truth), iobb(predicted, truth)
    best_iou, best_iobb = (m.max(axis=0, initial=0.0) for m in (by_iou, by_iobb))
    best_of_predicted = by_iou.max(axis=1, initial=0.0)
    return [
        *(float((best_iou > t).sum()) for t in IOU_THRESHOLDS),
        *(float((best_iobb > t).sum()) for t in IOBB_THRESHOLDS),
        *(float((best_of_predicted <= t).sum()) for t in IOU_THRESHOLDS),
    ]


class BoxHits:
    """Hits and false boxes of one set of predicted boxes, countable for many weightings of the images at once.

    Args:
        truth: the radiologists' boxes.
        predicted: the model's; those of a label in an image without a true box of it are not judged.
        label_names: labels to report, in order; those without a true box are left out.

    Attributes:
        labels: the labels that have boxes.
        images: (U,) image of each judged unit, an image and a label with a true box in it. It depends on the truth
            alone, so that two models are compared unit by unit.
        n_boxes: (U,) true boxes of each unit.
        members: per label, (U,) which units are its own.

    Raises:
        CxrError: if there is no true box of these labels.
    """

    def __init__(self, truth: BoxTable, predicted: BoxTable, label_names: Sequence[str]) -> None:
        drawn, guessed = truth.by_image_and_label(), predicted.by_image_and_label()
        self.labels = [name for name in label_names if any(label == name for _, label in drawn)]
        if not self.labels:
            raise CxrError(f"no true boxes of {', '.join(label_names)}; localization cannot be evaluated")
        units = [key for key in drawn if key[1] in self.labels]
        none = np.empty((0, 4))
        self.images = [image for image, _ in units]
        self.n_boxes = np.array([float(len(drawn[key])) for key in units])
        self._counts = np.array([_counts(guessed.get(key, none), drawn[key]) for key in units])
        n_hits = len(IOU_THRESHOLDS) + len(IOBB_THRESHOLDS)
        # What a count is divided by: true boxes for hits, images for false boxes.
        self._per = np.hstack(
            [np.repeat(self.n_boxes[:, None], n_hits, axis=1), np.ones((len(units), len(IOU_THRESHOLDS)))]
        )
        self.members = [np.array([key[1] == name for key in units]) for name in self.labels]

    def rates(self, weights: NDArray[np.float32]) -> NDArray[np.float64]:
        """Rates for R weightings of the units.

        Args:
            weights: (R, U), not negative.

        Returns:
            (R, 1 + L, K): the mean over the labels, then each label; hit rates at IOU_THRESHOLDS, at IOBB_THRESHOLDS,
            then false boxes per image at IOU_THRESHOLDS. NaN where a weighting leaves a label without boxes.
        """
        rates = []
        for member in self.members:
            w = weights[:, member].astype(np.float64)
            total = w @ self._per[member]
            rates.append(np.divide(w @ self._counts[member], total, out=np.full_like(total, np.nan), where=total > 0))
        stacked = np.stack(rates, axis=1)  # (R, L, K)
        defined = (~np.isnan(stacked)).sum(axis=1, keepdims=True)
        mean = np.nansum(stacked, axis=1, keepdims=True) / np.maximum(defined, 1)
        return np.concatenate([mean, stacked], axis=1)


def evaluate_localization(
    truth: BoxTable,
    predicted: BoxTable,
    patients: Mapping[str, str],
    label_names: Sequence[str],
    resamples: int = 1000,
    seed: int = 0,
) -> LocalizationReport:
    """Hit rates and false-positive boxes with 95 % patient-cluster bootstrap intervals.

    Args:
        truth: the radiologists' boxes.
        predicted: the model's; those of a label in an image without a true box of it are not judged.
        patients: image -> patient, for every image with a true box.
        label_names: labels to report, in order; those without a true box are left out.
        resamples: patient resamples.
        seed: makes the intervals repeatable.

    Raises:
        CxrError: if there is no true box of these labels, or an image's patient is not given.
    """
    hits = BoxHits(truth, predicted, label_names)
    unknown = sorted(set(hits.images) - set(patients))
    if unknown:
        raise CxrError(f"{len(unknown)} images with boxes have no patient, e.g. '{unknown[0]}'")

    def statistic(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        return hits.rates(weights).reshape(len(weights), -1)

    found = estimates(bootstrap(statistic, [patients[image] for image in hits.images], resamples, seed))
    width = len(found) // (1 + len(hits.labels))

    def table(thresholds: Sequence[float], first: int) -> dict[float, dict[str, Estimate]]:
        return {
            t: {name: found[row * width + first + i] for row, name in enumerate((MEAN, *hits.labels))}
            for i, t in enumerate(thresholds)
        }

    return LocalizationReport(
        iou=table(IOU_THRESHOLDS, 0),
        iobb=table(IOBB_THRESHOLDS, len(IOU_THRESHOLDS)),
        afp=table(IOU_THRESHOLDS, len(IOU_THRESHOLDS) + len(IOBB_THRESHOLDS)),
        n_boxes={name: int(hits.n_boxes[member].sum()) for name, member in zip(hits.labels, hits.members, strict=True)},
    )
