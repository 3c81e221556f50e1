"""What names a person in a report: dates move by days of the patient's own, all else becomes XXXX.

Rules for the identifiers of the Safe Harbor list (45 CFR 164.514(b)(2)) in Latin, Greek and Cyrillic script. They know
forms (a title, label, signature or verb beside a name, a word for a place of care, the shape of a number) and the words
of ``identifiers.toml``, not people: a name that nothing marks stays unless the table has it in a column. They are a
second line behind the source's own de-identification, not a replacement for it. Presidio, which recognises names by a
language model, is not used: its models must be downloaded at or after its installation, one for each language.
"""

import re
import tomllib
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from functools import cache
from importlib import resources
from typing import Any

from nlp_labeler.vocabulary import is_known

__all__ = ["MASK", "OLDEST_AGE", "coarse_age", "deidentify"]

MASK = "XXXX"
"""What stands for an identifier; OpenI's reports use the same, and the labeler's segmenter knows it."""

OLDEST_AGE = 90
"""Ages from here on are one category."""

Rule = tuple[re.Pattern[str], Callable[[re.Match[str]], str]]

_SHORTEST_NAME, _SHORTEST_NUMBER = 3, 4
_SCRIPTS = (range(0x41, 0x530), range(0x1E00, 0x2000))  # Latin, Greek, Cyrillic with their extensions
_UPPER = "".join(chr(code) for script in _SCRIPTS for code in script if chr(code).isupper() or chr(code).istitle())
_LETTER = r"(?:[^\W\d_]|[\u0300-\u036f])"
# Any apostrophe, any hyphen.
_WORD = rf"[{_UPPER}](?:{_LETTER}|(?<=\w)['\u2019\u02bc`](?=\w)|[-\u2010\u2011](?=\w))*"
_INITIALS = rf"[{_UPPER}]\.(?:[ -]?[{_UPPER}]\.)*"
_YEAR = r"(?:19|20)\d{2}"
_DAY = r"(?:0?[1-9]|[12]\d|3[01])"


def deidentify(text: str, names: Iterable[str] = (), days: int | None = None, *, day_first: bool | None = None) -> str:
    """Mask what names a person, and move the dates.

    Args:
        text: a report.
        names: what is known to identify its patient, such as name and number; it is masked wherever it stands.
        days: by how many days dates move; ``None`` masks them, as it does those that can mean two days.
        day_first: whether 03/04/2001 is a day in April; ``None`` where that is not known.

    Returns:
        The report; all characters outside of identifiers are as they were.
    """
    for name in names:
        text = _without_known(text, name)
    for pattern, replacement in _rules():
        text = pattern.sub(replacement, text)
    return _date_pattern().sub(lambda match: _moved(match, days, day_first=day_first), text)


def coarse_age(age: str) -> str:
    """An age as written, the highest ones as one: in years from :data:`OLDEST_AGE` on it is that number."""
    digits = "".join(letter for letter in age.split(".")[0] if letter.isdigit())
    years = not age.strip().upper().endswith(("D", "W", "M"))
    return str(OLDEST_AGE) if years and digits and int(digits) > OLDEST_AGE else age


@cache
def words(name: str) -> tuple[str, ...]:
    """A list of ``identifiers.toml``."""
    return tuple(_table()[name])


@cache
def _table() -> dict[str, Any]:
    content = resources.files("cxr.datasets").joinpath("identifiers.toml").read_text(encoding="utf-8")
    return tomllib.loads(content)


def _any(name: str) -> str:
    """A pattern for the words of a list, the longest first."""
    longest = sorted(words(name), key=len, reverse=True)
    return "(?:" + "|".join(re.escape(word).replace(r"\ ", r"[ \t]+") for word in longest) + ")"


def _without_known(text: str, name: str) -> str:
    """The text without the words of a known name, or without a known number."""
    for part in [name, *re.split(r"[\s,^=.]+", name)]:
        number = any(letter.isdigit() for letter in part)
        if len(part) < (_SHORTEST_NUMBER if number else _SHORTEST_NAME) or part.casefold() in words("particles"):
            continue
        # A name that is also a word (Young, Long) is one where it has a capital.
        flags = 0 if is_known(part.casefold()) else re.IGNORECASE
        spelled = part.capitalize() if flags == 0 else part
        text = re.sub(rf"(?<!\w){re.escape(spelled)}(?:'?s)?(?!\w)", MASK, text, flags=flags)
    return text


_Draft = list[tuple[str, str | Callable[[re.Match[str]], str], int]]
"""Patterns, what to put in their place, and flags."""

_NUMBER_SIGN = "(?:\u2116|No\\.|Nr\\.|n\u00b0|n\u00ba)"


