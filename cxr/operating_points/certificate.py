"""What is known about one threshold: a certificate, or the refusal to issue one."""

from typing import Annotated, Literal, Self

import scipy  # its parts are imported when they are first used
from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Certificate", "CertificateRefusal", "Criterion", "OperatingPoint", "Proportion", "SubgroupRate"]

Criterion = Literal["false_positive_rate", "miss_rate"]
_Level = Annotated[float, Field(gt=0, lt=1)]
_Unit = Annotated[float, Field(ge=0, le=1)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Proportion(_Strict):
    """A share of independent patients with its exact 95 % interval (Clopper and Pearson 1934)."""

    n: int = Field(ge=1)
    count: int = Field(ge=0)
    rate: _Unit
    low: _Unit
    high: _Unit

    @classmethod
    def of(cls, count: int, n: int, confidence: float = 0.95) -> Self:
        """``count`` out of ``n``, with the exact two-sided interval of the given confidence."""
        tail = (1 - confidence) / 2
        low = float(scipy.special.betaincinv(count, n - count + 1, tail)) if count else 0.0
        high = float(scipy.special.betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0
        return cls(n=n, count=count, rate=count / n, low=low, high=high)


class SubgroupRate(_Strict):
    """The error rate in one subgroup of the calibration sample: descriptive, not guaranteed."""

    attribute: str
    value: str
    error: Proportion


class Certificate(_Strict):
    """A threshold with its promise: with confidence ``1 - delta`` the error rate is at most ``limit``.

    Attributes:
        criterion: ``false_positive_rate``: flagged if ``score > threshold``, the error is to flag somebody
            without the finding. ``miss_rate``: ruled out if ``score < threshold``, the error is to rule
            out somebody with it.
        limit: the promised highest error rate (alpha).
        delta: probability, over calibration samples, that the promise fails.
        n: independent patients the threshold was chosen from, one image each.
        k: rank of the threshold among their n scores, 1 for the smallest.
        threshold: in the units of the score, [0, 1].
        violation: exact bound that was compared with ``delta``.
        guarantee: the promise in one sentence.
        sensitivity: of a false-positive-limited rule, on the calibration patients with the finding.
        specificity: of a miss-limited rule, on the calibration patients without the finding. The rate
            that is controlled is not estimated: its data chose the threshold.
        image_rate: error rate over all calibration images of the class, where patients who are imaged often
            weigh more. The promise is about patients and does not limit it; in a hospital it can be higher.
        subgroups: error rate by subgroup of the n patients.
    """

    status: Literal["certified"] = "certified"
    criterion: Criterion
    limit: _Level
    delta: _Level
    n: int = Field(ge=1)
    k: int = Field(ge=1)
    threshold: _Unit
    violation: _Unit
    guarantee: str
    sensitivity: Proportion | None = None
    specificity: Proportion | None = None
    image_rate: _Unit | None = None
    subgroups: tuple[SubgroupRate, ...] = ()

    @model_validator(mode="after")
    def _promise_is_kept(self) -> Self:
        if self.k > self.n:
            raise ValueError(f"rank k={self.k} exceeds n={self.n}")
        if self.violation > self.delta:
            raise ValueError(f"violation {self.violation:.4g} exceeds delta {self.delta:.4g}")
        return self


class CertificateRefusal(_Strict):
    """No certificate: too few independent patients. ``missing`` says how many more are needed."""

    status: Literal["refused"] = "refused"
    criterion: Criterion
    limit: _Level
    delta: _Level
    n: int = Field(ge=0)
    required: int = Field(ge=1)
    missing: int = Field(ge=1)
    reason: str


OperatingPoint = Annotated[Certificate | CertificateRefusal, Field(discriminator="status")]
