"""One report as a source holds it, or the reason why it cannot be labeled.

A bad row is neither dropped nor allowed to stop a run: it becomes a record with a typed refusal, which every output
carries in its ``status`` column.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nlp_labeler.document import compose_report
from nlp_labeler.errors import LabelerError

__all__ = [
    "MAX_REPORT_CHARACTERS",
    "Refusal",
    "RefusalCode",
    "ReportRecord",
    "record_from_fields",
    "record_from_text",
    "refused",
    "text_columns",
]

MAX_REPORT_CHARACTERS = 2_000_000
"""Longer texts are no radiology reports; a chest X-ray report has some hundreds of characters."""


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
class Refusal:
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
    """

    id: str
    text: str
    refusal: Refusal | None = None


def refused(code: RefusalCode, message: str, identifier: str = "") -> ReportRecord:
    """A record that carries nothing but its refusal."""
    return ReportRecord(printable(identifier), "", Refusal(code, message))


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
            return refused(RefusalCode.UNDECODABLE, f"the {name} of {where} holds bytes that are not UTF-8", identifier)
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


def text_columns(names: Iterable[str], source: str) -> tuple[str, tuple[str, ...]]:
    """The columns that hold the id and the text of a table, whatever their case.

    Returns:
        The name of the id column, and either the one ``text`` column or what there is of ``findings``, ``impression``.

    Raises:
        LabelerError: if the table lacks one of them.
    """
    found = {name.strip().casefold(): name for name in reversed(list(names))}
    text = ("text",) if "text" in found else tuple(name for name in ("findings", "impression") if name in found)
    if "id" not in found or not text:
        needed = "needed are 'id' and either 'text' or 'findings', 'impression'"
        raise LabelerError(f"{source}: columns are {sorted(found.values())}; {needed}")
    return found["id"], tuple(found[name] for name in text)


def record_from_fields(
    where: str, fields: Mapping[str, object], id_column: str, columns: Sequence[str]
) -> ReportRecord:
    """A record of one table row; the text is one column, or findings and impression put together.

    Args:
        where: position in the source for messages.
        fields: the row.
        id_column: name of the column with the id; whole numbers are taken as text.
        columns: names of the columns with the text, as :func:`text_columns` gives them.
    """
    identifier = fields.get(id_column)
    if isinstance(identifier, int) and not isinstance(identifier, bool):
        identifier = str(identifier)
    if identifier is None:
        identifier = ""
    if not isinstance(identifier, str):
        return refused(RefusalCode.NOT_TEXT, f"the id of {where} is a {type(identifier).__name__}, not text")
    texts: dict[str, str] = {}
    for column in columns:
        value = fields.get(column)
        if value is not None and not isinstance(value, str):
            found = f"'{column}' of {where} is a {type(value).__name__}, not text"
            return refused(RefusalCode.NOT_TEXT, found, identifier)
        texts[column.strip().casefold()] = value or ""
    text = texts["text"] if "text" in texts else compose_report(texts.get("findings"), texts.get("impression"))
    return record_from_text(where, identifier, text)
