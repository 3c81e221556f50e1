"""How the calibration set scored: what a clinic compares its own scores with, and tries other thresholds on.

A certificate speaks about one threshold. For any other, these scores tell what sensitivity and false alarms were
on the calibration set: an estimate without a promise. The file is optional in a bundle.
"""

from collections.abc import Sequence
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr.errors import OperatingPointError
from cxr.operating_points.calibration_data import patient_labels, patient_score
from cxr.operating_points.certificate import Proportion
from nlp_labeler.faults import faults

__all__ = ["MAX_SCORES", "FindingScores", "ScoreReference"]

MAX_SCORES = 401
"""Of larger samples this many are kept, at evenly spaced ranks."""

_Scores = tuple[Annotated[float, Field(ge=0, le=1)], ...]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FindingScores(_Strict):
    """Calibrated probabilities of one finding on the calibration images, in rising order.

    Attributes:
        n_present: images with the finding.
        n_absent: images without it; images where nobody knows are left out.
        present: their probabilities, at most :data:`MAX_SCORES`.
        absent: likewise.
    """

    n_present: int
    n_absent: int
    present: _Scores
    absent: _Scores

    def sensitivity(self, threshold: float) -> Proportion | None:
        """Share of the images with the finding that score above; ``None`` without any."""
        return _share_above(self.present, self.n_present, threshold)

    def false_positive_rate(self, threshold: float) -> Proportion | None:
        """Share of the images without the finding that score above; ``None`` without any."""
        return _share_above(self.absent, self.n_absent, threshold)

    def sample(self) -> NDArray[np.float64]:
        """(n,) scores as they were on the calibration set, present and absent in their true proportion."""
        total = self.n_present + self.n_absent
        parts = []
        for scores, n in ((self.present, self.n_present), (self.absent, self.n_absent)):
            count = round(n * min(1, MAX_SCORES / total))
            parts.append(np.quantile(scores, (np.arange(count) + 0.5) / count) if count else np.empty(0))
        return np.sort(np.concatenate(parts))


class ScoreReference(_Strict):
    """The file score_reference.json of a bundle.

    Attributes:
        format_version: version of this file; another one is refused.
        findings: finding -> its scores.
        any_finding: the highest probability, on images with any finding and on those known to have none.
    """

    format_version: Literal[1] = 1
    findings: dict[str, FindingScores]
    any_finding: FindingScores

    @classmethod
    def of(cls, probabilities: ArrayLike, labels: ArrayLike, label_space: Sequence[str]) -> Self:
        """Collect the scores of a calibration set.

        Args:
            probabilities: (N, C) calibrated, in [0, 1].
            labels: (N, C) 1, 0, or NaN where unknown.
            label_space: the C findings.
        """
        p, y = np.asarray(probabilities, dtype=np.float64), np.asarray(labels, dtype=np.float64)
        return cls(
            findings={name: _scores(p[:, c], y[:, c]) for c, name in enumerate(label_space)},
            any_finding=_scores(patient_score(p), patient_labels(y)),
        )

    def to_json(self) -> str:
        """The content of a score_reference.json."""
        return self.model_dump_json() + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote.

        Raises:
            OperatingPointError: if it is invalid or of another version.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise OperatingPointError(f"the score reference is invalid at {faults(error)}; export it again") from error


def _scores(p: NDArray[np.float64], y: NDArray[np.float64]) -> FindingScores:
    return FindingScores(
        n_present=int((y == 1).sum()),
        n_absent=int((y == 0).sum()),
        present=_kept(p[y == 1]),
        absent=_kept(p[y == 0]),
    )


def _kept(scores: NDArray[np.float64]) -> tuple[float, ...]:
    """The scores in rising order, thinned to evenly spaced ranks where there are too many."""
    ranks = np.linspace(0, len(scores) - 1, min(len(scores), MAX_SCORES)).round().astype(int)
    return tuple(round(float(score), 5) for score in np.sort(scores)[ranks])


def _share_above(scores: tuple[float, ...], n: int, threshold: float) -> Proportion | None:
    if not n:
        return None
    above = float(np.mean(np.array(scores) > threshold))
    return Proportion.of(round(above * n), n)
