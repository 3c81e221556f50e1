"""One report as a source holds it, or the reason why it cannot be labeled.

A bad row is neither dropped nor allowed to stop a run: it becomes a record with a typed refusal, which every output
carries in its ``status`` column.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from enum import StrEnum

from nlp_labeler.document import compose_report
from nlp_labeler.errors import LabelerError

__all__ = [
    "MAX_REPORT_CHARACTERS",
    "ReadOptions",
    "RefusalCode",
    "ReportRecord",
    "ReportRefusal",
    "record_from_fields",
    "record_from_text",
    "refused",
    "text_columns",
]

MAX_REPORT_CHARACTERS = 2_000_000
"""Longer texts are no radiology reports; a chest X-ray report has some hundreds of characters."""


FIELDS = ("id", "text", "findings", "impression")
_SYNONYMS = {
    "id": (
        "id",
        "report id",
        "study id",
        "accession",
        "accession number",
        "accession no",
        "exam id",
        "uid",
        "study uid",
        "case",
    ),
    "text": ("text", "report", "report text", "full report", "narrative", "report body", "content", "befund"),
    "findings": ("findings", "finding text"),
    "impression": ("impression", "conclusion"),
}
_MOST_NAMES = 12
_LONGEST_NAME = 40


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How a source is to be read.

    Attributes:
        encoding: of a text file that is neither UTF-8 nor UTF-16; ``None`` to tell by its first bytes.
        columns: what a table calls ``id``, ``text``, ``findings`` or ``impression``.
    """

    encoding: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.columns) - set(FIELDS))
        if unknown:
            raise LabelerError(f"no such part of a report: {unknown}; columns are given for {list(FIELDS)}")
        if self.encoding is not None:
            try:
                "".encode(self.encoding)
            except LookupError:
                raise LabelerError(
                    f"no encoding '{self.encoding}'; common ones are utf-8, utf-16, cp1252, latin-1"
                ) from None


class RefusalCode(StrEnum):
    """Why one report was not labeled: what the ``status`` of its row begins with."""

    MISSING_ID = "missing_id"
    MISSING_TEXT = "missing_text"
    NOT_TEXT = "not_text"
    UNDECODABLE = "undecodable"
    TOO_LONG = "too_long"
    MALFORMED = "malformed"
    UNREADABLE = "unreadable"
    LABELING_FAILED = "labeling_failed"


@dataclass(frozen=True, slots=True)
class ReportRefusal:
    """The reason why a report was not labeled.

    Attributes:
        code: the machine-readable reason.
        message: where it stood and what was wrong with it; never words of the report.
    """

    code: RefusalCode
    message: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message}"


@dataclass(frozen=True, slots=True)
class ReportRecord:
    """One report of a source.

    Attributes:
        id: its identifier; ``""`` where it has none.
        text: the report; ``""`` where it is refused.
        refusal: why it cannot be labeled, or ``None``.
        cells: what else its source says about it, by the source's names: a table's columns beside the text's.
    """

    id: str
    text: str
    refusal: ReportRefusal | None = None
    cells: Mapping[str, str] = field(default_factory=dict)


def refused(code: RefusalCode, message: str, identifier: str = "") -> ReportRecord:
    """A record that carries nothing but its refusal."""
    return ReportRecord(printable(identifier), "", ReportRefusal(code, message))


def printable(identifier: str) -> str:
    """The identifier with what no output could hold (lone surrogates, NUL) replaced by U+FFFD."""
    return identifier.encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def record_from_text(where: str, identifier: str, text: str) -> ReportRecord:
    """A record of one whole text, refused where it is not a text that can be labeled.

    Args:
        where: position in the source for messages, e.g. ``"row 17"``.
        identifier: the report's id.
        text: the report; bytes that are not UTF-8 are expected as lone surrogates (``surrogateescape``).
    """
    if not identifier.strip():
        return refused(RefusalCode.MISSING_ID, f"{where} has no id")
    if len(text) > MAX_REPORT_CHARACTERS:
        found = f"{where} holds {len(text):,} characters; at most {MAX_REPORT_CHARACTERS:,} are labeled"
        return refused(RefusalCode.TOO_LONG, found, identifier)
    for name, value in (("id", identifier), ("text", text)):
        if not is_unicode(value):
            return refused(
                RefusalCode.UNDECODABLE,
                f"the {name} of {where} holds bytes that are not UTF-8; if it is cp1252 or latin-1, say --encoding",
                identifier,
            )
        if "\x00" in value:
            return refused(RefusalCode.NOT_TEXT, f"the {name} of {where} holds NUL characters", identifier)
    if not text.strip():
        return refused(RefusalCode.MISSING_TEXT, f"{where} has no text", identifier)
    return ReportRecord(identifier, text)


