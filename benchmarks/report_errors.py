"""Does the error count see what is wrong, and only that? Reports against themselves, with one thing changed.

Every flip turns one statement of a report into a wrong one by plain word rules, which know nothing of the labeler's
lexicon; the report that it came from is the reference, and the flip is caught where an error of its kind is counted.
Every paraphrase says the same in other words and another order; whatever is counted there is a false alarm. The texts
are phantom reports and, where they are at hand, OpenI's.
"""

import re
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from benchmarks.labeler.gold import load_gold
from benchmarks.record import Row, exact, line
from cxr.evaluation.report_errors import ErrorKind, ReportError, report_errors
from cxr.phantom.course import draw_visits
from cxr.phantom.language import write_report
from cxr.phantom.patient import draw_patient
from nlp_labeler.document import Status, compose_report
from nlp_labeler.labeler import Labeler

TABLE = "report-errors"
REPORTS = 300  # per flip and source
SEED = 20261127
FINDINGS = {
    "effusion": "pneumothorax",
    "pneumothorax": "effusion",
    "atelectasis": "nodule",
    "consolidation": "nodule",
    "pneumonia": "nodule",
    "nodule": "atelectasis",
    "cardiomegaly": "effusion",
    "emphysema": "atelectasis",
}
_OTHER_WORDS = {"cardiomegaly": "enlarged", "atelectasis": "atelecta|opacit|volume", "nodule": "nodul|granuloma|mass"}
"""What may still say a finding where its own word was taken away; such a report is left as it is."""
_WORD = rf"(?:{'|'.join(FINDINGS)})"
_DENIAL = re.compile(
    r"\b(no|not|without|free|negative|absent|resol\w+|could|identif\w+|clear\w*|never|rather than|normal|either)\b",
    re.IGNORECASE,
)
_SIDES = {"left": "right", "right": "left"}
_SIZES = {
    "small": "large", "mild": "severe", "minimal": "severe", "mildly": "severely", "trace": "large",
    "large": "small", "severe": "mild", "severely": "mildly", "massive": "small", "marked": "minimal",
}  # fmt: skip
_CHANGES = {
    "increased": "decreased", "decreased": "increased", "improved": "worsened", "worsened": "improved",
    "improving": "worsening", "worsening": "improving", "unchanged": "larger", "larger": "smaller",
    "smaller": "larger", "stable": "worsening",
}  # fmt: skip

Flip = Callable[[str], str | None]
"""A report with one thing wrong, or ``None`` where there is nothing to be turned around."""


def _sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.;\n])\s+", text)


def _exchanged(words: dict[str, str]) -> Flip:
    """Exchange the one word of its kind in every sentence that asserts a finding next to it."""
    word = rf"\b({'|'.join(words)})\b"
    both = re.compile(rf"\b(bilateral|both|{'|'.join(words)})\b", re.IGNORECASE)
    before = rf"{word}(?: (?!to |and |with )[\w-]+){{0,3}} {_WORD}"
    behind = rf"{_WORD}s? (?:is|are|has|have|slightly|,) ?(?:\w+ )?{word}"
    near = re.compile(f"{before}|{behind}", re.IGNORECASE)

    def flip(text: str) -> str | None:
        sentences = _sentences(text)
        about = " ".join(part for part in sentences if re.search(_WORD, part, re.IGNORECASE))
        if words is _SIDES and len({found.lower() for found in both.findall(about)}) != 1:
            return None  # exchanging the sides of findings on both sides changes nothing
        changed = list(sentences)
        for number, sentence in enumerate(sentences):
            alone = len(re.findall(word, sentence, re.IGNORECASE)) == 1 and not _DENIAL.search(sentence)
            if alone and near.search(sentence):
                changed[number] = re.sub(word, lambda found: words[found[0].lower()], sentence, flags=re.IGNORECASE)
        return " ".join(changed) if changed != sentences else None

    return flip


def _affirmed(text: str) -> str | None:
    """Take the denial away: "No pleural effusion." becomes "Pleural effusion."."""
    pattern = re.compile(rf"(?:\bThere is no|\bNo)( (?:pleural |focal )?{_WORD})\b(?=\s*\.)")
    return None if (turned := pattern.sub(r"There is a\1", text, count=1)) == text else turned


def _denied(text: str) -> str | None:
    """Deny a finding wherever the report asserts it."""
    for word in FINDINGS:
        having = _asserting(text, word)
        if having:
            return " ".join(f"No {word}." if part in having else part for part in _sentences(text))
    return None


def _asserting(text: str, word: str) -> list[str]:
    """The sentences with a finding, where all of them assert it and no other sentence may mean it."""
    sentences = _sentences(text)
    having = [part for part in sentences if re.search(rf"\b{word}s?\b", part, re.IGNORECASE)]
    others = " ".join(part for part in sentences if part not in having)
    said = re.search(_OTHER_WORDS.get(word, word), others, re.IGNORECASE)
    return [] if said or any(_DENIAL.search(part) for part in having) else having


