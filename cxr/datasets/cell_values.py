"""What the cells of a hospital's table mean: dates in one of many notations, sexes in several languages.

Both are read twice: first every cell of the column is seen, then its notation is decided or refused, since one cell
alone (03/04/2001; "M" of hombre and mujer) can mean two things.
"""

import re
import tomllib
from collections import Counter
from datetime import date, datetime
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

from cxr.errors import DatasetError

__all__ = ["DateColumn", "SexColumn"]

_NUMERIC = ("%Y-%m-%d", "%d-%m-%Y", "%m-%d-%Y", "%d-%m-%y", "%m-%d-%y")
_NOTATIONS = (
    *(notation.replace("-", mark) for mark in "-/." for notation in _NUMERIC),
    *("%Y%m%d", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d-%b-%y", "%b %d, %Y", "%B %d, %Y", "%d%b%Y"),
)
_TIME = r"(?P<h>[01]?\d|2[0-3]):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?:[.,]\d+)?\s*(?P<half>[AaPp]\.?[Mm]\.?)?"
_WITH_TIME = re.compile(rf"^(?P<day>.*?)(?:T|,?\s+){_TIME}\s*(?:Z|[+-]\d\d:?\d\d)?$")
_STAMP = re.compile(r"^(?P<day>(?:19|20)\d{6})(?P<h>[01]\d|2[0-3])(?P<m>[0-5]\d)(?P<s>[0-5]\d)(?:\.\d+)?$")
_EARLIEST = 1900
_MOST_UNREAD = 0.1


class DateColumn:
    """One column of dates, with or without a time of day.

    Args:
        declared: the notation of all cells in the signs of ``strptime``, e.g. ``%d.%m.%Y``; ``None`` to infer it.
            Each shape (digits and separators) of the column is inferred for itself, so that two systems may have filled
            one column.

    Attributes:
        unread: cells that are no date in any notation.
    """

    def __init__(self, declared: str | None = None) -> None:
        self.unread = 0
        self._declared = declared
        self._seen = 0
        self._unread_example = ""
        self._notations: dict[str, frozenset[str]] = {}
        self._example: dict[str, str] = {}

    def add(self, cell: str) -> None:
        """See a cell.

        Raises:
            DatasetError: if the column mixes notations that can be mistaken for one another.
        """
        day, _ = _day_and_time(cell)
        if not day:
            return
        self._seen += 1
        possible = _possible(day, self._declared)
        if not possible:
            self.unread += 1
            self._unread_example = self._unread_example or day[:20]
            return
        shape = _shape(day)
        self._example.setdefault(shape, day)
        left = self._notations.get(shape, possible) & possible
        if not left:
            raise DatasetError(
                f"the dates mix notations that can be mistaken for one another: {self._example[shape]!r} and {day!r}; "
                "make them one, e.g. 2001-12-31"
            )
        self._notations[shape] = left

    def decide(self) -> tuple[str, ...]:
        """The notations of the column, after every cell was seen.

        Raises:
            DatasetError: if a cell can mean two days, or too many are no dates.
        """
        if self.unread > _MOST_UNREAD * self._seen:
            allowed = self._declared or "a common notation"
            raise DatasetError(
                f"{self.unread} of {self._seen} dates, such as {self._unread_example!r}, are not written in {allowed}; "
                "say --date-format in the signs of strptime, e.g. %d.%m.%Y for 31.12.2001"
            )
        for shape, notations in self._notations.items():
            if len(notations) > 1:
                raise DatasetError(
                    f"dates such as {self._example[shape]!r} can mean two days ({' or '.join(sorted(notations))}) and "
                    "no other date of the table decides; say --date-format, e.g. --date-format "
                    f"'{min(notations)}'"
                )
        return tuple(sorted({notation for (notation,) in self._notations.values()}))

    @property
    def day_first(self) -> bool | None:
        """Whether days stand before months; ``None`` where the column does not tell."""
        orders = {
            notation.find("%d") < notation.find("%m")
            for notations in self._notations.values()
            for notation in notations
            if "%m" in notation and not notation.startswith("%Y")
        }
        return orders.pop() if len(orders) == 1 else None

    def meaning(self, cell: str) -> str:
        """``YYYY-MM-DDTHH:MM:SS`` of a cell, without what stands from T where it names no time; "" where it is no date.

        Only after :meth:`decide`.
        """
        day, time = _day_and_time(cell)
        notations = self._notations.get(_shape(day), frozenset()) & _possible(day, self._declared)
        if not notations:
            return ""
        return _parsed(day, next(iter(notations))).isoformat() + (f"T{time}" if time else "")


def _day_and_time(cell: str) -> tuple[str, str]:
    text = cell.strip()
    match = _STAMP.match(text) or _WITH_TIME.match(text)
    if not match:
        return text, ""
    hour = int(match["h"])
    half = (match.groupdict().get("half") or "").lower()[:1]
    if half:
        hour = hour % 12 + (12 if half == "p" else 0)
    return match["day"].strip(), f"{hour:02d}:{match['m']}:{match['s'] or '00'}"


def _shape(day: str) -> str:
    return re.sub(r"[^\W\d]+", "a", re.sub(r"\d{4,}", "9999", re.sub(r"\b\d{1,2}\b", "9", day)))


@lru_cache(maxsize=65536)
def _possible(day: str, declared: str | None) -> frozenset[str]:
    """The notations that give a date of a living person's film."""
    return frozenset(notation for notation in ((declared,) if declared else _NOTATIONS) if _is_date(day, notation))


def _is_date(day: str, notation: str) -> bool:
    try:
        return _EARLIEST <= _parsed(day, notation).year <= date.today().year + 1
    except ValueError:
        return False


def _parsed(day: str, notation: str) -> date:
    return datetime.strptime(day, notation).date()


class SexTable(NamedTuple):
    """What tables call the sexes; see sexes.toml."""

    male: frozenset[str]
    female: frozenset[str]
    other: frozenset[str]
    letters: dict[str, dict[str, str]]


@cache
def sex_table() -> SexTable:
    """The words that come with the package."""
    words = tomllib.loads(resources.files("cxr.datasets").joinpath("sexes.toml").read_text(encoding="utf-8"))
    male, female, other = (frozenset(words[name]) for name in ("male", "female", "other"))
    return SexTable(male, female, other, words["letters"])


class SexColumn:
    """One column of sexes: M and F in English, and the words and letters of other languages.

    Attributes:
        unread: cell -> how often, of those that mean nothing known, such as 1 and 2.
    """

    def __init__(self) -> None:
        self.unread: Counter[str] = Counter()
        self._letters: set[str] = set()

    def add(self, cell: str) -> None:
        """See a cell."""
        word = _plain_word(cell)
        if len(word) == 1 and (word == "n" or word not in sex_table().other):
            self._letters.add(word)

    def meaning(self, cell: str) -> str:
        """``"M"``, ``"F"`` or "" of a cell, after every cell was seen."""
        word, table = _plain_word(cell), sex_table()
        letters = table.letters.get("".join(sorted(self._letters)), {})
        if word == letters.get("male", ""):
            return "M" if word else ""
        if word == letters.get("female", ""):
            return "F"
        if word in table.male:
            return "M"
        if word in table.female:
            return "F"
        if word and word not in table.other:
            self.unread[cell.strip()[:20]] += 1
        return ""


def _plain_word(cell: str) -> str:
    return cell.strip().strip(".").casefold()