def is_unicode(value: str) -> bool:
    """Whether a string can be written as UTF-8, that is, holds no lone surrogate."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def text_columns(
    names: Iterable[str], source: str, columns: Mapping[str, str] | None = None
) -> tuple[str, dict[str, str]]:
    """The columns that hold the id and the text of a table, whatever their case.

    Args:
        names: the columns there are.
        source: what the table is called in messages.
        columns: what the user calls ``id``, ``text``, ``findings`` or ``impression``.

    Returns:
        The name of the id column, and by ``text``, or by ``findings`` and ``impression``, the name of each text column.

    Raises:
        LabelerError: if the table lacks one of them; it lists those there are and proposes the likeliest.
    """
    present = list(names)
    found = {name.strip().casefold(): name for name in reversed(present)}
    given = columns or {}
    called = {key: found.get(given.get(key, key).strip().casefold()) for key in FIELDS}
    missing = [given[key] for key in given if called[key] is None]
    texts = ("text",) if called["text"] is not None and not {"findings", "impression"} & given.keys() else FIELDS[2:]
    chosen = {key: name for key in texts if (name := called[key]) is not None}
    identifier = called["id"]
    if missing or identifier is None or not chosen:
        what = f"no column {missing}" if missing else "needed are 'id' and either 'text' or 'findings', 'impression'"
        raise LabelerError(f"{source}: {what}; columns are {shown(present)}{_proposal(present)}")
    return identifier, chosen


def shown(names: Sequence[str]) -> str:
    """Names as they can be shown on a terminal: printable, short, and not too many."""
    clean = [re.sub(r"[^ -~\u00a1-\u024f]", "?", name)[:_LONGEST_NAME] for name in names[:_MOST_NAMES]]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    return f"{clean}{more}"


def _proposal(names: Sequence[str]) -> str:
    """The option that would read this table, as far as names tell."""
    plain = {re.sub(r"[^a-z]+", " ", name.casefold()).strip(): name for name in reversed(names)}
    likely: dict[str, str] = {}
    for cutoff in (1.0, 0.85):  # what is named so, before what is named alike
        for key, synonyms in _SYNONYMS.items():
            free = [name for name in plain if plain[name] not in likely.values()]
            close = [match for synonym in synonyms for match in get_close_matches(synonym, free, n=1, cutoff=cutoff)]
            if close and key not in likely:
                likely[key] = plain[close[0]]
    if "id" not in likely or len(likely) == 1:
        return "; say --columns id=NAME,text=NAME"
    return "; perhaps --columns " + ",".join(f"{key}={name}" for key, name in likely.items())


def record_from_fields(
    where: str, fields: Mapping[str, object], id_column: str, columns: Mapping[str, str]
) -> ReportRecord:
    """A record of one table row; the text is one column, or findings and impression put together.

    Args:
        where: position in the source for messages.
        fields: the row.
        id_column: name of the column with the id; whole numbers are taken as text.
        columns: the columns with the text, as :func:`text_columns` gives them.
    """
    others = {
        name: "" if value is None else str(value) for name, value in fields.items() if name not in columns.values()
    }
    return replace(_labelable(where, fields, id_column, columns), cells=others)


def _labelable(where: str, fields: Mapping[str, object], id_column: str, columns: Mapping[str, str]) -> ReportRecord:
    identifier = fields.get(id_column)
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        identifier = str(identifier)
    if identifier is None:
        identifier = ""
    if not isinstance(identifier, str):
        return refused(RefusalCode.NOT_TEXT, f"the id of {where} is a {type(identifier).__name__}, not text")
    texts: dict[str, str] = {}
    for key, column in columns.items():
        value = fields.get(column)
        if value is not None and not isinstance(value, str):
            found = f"'{column}' of {where} is a {type(value).__name__}, not text"
            return refused(RefusalCode.NOT_TEXT, found, identifier)
        texts[key] = value or ""
    text = texts["text"] if "text" in texts else compose_report(texts.get("findings"), texts.get("impression"))
    return record_from_text(where, identifier, text)