def _renamed(text: str) -> str | None:
    """Name another finding wherever the report asserts one; the other one does not stand in it."""
    for word, other in FINDINGS.items():
        if _asserting(text, word) and other not in text.lower():
            return re.sub(rf"\b(pleural |lung )?{word}s?\b", other, text, flags=re.IGNORECASE)
    return None


FLIPS: dict[str, tuple[Flip, frozenset[ErrorKind]]] = {
    "a denial taken away": (_affirmed, frozenset({ErrorKind.FALSE_FINDING})),
    "a finding denied": (_denied, frozenset({ErrorKind.MISSED_FINDING})),
    "another finding": (_renamed, frozenset({ErrorKind.FALSE_FINDING, ErrorKind.MISSED_FINDING})),
    "the other side": (_exchanged(_SIDES), frozenset({ErrorKind.WRONG_PLACE})),
    "another severity": (_exchanged(_SIZES), frozenset({ErrorKind.WRONG_SEVERITY})),
    "another change": (_exchanged(_CHANGES), frozenset({ErrorKind.FALSE_COMPARISON})),
}

PARAPHRASES: tuple[tuple[str, str], ...] = (
    (r"\bThere is no ((?:pleural |focal )?\w+)\.", r"\1 is not seen."),
    (r"\bNo ((?:pleural |focal )?\w+)\.", r"There is no evidence of \1."),
    (r"\bno evidence of\b", "no sign of"),
    (r"\bNo pleural effusion or pneumothorax\b", "Neither pleural effusion nor pneumothorax"),
    (r"\bThe lungs are clear\b", "Both lungs are clear"),
    (r"\b[Hh]eart size is normal\b", "The heart is not enlarged"),
    (r"\b[Tt]he heart is normal in size\b", "The heart size is within normal limits"),
    (r"\bThere is (an? )(?=(?:small|large|mild|moderate|severe|left|right))", r"One sees \1"),
    (r"\bpleural effusion\b", "pleural fluid"),
    (r"\bcardiomegaly\b", "enlargement of the heart"),
    (r"\bcollapse\b", "atelectasis"),
    (r"\bunchanged\b", "not changed"),
    (r"\bhas increased\b", "has grown"),
    (r"\bleft-sided\b", "left"),
    (r"\bright-sided\b", "right"),
    (r"\bconsistent with\b", "in keeping with"),
    (r"\bis seen\b", "is present"),
    (r"\bare seen\b", "are present"),
)


def paraphrase(text: str, rng: np.random.Generator) -> str | None:
    """The report in other words, the sentences of a section in another order; ``None`` where no rule applies."""
    said = 0
    for pattern, words in PARAPHRASES:
        text, found = re.subn(pattern, words, text)
        said += found
    lines = []
    for section in text.split("\n"):
        heading, colon, body = section.partition(": ")
        sentences = [part for part in _sentences(body) if part]
        numbered = any(re.match(r"\d", part) for part in sentences)
        order = range(len(sentences)) if numbered else rng.permutation(len(sentences))
        lines.append(f"{heading}{colon}{' '.join(sentences[number] for number in order)}")
    return "\n".join(lines) if said else None


def phantom_reports(n_patients: int) -> Iterator[str]:
    """Reports of phantom patients, without drawing their films."""
    for number in range(n_patients):
        rng = np.random.default_rng([SEED, number])
        patient = draw_patient(number, rng)
        for visit in draw_visits(patient, rng):
            report = write_report(patient, visit, rng)
            yield compose_report(report.findings, report.impression)


def measure(labeler: Labeler, source: str, texts: Sequence[str]) -> list[Row]:
    """Flips caught and paraphrases taken for errors, over the reports of one source."""
    rows: list[Row] = []
    readable = [text for text, read in zip(texts, labeler.pipe(texts), strict=True) if read.status is Status.OK]
    for name, (flip, kinds) in FLIPS.items():
        pairs = [(text, wrong) for text in readable if (wrong := flip(text)) is not None][:REPORTS]
        caught = sum(bool(kinds & {error.kind for error in _compare(labeler, *pair)}) for pair in pairs)
        if pairs:
            figures = {"caught": exact(caught, len(pairs))}
            rows += line(
                TABLE, f"{source}: {name}", figures, n=len(pairs), unit_of_n="reports", data=source, interval="exact"
            )
    rng = np.random.default_rng(SEED)
    pairs = [(text, other) for text in readable if (other := paraphrase(text, rng)) is not None][:REPORTS]
    alarms = sum(bool(_compare(labeler, *pair)) for pair in pairs)
    figures = {"false alarms": exact(alarms, len(pairs))}
    return rows + line(
        TABLE, f"{source}: paraphrases", figures, n=len(pairs), unit_of_n="reports", data=source, interval="exact"
    )


def _compare(labeler: Labeler, right: str, other: str) -> tuple[ReportError, ...]:
    reference, candidate = labeler.label_batch([right, other])
    return report_errors(reference, candidate) if candidate.status is Status.OK else ()


def run() -> list[Row]:
    """Both sources, with the engine that the benchmark of reports uses."""
    labeler = Labeler.load("openi", "graph")
    phantom = list(phantom_reports(2500))
    return measure(labeler, "phantom reports", phantom) + measure(labeler, "OpenI dev", load_gold().texts)