@cache
def _rules() -> tuple[Rule, ...]:
    """All rules in the order in which they are applied: what is masked by one is no name for the next."""
    old = f"(?:{'|'.join(words('old'))})"
    by_length: _Draft = [
        # Record numbers by their length.
        (r"(?<![\w.,])(?:[A-Z]{1,4}[-/]?)?\d{6,}(?:[-/.]\d+)*\b(?![.,]\d)", MASK, 0),
        (rf"\b(?:9\d|1[0-2]\d)([ -]*{old})(?!\w)", rf"{MASK}\1", re.IGNORECASE),
    ]
    drafts = [*_number_rules(), *_address_rules(), *_care_rules(), *_name_rules(), *by_length]
    return tuple((re.compile(pattern, flags), _template(out)) for pattern, out, flags in drafts)


def _particle() -> str:
    return rf"(?:{_any('particles')}[ \t]+|d['\u2019]|(?:al|el)-)"


def _no_common_word() -> str:
    return rf"(?!(?i:{_any('not_names')})\b)"


def _number_rules() -> _Draft:
    """Mail and web addresses; numbers by their labels; telephone and social security numbers by their shape."""
    number = r"[A-Za-z\u0370-\u04ff]{0,4}[-/ ]?\d(?:[\w./-]|[ ](?=\d{3,}\b))*\w"
    return [
        (r"[\w.+%-]+\s?(?:@|\[at\]|\(at\))\s?[\w-]+(?:\.[\w-]+)+", MASK, re.IGNORECASE),
        (r"\bhttps?://\S+|\bwww\.\S+", MASK, re.IGNORECASE),
        # Numbers by their labels.
        (
            rf"\b({_any('numbers')}\.?[ \t]*(?:(?:no|nr|number|n[o\u00ba\u00b0])\b\.?)?[ \t]*[:#\u2116=-]*[ \t]*)"
            rf"{number}",
            rf"\1{MASK}",
            re.IGNORECASE,
        ),
        (
            rf"\b({_any('phones')}\b\.?[ \t]*(?:(?:no|nr|number)\b\.?)?[ \t]*[:#]*[ \t]*)"
            r"\(?\+?\d[\d ()/.-]{1,}\d\b",
            rf"\1{MASK}",
            re.IGNORECASE,
        ),
        # Telephone and social security numbers by their shape.
        (r"(?<![\w.])\+\d{1,3}[ ./()-]*\d[\d ()/.-]{5,}\d\b", MASK, 0),
        (r"(?<![\w.])(?:\+?\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b", MASK, 0),
        (r"(?<![\w.])\(0\d{1,5}\)[ /-]*\d[\d -]{3,}\d\b|(?<![\w./-])0\d{2,5}[ ]?[/-][ ]?\d{3,}(?:[ -]\d+)*\b", MASK, 0),
        (r"(?<![\w.])0\d(?:[ .-]\d{2}){4}\b", MASK, 0),
        (r"(?<![\w.])0\d{2,4} \d{3,4} \d{3,4}\b|(?<![\w.])\d{3}-\d{4}(?![\w-])", MASK, 0),
        (r"\b\d{3}-\d{2}-\d{4}\b", MASK, 0),
    ]


def _address_rules() -> _Draft:
    """Streets before and behind their kind, and in one word with it; postcodes with a town."""
    particle, sign = _particle(), _NUMBER_SIGN
    house = r"\d{1,4}[a-z]?\b"
    joined = rf"(?i:{_any('streets_joined')})\.?"
    return [
        (
            rf"\b\d{{1,5}}[A-Za-z]?,?[ \t]+(?:(?:St\.|{_WORD})[ \t]+){{1,3}}(?i:{_any('streets_after')})\b\.?"
            rf"(?:,?[ \t]+{_WORD}){{0,2}}(?:,?[ \t]+[A-Z]{{2}})?(?:,?[ \t]+[A-Z\d]{{3,5}}(?:[ ]\d[A-Z]{{2}})?\b)?",
            MASK,
            0,
        ),
        (
            rf"(?:{_WORD}[ -])?{_LETTER}+{joined}[ \t]+{house}|(?<!\w)[{_UPPER}]{_LETTER}+[ -]{joined}[ \t]+{house}",
            MASK,
            0,
        ),
        (
            rf"(?<!\w)(?:\d{{1,4}},?[ \t]+)?(?i:{_any('streets_before')})[ \t]+{particle}{{0,3}}{_WORD}"
            rf"(?:[ \t]+{particle}{{0,2}}{_WORD}){{0,3}}(?:,?[ \t]*(?:{sign}|\u0434\.)?[ \t]*{house})?",
            MASK,
            0,
        ),
        (rf"(?<![\w.,-])(?:[A-Z]{{1,2}}-)?\d{{2}}(?:\d{{3}}|-\d{{3}})[ \t]+{_WORD}(?![ \t]*\d)", MASK, 0),
    ]


