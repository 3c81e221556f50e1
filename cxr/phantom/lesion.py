"""What is wrong with a patient at one visit: the truth that images and reports are made from."""

from dataclasses import dataclass

__all__ = ["GRADES", "Grade", "Lesion", "grade_of"]

Grade = str
GRADES: tuple[Grade, ...] = ("mild", "moderate", "severe")


def grade_of(severity: float) -> Grade:
    """The grade word of a continuous severity in [0, 1]: thirds."""
    return GRADES[min(int(severity * 3), 2)]


@dataclass(frozen=True)
class Lesion:
    """One finding in one place at one visit.

    Attributes:
        finding: a label of :data:`nlp_labeler.findings.LABELS`.
        severity: in [0, 1]; its thirds are mild, moderate and severe.
        side: "left", "right", "bilateral", or "" for what has no side (the heart).
        zone: "upper", "mid", "lower", "apical", "basal", "perihilar", "diffuse" or "".
        seed: fixes the form of the lesion; the same at every visit of its course.
        change: against the previous visit: "new", "stable", "improved", "worsened", or "" at a first visit.
    """

    finding: str
    severity: float
    side: str
    zone: str
    seed: int
    change: str = ""

    @property
    def grade(self) -> Grade:
        """mild, moderate or severe."""
        return grade_of(self.severity)
