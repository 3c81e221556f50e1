"""Whose film is it? What the film itself says of the patient, and whether the header says otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

__all__ = ["QUESTION_MEANINGS", "PatientEstimate", "PatientQuestion"]


class PatientQuestion(StrEnum):
    """What the header says of the patient and the film seems to contradict."""

    SEX = "sex_contradicted"
    AGE = "age_contradicted"
    VIEW = "view_contradicted"
    OTHER_PATIENT = "perhaps_another_patient"


QUESTION_MEANINGS: Mapping[PatientQuestion, str] = MappingProxyType(
    {
        PatientQuestion.SEX: "the film does not look like that of the sex which its header states",
        PatientQuestion.AGE: "the film does not look like that of the age which its header states",
        PatientQuestion.VIEW: "the film does not look like the view (AP or PA) which its header states",
        PatientQuestion.OTHER_PATIENT: "the earlier film does not look like that of the same patient",
    }
)
"""Question -> what raised it, as the rest of a sentence."""


@dataclass(frozen=True)
class PatientEstimate:
    """What the film alone says. It is for finding mixed-up films, and never changes a finding.

    Attributes:
        age: years.
        female: probability in [0, 1].
        ap: probability in [0, 1] that the film was taken from front to back.
    """

    __pydantic_config__ = {"extra": "forbid"}  # noqa: RUF012  (read by pydantic, never written)

    age: float
    female: float
    ap: float