def _care_rules() -> _Draft:
    """Hospitals and practices; their kind is kept."""
    particle, sign, other = _particle(), _NUMBER_SIGN, _no_common_word()
    place = rf"(?:{_WORD}|{_INITIALS}|St\.)[ \t]+(?:(?:of|the|{_any('particles')})[ \t]+){{0,2}}"
    return [
        (
            rf"(?<!\w)(?:(?!(?i:{_any('no_place')})\b){place}){{1,4}}((?i:{_any('places_after')}))(?!\w)",
            rf"{MASK} \1",
            0,
        ),
        (
            rf"(?<!\w)((?i:{_any('places_before')}))[ \t]+(?:{sign}[ \t]*\d+|(?:\u0438\u043c\.[ \t]*)?{particle}{{0,3}}"
            rf"(?:{_INITIALS}[ \t]*)?{_WORD}(?:[ \t]+{particle}{{0,3}}{other}{_WORD}){{0,3}})",
            rf"\1 {MASK}",
            0,
        ),
    ]


def _name_rules() -> _Draft:
    """Names behind a title, a label or a verb, before a degree, and alone in a line."""
    particle, other = _particle(), _no_common_word()
    name = rf"(?:{_INITIALS}|(?i:ste?)\.|{_WORD})"
    # In order with particles, or SURNAME, GIVEN or SURNAME^GIVEN as systems write them.
    plain = rf"{other}{particle}{{0,3}}{name}(?:[ \t]+{particle}{{0,3}}{other}{name}){{0,4}}"
    listed = rf"(?:{plain}[ \t]*[,^][ \t]*{plain}(?:[\^][ \t]*{plain})*|{plain})"
    titles = rf"(?:(?i:{_any('titles')})(?:\.|\b)[ \t]*(?:(?i:{_any('after_titles')})\.[ \t]*)*)+"
    degrees = rf"{_any('degrees')}(?!\w)"
    return [
        (rf"(?<!\w)({titles})(?<=[ \t.]){listed}", rf"\1{MASK}", 0),
        (
            rf"(?<!\w)((?i:dr|prof|mr|mrs|ms)\.?[ \t]+)({_LETTER}{{2,}})(?:[ \t]+({_LETTER}{{2,}}))?",
            _lower_case,
            0,
        ),
        (rf"(?<!\w)((?i:{_any('labels')})\.?[ \t]*:[ \t]*(?:{titles})?){listed}", rf"\1{MASK}", 0),
        (rf"(?<!\w)((?i:{_any('verbs')})[ \t]+(?:{titles})?){listed}", rf"\1{MASK}", 0),
        (rf"(?<!\w){listed}([ \t]*,?[ \t]+{degrees})", rf"{MASK}\1", 0),
        (
            rf"(?m)^[ \t]*(?:/s/[ \t]*)?({_WORD}(?:[ \t]+(?:{_INITIALS}|{particle}{{0,2}}{_WORD})){{1,3}})[ \t]*$",
            _signature,
            0,
        ),
    ]


def _template(out: "str | Callable[[re.Match[str]], str]") -> Callable[[re.Match[str]], str]:
    return (lambda match: match.expand(out)) if isinstance(out, str) else out


def _lower_case(match: re.Match[str]) -> str:
    """Names after a title in reports that are dictated without capitals; the second word too if it is no word."""
    first, second = match[2].casefold(), (match[3] or "").casefold()
    if match[2] == MASK or first in words("not_names"):
        return match[0]
    keeps = not second or is_known(second) or second in words("not_names") or match[3] == MASK
    return match[1] + MASK + (match[0][match.end(2) - match.start() :] if keeps else "")


def _signature(match: re.Match[str]) -> str:
    """A name alone on a line; a heading is made of words of reports."""
    tokens = [token.casefold().strip(".") for token in re.split(r"[ \t-]+", match[1])]
    long = [token for token in tokens if len(token) > 2]
    unknown = [token for token in long if not is_known(token) and token not in words("not_names")]
    return match[0].replace(match[1], MASK) if long and len(unknown) == len(long) and match[1] != MASK else match[0]


@cache
def _months() -> dict[str, tuple[str, int]]:
    """Month in lower case -> the list it is of, its number."""
    found: dict[str, tuple[str, int]] = {}
    for language, months in _table()["months"].items():
        for number, month in enumerate(months, start=1):
            found.setdefault(month.casefold(), (language, number))
    return found


