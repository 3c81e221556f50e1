"""One target's scores -> the certificate of a threshold on them, or the refusal with the number of patients missing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cxr.operating_points.certificate import Certificate, Criterion, OperatingPoint, Proportion, SubgroupRate, refuse
from cxr.operating_points.learn_then_test import furthest_rule_out
from cxr.operating_points.neyman_pearson import order_statistic

__all__ = ["Sample", "rule_in", "rule_out"]

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """One image per patient with (``diseased``) and without (``healthy``) one target, as image indices."""

    scores: _Floats  # (N,) of all images
    labels: _Floats  # (N,) 1, 0 or NaN
    healthy: NDArray[np.int64]
    diseased: NDArray[np.int64]


def _sentence(criterion: Criterion, who: str, limit: float, delta: float, n: int, k: int) -> str:
    confidence = f"With {100 * (1 - delta):.5g}% confidence at most {limit:.3g} of"
    source = f"threshold = score number {k} of {n}, one image per patient"
    if criterion == "false_positive_rate":
        return f"{confidence} patients without {who} score above the threshold ({source})."
    return f"{confidence} patients with {who} score below the threshold ({source})."


def _subgroup_rates(
    wrong: NDArray[np.bool_], images: NDArray[np.int64], subgroups: Mapping[str, Sequence[str]]
) -> tuple[SubgroupRate, ...]:
    rates = []
    for attribute, column in subgroups.items():
        values = np.asarray(column)[images]
        rates += [
            SubgroupRate(
                attribute=attribute,
                value=str(value),
                error=Proportion.of(int(wrong[values == value].sum()), int((values == value).sum())),
            )
            for value in np.unique(values)
        ]
    return tuple(rates)


def rule_in(
    sample: Sample, who: str, alpha: float, delta: float, subgroups: Mapping[str, Sequence[str]]
) -> OperatingPoint:
    """``score > threshold`` with a false-positive rate of at most ``alpha``."""
    chosen = order_statistic(sample.scores[sample.healthy], alpha, delta)
    if chosen is None:
        return refuse("false_positive_rate", len(sample.healthy), alpha, delta)
    flagged = sample.scores > chosen.threshold
    found = flagged[sample.diseased]
    return Certificate(
        criterion="false_positive_rate",
        limit=alpha,
        delta=delta,
        n=chosen.n,
        k=chosen.k,
        threshold=chosen.threshold,
        violation=chosen.violation,
        guarantee=_sentence("false_positive_rate", who, alpha, delta, chosen.n, chosen.k),
        sensitivity=Proportion.of(int(found.sum()), len(found)) if len(found) else None,
        image_rate=float(flagged[sample.labels == 0].mean()),
        subgroups=_subgroup_rates(flagged[sample.healthy], sample.healthy, subgroups),
    )


def rule_out(
    sample: Sample, who: str, beta: float, delta: float, subgroups: Mapping[str, Sequence[str]]
) -> OperatingPoint:
    """``score < threshold`` with a miss rate of at most ``beta``."""
    diseased = sample.scores[sample.diseased]
    # The score of every diseased patient is a candidate: between two of them the misses do not change.
    chosen = furthest_rule_out(diseased, diseased, beta, delta)
    if chosen is None:
        return refuse("miss_rate", len(diseased), beta, delta)
    cleared = sample.scores < chosen.threshold
    spared = cleared[sample.healthy]
    return Certificate(
        criterion="miss_rate",
        limit=beta,
        delta=delta,
        n=chosen.n,
        k=chosen.k,
        threshold=chosen.threshold,
        violation=chosen.p_value,
        guarantee=_sentence("miss_rate", who, beta, delta, chosen.n, chosen.k),
        specificity=Proportion.of(int(spared.sum()), len(spared)) if len(spared) else None,
        image_rate=float(cleared[sample.labels == 1].mean()),
        subgroups=_subgroup_rates(cleared[sample.diseased], sample.diseased, subgroups),
    )
