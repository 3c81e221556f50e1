"""The report a radiologist would have dictated on a phantom, with the noise that real reports have.

The words for side, zone and severity are the truth's. Not all of the truth is said: a mild finding is now and then
overlooked, some are hedged, and these are recorded so that label noise can be measured. Words of disease also stand
in the indication, where they assert nothing. Slips of dictation and typing keep away from the words that carry the
diagnosis most of the time.
"""

from dataclasses import dataclass

import numpy as np

from cxr.phantom.course import Visit
from cxr.phantom.disease import GRADES, Lesion
from cxr.phantom.opacities import diameter_cm
from cxr.phantom.patient import Patient
from cxr.phantom.phrases import PhraseBook, load_phrases

__all__ = ["Report", "write_report"]

CARRIERS = (
    "no", "not", "without", "free", "negative", "effusion", "pneumo", "atelect", "cardio", "enlarged", "infiltr",
    "mass", "nodul", "consolid", "edema", "emphys", "fibro", "pleural", "resol", "clear", "left", "right",
)  # fmt: skip


def mistype(text: str, rng: np.random.Generator) -> str:
    """Swap, drop or double a letter in one or two words of a text."""
    words = text.split(" ")
    safe = [i for i, word in enumerate(words) if len(word) > 4 and not word.lower().startswith(CARRIERS)]
    for index in rng.permutation(safe)[: int(rng.integers(1, 3))]:
        word = words[index]
        at = int(rng.integers(1, len(word) - 2))
        slip = int(rng.integers(3))
        if slip == 0:
            word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        elif slip == 1:
            word = word[:at] + word[at + 1 :]
        else:
            word = word[:at] + word[at] + word[at:]
        words[index] = word
    return " ".join(words)


OVERLOOKED = 0.05  # of mild findings
HEDGED = {"mild": 0.07, "moderate": 0.02, "severe": 0.0}
MISTYPED = 0.10  # of reports
ORDER: tuple[str, ...] = (
    "Cardiomegaly",
    "Edema",
    "Pneumonia",
    "Consolidation",
    "Infiltration",
    "Atelectasis",
    "Mass",
    "Nodule",
)
ORDER += ("Emphysema", "Fibrosis", "Effusion", "Pneumothorax", "Pleural_Thickening")
LUNG_FINDINGS = frozenset(ORDER[1:10])
# Present finding -> what may not be denied beside it.
COVERS = {
    "Pneumonia": {"Consolidation", "Infiltration"},
    "Consolidation": {"Pneumonia", "Infiltration"},
    "Infiltration": {"Pneumonia", "Consolidation"},
    "Edema": {"Infiltration", "Consolidation"},
    "Mass": {"Nodule", "Consolidation"},
    "Nodule": {"Mass"},
    "Atelectasis": {"Consolidation", "Infiltration"},
}


@dataclass(frozen=True)
class Report:
    """Free text by section, and how each finding was said.

    Attributes:
        indication, comparison, findings, impression: the sections.
        said: finding -> "asserted", "hedged" or "overlooked".
    """

    indication: str
    comparison: str
    findings: str
    impression: str
    said: dict[str, str]


def write_report(patient: Patient, visit: Visit, rng: np.random.Generator) -> Report:
    """The report of one visit."""
    book = load_phrases()
    groups = {name: [x for x in visit.lesions if x.finding == name] for name in ORDER}
    groups = {name: lesions for name, lesions in groups.items() if lesions}
    said = {name: _certainty(lesions, rng) for name, lesions in groups.items()}
    spoken = {name: lesions for name, lesions in groups.items() if said[name] != "overlooked"}

    body: list[str] = [_pick(rng, book.devices[name]) for name in visit.devices]
    closing: list[str] = []
    chest: dict[str, list[str]] = {"heart": [], "lungs": [], "pleura": []}
    for name, lesions in spoken.items():
        sentences, short = _assert(book, name, lesions, said[name] == "hedged", rng)
        place = "heart" if name == "Cardiomegaly" else "lungs" if name in LUNG_FINDINGS else "pleura"
        chest[place] += sentences
        closing.append(short)
    chest["lungs"] += [_pick(rng, book.change["resolved"]).format(noun=book.findings[x].noun) for x in visit.resolved]
    if not chest["heart"]:
        chest["heart"] = [_pick(rng, book.normal.heart)]
    opaque = set(spoken) & LUNG_FINDINGS
    chest["lungs"] += [_pick(rng, book.normal.rest if opaque else book.normal.lungs)]
    chest["pleura"] += _deny(book, set(spoken), rng)
    incidental = [_pick(rng, book.incidental[x]).format(side=_pick(rng, ["left", "right"])) for x in patient.incidental]
    body += [*chest["heart"], _pick(rng, book.normal.mediastinum), *chest["lungs"], *chest["pleura"]]
    body += incidental or [_pick(rng, book.normal.bones)]
    if not closing:
        closing = [_pick(rng, book.normal.impression)]
    elif len(closing) > 1 and rng.random() < 0.6:
        closing = [f"{number}. {text}" for number, text in enumerate(closing, start=1)]
    findings, impression = " ".join(filter(None, body)), " ".join(closing)
    if rng.random() < MISTYPED:
        findings = mistype(findings, rng)
    if rng.random() < 0.06 and not spoken:
        findings = ""  # some reports are an impression only
    return Report(_indication(book, patient, visit, rng), _comparison(book, visit, rng), findings, impression, said)


