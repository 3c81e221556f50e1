"""studies.csv and studies.jsonl: one result per examination, from all its films.

An examination often has several films: a frontal and a lateral one, a repeated exposure, a copy. What counts are its
usable films: screened, and no copy of another one. The worst of them decides, so that a finding on one film is never
averaged away; and where a film of it was refused for anything but its view, it is read by a person, however low the
others score. Films whose files name no study are each an examination of their own.

Grouping is left to a temporary database on disk: memory does not grow with the archive.
"""

import csv
import io
import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from cxr.errors import RefusalCode
from cxr.outputs.journal import RESULTS_FILE
from cxr.outputs.writers import Writer
from cxr.outputs.writers.worklist import TRIAGE_ORDER
from cxr.screening.result import ModelIdentity, ScreeningResult, parse_result_line
from nlp_labeler.storage import atomic_writer

__all__ = ["STUDIES_FILE", "WRITER", "StudyFilm", "StudyResult", "study_of", "write_studies"]

STUDIES_FILE = "studies.jsonl"
SAME_OBJECT, SAME_PICTURE, OTHER_PICTURE = "same_object", "same_picture", "same_object_other_picture"
_SCREENED = "screened"
_USABLE, _COPIES = {_SCREENED, OTHER_PICTURE}, {SAME_OBJECT, SAME_PICTURE}
_CSV = (
    "study",
    "triage",
    "films",
    "usable",
    "refused",
    "copies",
    "doubts",
    "questions",
    "referred_for",
    "ruled_out",
)


@dataclass(frozen=True)
class StudyFilm:
    """One film of an examination.

    Attributes:
        path: as in results.jsonl.
        fate: ``screened``; ``same_object`` or ``same_picture`` of a copy of a film before it;
            ``same_object_other_picture`` where the identifier is another film's and the picture is not, which counts
            like any film; else the refusal's code.
    """

    path: str
    fate: str


@dataclass(frozen=True)
class StudyResult:
    """What the films of one examination say together.

    Attributes:
        study: hash of its identifier; ``None`` where the one film names none.
        triage: the worst of the usable films; ``read`` where a film was refused for more than its view; ``None`` where
            no film is usable.
        films: in the order of results.jsonl.
        probabilities: finding -> the highest of the usable films.
        positive: findings above their threshold on any of them.
        referred_for: findings that certificates refer for on any of them.
        ruled_out: findings that certificates rule out on every one of them.
        doubts: of any of them.
        questions: of any of them.
    """

    study: str | None
    triage: str | None
    films: tuple[StudyFilm, ...]
    probabilities: dict[str, float]
    positive: tuple[str, ...]
    referred_for: tuple[str, ...]
    ruled_out: tuple[str, ...]
    doubts: tuple[str, ...]
    questions: tuple[str, ...]


def study_of(results: Sequence[ScreeningResult]) -> StudyResult:
    """Put the films of one examination together.

    Args:
        results: one or more, in the order of results.jsonl.
    """
    films = tuple(_fates(results))
    usable = [result for result, film in zip(results, films, strict=True) if film.fate in _USABLE]
    refused = {film.fate for film in films} - _USABLE - _COPIES
    triages = [str(result.triage) for result in usable]
    triage = min(triages, key=TRIAGE_ORDER.index) if triages else None
    if triage == "none" and refused - {str(RefusalCode.WRONG_VIEW)}:
        triage = "read"
    probabilities: dict[str, float] = {}
    for result in usable:
        for finding in result.findings:
            probabilities[finding.name] = max(finding.probability, probabilities.get(finding.name, 0.0))
    ruled_out = [set(_decided(result, "below")) for result in usable]
    return StudyResult(
        study=results[0].film.study if results[0].film else None,
        triage=triage,
        films=films,
        probabilities=probabilities,
        positive=_each(finding.name for result in usable for finding in result.findings if finding.positive),
        referred_for=_each(name for result in usable for name in _decided(result, "refer")),
        ruled_out=tuple(sorted(set.intersection(*ruled_out))) if ruled_out and not refused - {"wrong_view"} else (),
        doubts=_each(str(doubt) for result in usable for doubt in result.doubts),
        questions=_each(str(question) for result in usable for question in result.questions),
    )


