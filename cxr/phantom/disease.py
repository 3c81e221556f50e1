"""What is wrong with a patient: diseases as tables, and the lesions of one visit, the truth behind image and report.

The tables say how common diseases are, which findings they bring, where those sit and how they change.
"""

from dataclasses import dataclass

__all__ = [
    "ALWAYS_BILATERAL",
    "CHRONIC",
    "CONDITIONS",
    "GRADES",
    "GROWING",
    "INCIDENTAL",
    "RIVALS",
    "UNSIDED",
    "ZONES",
    "Lesion",
]

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


@dataclass(frozen=True)
class Condition:
    """A disease: how common among the sick, which findings it brings, which come with it on what chance."""

    weight: float
    findings: dict[str, float]
    bilateral: float = 0.0
    ages: tuple[int, int] = (18, 90)


CONDITIONS: dict[str, Condition] = {
    "heart failure": Condition(
        0.13, {"Cardiomegaly": 0.95, "Edema": 0.45, "Effusion": 0.5, "Atelectasis": 0.12}, 0.6, (50, 92)
    ),
    "large heart": Condition(0.09, {"Cardiomegaly": 1.0, "Atelectasis": 0.05}, 0.0, (35, 92)),
    "pneumonia": Condition(0.16, {"Pneumonia": 1.0, "Effusion": 0.2, "Atelectasis": 0.06}, 0.1),
    "infiltrate": Condition(0.2, {"Infiltration": 1.0, "Effusion": 0.1, "Atelectasis": 0.08}, 0.4),
    "tumour": Condition(0.19, {"Mass": 0.9, "Nodule": 0.3, "Effusion": 0.2, "Atelectasis": 0.12}, 0.0, (40, 90)),
    "nodule": Condition(0.13, {"Nodule": 1.0, "Emphysema": 0.1}, 0.0, (30, 90)),
    "obstructive lung": Condition(0.08, {"Emphysema": 1.0, "Pneumothorax": 0.12, "Infiltration": 0.12}, 0.0, (45, 90)),
    "air leak": Condition(0.14, {"Pneumothorax": 1.0, "Atelectasis": 0.15, "Effusion": 0.12}),
    "scarring": Condition(0.07, {"Fibrosis": 1.0, "Pleural_Thickening": 0.2, "Infiltration": 0.06}, 0.0, (45, 90)),
    "after surgery": Condition(0.16, {"Atelectasis": 1.0, "Effusion": 0.4, "Pneumothorax": 0.08}, 0.2, (30, 90)),
    "old pleurisy": Condition(0.06, {"Pleural_Thickening": 1.0, "Effusion": 0.15}, 0.1, (40, 90)),
    "pleural fluid": Condition(0.06, {"Effusion": 1.0, "Atelectasis": 0.15}, 0.3),
    "aspiration": Condition(0.05, {"Consolidation": 1.0, "Atelectasis": 0.15}, 0.2),
}

CHRONIC = frozenset({"Cardiomegaly", "Mass", "Nodule", "Emphysema", "Fibrosis", "Pleural_Thickening"})
GROWING = frozenset({"Mass", "Nodule"})
UNSIDED = frozenset({"Cardiomegaly"})
ALWAYS_BILATERAL = frozenset({"Edema", "Emphysema", "Fibrosis"})
# One of a pair excludes the other: they look alike, and a reader names one.
RIVALS = {"Infiltration": {"Edema"}, "Consolidation": {"Pneumonia"}}
ZONES: dict[str, tuple[tuple[str, float], ...]] = {
    "Atelectasis": (("lower", 0.75), ("upper", 0.12), ("mid", 0.13)),
    "Effusion": (("lower", 1.0),),
    "Infiltration": (("lower", 0.5), ("mid", 0.25), ("upper", 0.25)),
    "Mass": (("upper", 0.45), ("mid", 0.3), ("lower", 0.25)),
    "Nodule": (("upper", 0.42), ("mid", 0.3), ("lower", 0.28)),
    "Pneumonia": (("lower", 0.5), ("upper", 0.25), ("mid", 0.25)),
    "Pneumothorax": (("apical", 1.0),),
    "Consolidation": (("lower", 0.6), ("upper", 0.2), ("mid", 0.2)),
    "Edema": (("perihilar", 1.0),),
    "Emphysema": (("diffuse", 1.0),),
    "Fibrosis": (("basal", 0.7), ("apical", 0.3)),
    "Pleural_Thickening": (("apical", 0.5), ("lower", 0.5)),
}
INCIDENTAL: dict[str, tuple[float, int]] = {  # chance, and the age from which it is seen
    "granuloma": (0.05, 25),
    "scoliosis": (0.04, 18),
    "degenerative spine": (0.12, 55),
    "tortuous aorta": (0.08, 60),
    "old rib fracture": (0.02, 30),
}