def _pick(rng: np.random.Generator, options: list[str]) -> str:
    return options[int(rng.integers(len(options)))]


def _certainty(lesions: list[Lesion], rng: np.random.Generator) -> str:
    grade = max(lesions, key=lambda x: x.severity).grade
    if grade == "mild" and rng.random() < OVERLOOKED:
        return "overlooked"
    return "hedged" if rng.random() < HEDGED[grade] else "asserted"


def _assert(
    book: PhraseBook, name: str, lesions: list[Lesion], hedged: bool, rng: np.random.Generator
) -> tuple[list[str], str]:
    """Sentences for the body and a short one for the impression."""
    phrases = book.findings[name]
    together = len({x.side for x in lesions}) == 2 and len({x.zone for x in lesions}) == 1
    groups = [lesions] if together else [[x] for x in lesions]
    body: list[str] = []
    shorts: list[str] = []
    for group in groups:
        worst = max(group, key=lambda x: x.severity)
        slots = _slots(book, name, group, worst, rng)
        template = _pick(rng, phrases.hedged if hedged else phrases.body)
        body.append(_sentence(template, slots, phrases.plural and len(group) > 1))
        if worst.change and rng.random() < 0.75:
            body.append(_pick(rng, book.change[worst.change]))
        short = body[-1 if not worst.change else 0] if hedged else _pick(rng, phrases.impression)
        shorts.append(_sentence(short, slots, phrases.plural and len(group) > 1))
    return body, " ".join(shorts)


def _slots(book: PhraseBook, name: str, group: list[Lesion], worst: Lesion, rng: np.random.Generator) -> dict[str, str]:
    side = "bilateral" if len(group) > 1 else worst.side
    zone = worst.zone
    if name == "Pleural_Thickening":
        where = _pick(rng, book.where["apex" if zone == "apical" else "lateral wall"])
    elif worst.side == "bilateral":
        where = _pick(rng, book.where.get(zone, ["lungs"]))
    elif zone == "mid":
        where = "bilateral mid lungs" if side == "bilateral" else _pick(rng, book.where[f"mid {side}"])
    else:
        where = _pick(rng, book.where.get(zone, ["{side} lung"])).format(side=side)
        where += "s" if side == "bilateral" else ""
    grades: list[str] = getattr(book.findings[name], GRADES[GRADES.index(worst.grade)])
    size = f"{diameter_cm(worst):.1f}" if name in {"Mass", "Nodule"} else ""
    return {"severity": _pick(rng, grades), "side": side, "where": where, "size": size}


def _sentence(template: str, slots: dict[str, str], plural: bool) -> str:
    capital = {name.capitalize(): value[:1].upper() + value[1:] for name, value in slots.items()}
    text = template.format(**slots, **capital)
    if plural:
        for singular in ("effusion", "infiltrate", "nodule"):
            text = text.replace(singular, f"{singular}s")
        text = text.replace("There is a ", "There are ").replace(" is present", " are present").replace(" is ", " are ")
        for article in ("A ", "An "):
            text = text.removeprefix(article)
        text = text.replace(" with a ", " with ")
    text = text.replace(" a extensive", " an extensive").replace(" a early", " an early")
    return text[:1].upper() + text[1:]


def _deny(book: PhraseBook, present: set[str], rng: np.random.Generator) -> list[str]:
    """Pertinent negatives about what is absent."""
    covered = present.union(*(COVERS.get(name, set()) for name in present)) if present else set()
    allowed = [name for name in book.negated if name not in covered]
    weights = np.array(
        [6.0 if x in {"Effusion", "Pneumothorax"} else 3.0 if x == "Consolidation" else 1.0 for x in allowed]
    )
    count = min(int(rng.integers(1, 4)), len(allowed))
    if rng.random() < 0.1 or count == 0:
        return []
    chosen = rng.choice(len(allowed), size=count, replace=False, p=weights / weights.sum())
    words = [_pick(rng, book.negated[allowed[index]]) for index in chosen]
    if len(words) == 1:
        listed = words[0]
    else:
        listed = ", ".join(words[:-1]) + ("," if len(words) > 2 else "") + f" or {words[-1]}"
    return [_pick(rng, book.normal.negatives).format(list=listed)]


def _indication(book: PhraseBook, patient: Patient, visit: Visit, rng: np.random.Generator) -> str:
    person = {"M": ["male", "man"], "F": ["female", "woman"]}[patient.sex]
    text = _pick(rng, book.indication.forms).format(
        age=visit.age,
        person=_pick(rng, person),
        complaint=_pick(rng, book.indication.complaints),
        question=_pick(rng, book.indication.questions),
    )
    return text[:1].upper() + text[1:]


def _comparison(book: PhraseBook, visit: Visit, rng: np.random.Generator) -> str:
    if visit.previous is None:
        return _pick(rng, book.comparison["none"])
    return _pick(rng, book.comparison["prior"]).format(date=visit.previous.strftime("%m/%d/%Y"))