def _each(names: Iterator[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def _fates(results: Sequence[ScreeningResult]) -> Iterator[StudyFilm]:
    objects: set[str | None] = {None}
    pictures: set[str | None] = {None}
    for result in results:
        instance, picture = (result.film.instance, result.film.picture) if result.film else (None, None)
        known, seen = (instance in objects and instance is not None), (picture in pictures and picture is not None)
        fate = _SCREENED if result.refusal is None else str(result.refusal.code)
        if known and (seen or picture is None):
            fate = SAME_OBJECT
        elif seen:
            fate = SAME_PICTURE
        elif known:
            fate = OTHER_PICTURE
        objects.add(instance)
        pictures.add(picture)
        yield StudyFilm(result.path, fate)


def _decided(result: ScreeningResult, decision: str) -> list[str]:
    return [name for found in result.certified if found.decision == decision for name in found.findings]


def write_studies(folder: Path, model: ModelIdentity, label_space: Sequence[str]) -> None:  # noqa: ARG001  (as all writers)
    """Write both files from the results.jsonl of a folder, atomically, in the order in which studies first appear.

    Args:
        folder: output folder of a screening run.
        model: the model of its results.
        label_space: findings of the model.

    Raises:
        CxrError: if a result line does not follow the schema.
    """
    columns = [*_CSV, *(f"prob_{n}" for n in label_space), *(f"positive_{n}" for n in label_space), "paths"]
    with (
        atomic_writer(folder / STUDIES_FILE) as lines,
        atomic_writer(folder / "studies.csv") as stream,
    ):
        text = io.TextIOWrapper(stream, encoding="utf-8", errors="backslashreplace", newline="", write_through=True)
        writer = csv.DictWriter(text, columns, restval="")
        writer.writeheader()
        for films in _grouped(folder / RESULTS_FILE):
            study = study_of(films)
            lines.write(json.dumps(asdict(study)).encode() + b"\n")
            writer.writerow(_row(study))
        text.detach()


def _grouped(results: Path) -> Iterator[list[ScreeningResult]]:
    """The films of each study together."""
    with closing(sqlite3.connect("")) as table:  # a temporary file, gone when it is closed
        table.execute("CREATE TABLE films (study TEXT, offset INTEGER)")
        table.execute("CREATE TEMP TABLE firsts (study TEXT PRIMARY KEY, offset INTEGER) WITHOUT ROWID")
        with results.open("rb") as stream:
            offset = 0
            for line in stream:
                result = parse_result_line(line)
                named = result.film is not None and result.film.study is not None
                study = f"s{result.film.study}" if named and result.film else f"f{offset}"
                table.execute("INSERT OR IGNORE INTO firsts VALUES (?, ?)", (study, offset))
                table.execute("INSERT INTO films VALUES (?, ?)", (study, offset))
                offset += len(line)
            rows = table.execute(
                "SELECT films.study, films.offset FROM films JOIN firsts USING (study)"
                " ORDER BY firsts.offset, films.offset"
            )
            held: list[ScreeningResult] = []
            current = None
            for study, offset in rows:
                if held and study != current:
                    yield held
                    held = []
                current = study
                stream.seek(offset)
                held.append(parse_result_line(stream.readline()))
            if held:
                yield held


def _row(study: StudyResult) -> dict[str, str | int]:
    fates = [film.fate for film in study.films]
    copies = sum(fate in _COPIES for fate in fates)
    usable = sum(fate in _USABLE for fate in fates)
    row: dict[str, str | int] = {
        "study": study.study or "",
        "triage": study.triage or "",
        "films": len(fates),
        "usable": usable,
        "refused": len(fates) - usable - copies,
        "copies": copies,
        "doubts": " ".join(study.doubts),
        "questions": " ".join(study.questions),
        "referred_for": " ".join(study.referred_for),
        "ruled_out": " ".join(study.ruled_out),
        "paths": "|".join(film.path for film in study.films),
    }
    for name, probability in study.probabilities.items():
        row[f"prob_{name}"] = f"{probability:.6f}"
        row[f"positive_{name}"] = int(name in study.positive)
    return row


WRITER = Writer(pages=write_studies)