@cache
def _date_pattern() -> re.Pattern[str]:
    names = sorted(_months(), key=len, reverse=True)
    month = f"(?i:{'|'.join(map(re.escape, names))})"
    return re.compile(
        rf"""(?<![\w./-])(?:
        (?P<iso>(?P<iy>{_YEAR})(?P<is>[-/.])(?P<im>0?[1-9]|1[0-2])(?P=is)(?P<id>{_DAY}))(?=T\d|\b)
        |(?P<num>(?P<n1>\d{{1,2}})(?P<ns>[-/.])[ ]?(?P<n2>\d{{1,2}})(?P=ns)[ ]?(?P<ny>{_YEAR}|\d{{2}}))\b
          (?![-/]\d)(?!\s*(?:mm|cm)\b)
        |(?P<my>(?P<mym>0?[1-9]|1[0-2])(?P<mys>[/.])(?P<myy>{_YEAR}))\b
        |(?P<md>(?P<mdm>{month})\.?\s+(?P<mdd>{_DAY})(?P<mdo>st|nd|rd|th)?(?P<mdt>\s*,?\s*(?P<mdy>{_YEAR}))?)\b
          (?!\s*(?:mm|cm)\b)
        |(?P<dm>(?P<dmd>{_DAY})(?P<dmo>st|nd|rd|th|\.|\u00ba)?(?P<dms>[ ]*(?:(?:of|de|del|des)\s+)?|-)
          (?P<dmm>{month})\.?(?P<dmt>(?:\s*,?\s*(?:de\s+|del\s+)?|-)(?P<dmy>{_YEAR}|\d{{2}}(?![\w.])))?)\b
        |(?P<mo>(?P<mom>{month})\.?(?P<mos>\s*,?\s*(?:de\s+)?)(?P<moy>{_YEAR}))\b
        )""",
        re.VERBOSE,
    )


_CENTURY, _YOUNGEST = 2000, 68


def _moved(match: re.Match[str], days: int | None, *, day_first: bool | None) -> str:
    """A date moved, in its own notation; masked where it can mean two days or none."""
    whole = match[0]
    moved: str | None = None
    if match["iso"]:
        moved = _shift(int(match["iy"]), int(match["im"]), int(match["id"]), days, f"%Y{match['is']}%m{match['is']}%d")
    elif match["num"]:
        first, second, mark = int(match["n1"]), int(match["n2"]), match["ns"]
        if first < 1 or second < 1 or max(first, second) > 31 or min(first, second) > 12:
            return whole  # no date: a measure or a level
        order: bool | None = first > 12
        if first <= 12 and second <= 12:
            order = True if mark == "." else day_first
        if order is not None:
            year = _full(match["ny"])
            day, month = (first, second) if order else (second, first)
            sign = "%Y" if len(match["ny"]) == 4 else "%y"
            moved = _shift(year, month, day, days, mark.join(("%d", "%m", sign) if order else ("%m", "%d", sign)))
    elif match["my"]:
        moved = _shift(int(match["myy"]), int(match["mym"]), 15, days, f"%m{match['mys']}%Y")
    else:
        return _moved_words(match, days)
    return moved or MASK


def _moved_words(match: re.Match[str], days: int | None) -> str:
    kind = next(kind for kind in ("md", "dm", "mo") if match[kind])
    word = match[f"{kind}m"]
    # Lower case English may and march are words of their own.
    language, number = _months()[word.casefold()]
    if word.islower() and language.startswith("en"):
        return match[0]
    year = match[f"{kind}y"]
    day = int(match["mdd"] if kind == "md" else match["dmd"] if kind == "dm" else 15)
    when = _date(_full(year) if year else 2001, number, day)
    if when is None or days is None:
        return MASK
    when += timedelta(days)
    month = str(_table()["months"][language][when.month - 1])
    month = month.upper() if word.isupper() else month
    years = "" if not year else str(when.year) if len(year) == 4 else f"{when.year % 100:02d}"
    if kind == "mo":
        return f"{month}{match['mos']}{years}"
    if kind == "md":
        return f"{month} {when.day}{', ' + years if years else ''}"
    tail = (match["dmt"] or "").removesuffix(year or "")
    mark = match["dmo"] if match["dmo"] in {".", "º"} else ""
    return f"{when.day}{mark or ''}{match['dms']}{month}{tail}{years}"


def _full(year: str) -> int:
    return int(year) if len(year) == 4 else _CENTURY + int(year) - (100 if int(year) > _YOUNGEST else 0)


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _shift(year: int, month: int, day: int, days: int | None, notation: str) -> str | None:
    when = _date(year, month, day)
    return None if when is None or days is None else (when + timedelta(days)).strftime(notation)
