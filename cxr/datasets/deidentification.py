"""What names a person in a report -> XXXX, by rules for the identifiers of the Safe Harbor list (45 CFR 164.514(b)(2)).

The rules know forms, not people: a name without a title, a label or a signature before or after it stays. They are a
second line behind the source's own de-identification, not a replacement for it.
"""

import re

__all__ = ["MASK", "OLDEST_AGE", "coarse_age", "deidentify"]

MASK = "XXXX"
"""What stands for an identifier; OpenI's reports use the same, and the labeler's segmenter knows it."""

OLDEST_AGE = 90
"""Ages from here on are one category."""

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"),
    *("December", "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sept", "Sep", "Oct", "Nov", "Dec"),
)
# Capitalised: may and march are words of their own.
_MONTH = rf"\b(?:{'|'.join((*_MONTHS, *map(str.upper, _MONTHS)))})\b\.?"
_DAY, _YEAR = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?", r"(?:19|20)\d{2}"
_NAME = r"[A-Z][A-Za-z'\u2019-]+"
_INITIALS = r"(?:\s+[A-Z]\.?(?![A-Za-z]))"
_NAMES = rf"{_NAME}{_INITIALS}?(?:[ \t]+{_NAME}){{0,2}}"
# SURNAME, GIVEN and SURNAME^GIVEN as systems write them, or words in order.
_LISTED = rf"(?:{_NAME}\s*[,^]\s*{_NAMES}|{_NAMES})"
_DEGREE = r"(?:M\.?D\.?|D\.?O\.?|R\.?N\.?|Ph\.?D\.?|MBBS|FRCR|N\.?P\.?|P\.?A\.?-C)(?![A-Za-z])"

_RULES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, flags), replacement)
    for pattern, replacement, flags in (
        (r"\b[\w.+-]+@[\w-]+(?:\.[\w-]+)+", MASK, 0),
        (r"\bhttps?://\S+|\bwww\.\S+", MASK, re.IGNORECASE),
        # Dates with a day or with month and year; a month alone and measures such as 5/10 stay.
        (rf"\b{_YEAR}[-/.](?:0?[1-9]|1[0-2])[-/.]{_DAY}\b", MASK, re.IGNORECASE),
        (r"\b\d{1,2}([-/.])\d{1,2}\1(?:19|20)?\d{2}\b(?!\s*(?:mm|cm)\b)", MASK, re.IGNORECASE),
        (rf"\b(?:0?[1-9]|1[0-2])/{_YEAR}\b", MASK, 0),
        (rf"{_MONTH}\s+{_DAY}(?:\s*,?\s*{_YEAR})?\b(?!\s*(?:mm|cm)\b)", MASK, 0),
        (rf"\b{_DAY}\s+(?:of\s+)?{_MONTH}(?:\s*,?\s*{_YEAR}\b)?", MASK, 0),
        (rf"{_MONTH}\s*,?\s*{_YEAR}\b", MASK, 0),
        # Telephone, social security, and record numbers by their label or their length.
        (r"(?<![\w.])(?:\+?\d{1,3}[ .-]?)?\(?\d{3}\)?[ .-]\d{3}[ .-]\d{4}\b", MASK, 0),
        (r"\b\d{3}-\d{2}-\d{4}\b", MASK, 0),
        (
            r"\b((?:MRN|medical record(?: (?:number|no))?|accession(?: (?:number|no))?|patient id|account(?: (?:number"
            r"|no))?|SSN|encounter|order(?: (?:number|no))?)\.?\s*[:#]*\s*)(?=[A-Z-]*\d)[\w-]+",
            rf"\1{MASK}",
            re.IGNORECASE,
        ),
        (r"(?<![\w.])[A-Z]{0,3}\d{6,}\b", MASK, 0),
        # Names by what stands before or after them.
        (rf"\b((?:Dr|Mr|Mrs|Ms|Miss|Prof|Drs|Professor|Doctor)\b\.?\s+){_NAMES}", rf"\1{MASK}", 0),
        (
            r"\b((?i:patient(?: name)?|name|referring(?: physician)?|physician|radiologist|attending|technologist"
            rf"|dictated by|signed by|interpreted by|read by|reviewed by|approved by|transcribed by)\s*:\s*){_LISTED}",
            rf"\1{MASK}",
            0,
        ),
        (
            r"\b((?i:dictated by|signed by|interpreted by|reviewed by|approved by|transcribed by|discussed with"
            rf"|communicated to)\s+){_LISTED}",
            rf"\1{MASK}",
            0,
        ),
        (rf"\b{_LISTED}(\s*,?\s+{_DEGREE})", rf"{MASK}\1", 0),
        (rf"\b(?:{_NAME}\s+){{1,4}}(Hospital|Medical Center|Clinic|Infirmary)\b", rf"{MASK} \1", 0),
        (r"\b(?:9\d|1[0-2]\d)([ -]+years?[ -]+old|[ -]?y/?o\b|[ -]+year[ -]+old)", rf"{MASK}\1", re.IGNORECASE),
    )
)


def deidentify(text: str) -> str:
    """Replace dates, numbers of people and records, addresses on the net, and names that a rule knows by XXXX.

    Args:
        text: a report.

    Returns:
        The report with every match of a rule masked; all other characters as they were.
    """
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text


def coarse_age(age: str) -> str:
    """An age as written, the highest ones as one: in years from :data:`OLDEST_AGE` on it is that number."""
    digits = "".join(letter for letter in age.split(".")[0] if letter.isdigit())
    years = not age.strip().upper().endswith(("D", "W", "M"))
    return str(OLDEST_AGE) if years and digits and int(digits) > OLDEST_AGE else age
