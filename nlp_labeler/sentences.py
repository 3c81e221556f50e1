"""Stage 2: a section as sentences with their offsets, in the telegraphic style of radiology."""

import re

from nlp_labeler.assertion import goes_on
from nlp_labeler.document import Section, Sentence

__all__ = ["split_sentences"]

_LONGEST = 600
_SHORT_LINE = 50
_ABBREVIATIONS = frozenset(
    {
        "dr",
        "mr",
        "mrs",
        "ms",
        "vs",
        "approx",
        "e.g",
        "i.e",
        "etc",
        "st",
        "cf",
        "fig",
        "no",
        "ca",
        "dept",
        "rt",
        "lt",
        "bilat",
        "incl",
        "prev",
        "susp",
    }
)

# A boundary is a stop, the white space after it, and what follows; each alternative is decided by `_breaks`. The first
# line lets the search skip over letters.
_BOUNDARY = re.compile(
    r"""
  (?=[.?!\s<])(?:
    (?P<stop>[.?!]+(?:['")\]>]|&\w{1,8};)*)(?=\s|$)            # a stop before white space
  | (?P<tight>(?<=[a-z)\]])\.(?=[A-Z][a-z]))    # "disease.The heart"
  | (?P<blank>\n[ \t\r]*\n)                     # a blank line
  | (?P<line>\n)                                # a line break
  | (?P<item>\s(?=\d{1,2}[.)]\s+[A-Z]))         # "... 2. Small effusion"
  | (?P<markup></?(?:br|p|div|li|ul|ol|tr|td|th|table|h\d|hr)\b[^<>\n]{0,80}>)  # a tag that breaks the line
  )""",
    re.VERBOSE,
)
_LONGEST_FRAGMENT = 60
_WORD = re.compile(r"[a-z]+")
_LIST_MARK = re.compile(r"\s*(?:\d{1,2}[.)]|[-*\u2022])\s")


def split_sentences(text: str, section: Section) -> list[Sentence]:
    """The sentences of one section; none is longer than 600 characters, so that every rule is bounded."""
    sentences: list[Sentence] = []
    start = section.start
    for match in _BOUNDARY.finditer(text, section.start, section.end):
        if _breaks(text, start, match, section.end):
            _add(text, start, match.start() if match.lastgroup == "markup" else match.end(), section.kind, sentences)
            start = match.end()
    _add(text, start, section.end, section.kind, sentences)
    return _joined(text, sentences)


def _joined(text: str, sentences: list[Sentence]) -> list[Sentence]:
    """The sentences, with fragments that go on with the one before: "No effusion on the right. Small on the left."."""
    whole: list[Sentence] = []
    for sentence in sentences:
        if whole and len(sentence.text) <= _LONGEST_FRAGMENT and goes_on(_WORD.findall(sentence.text.lower())):
            last = whole[-1]
            end = sentence.start + len(sentence.text)
            if end - last.start <= _LONGEST and "\n" not in text[last.start + len(last.text) : sentence.start]:
                whole[-1] = Sentence(text[last.start : end], last.start, last.section)
                continue
        whole.append(sentence)
    return whole


def _breaks(text: str, start: int, match: re.Match[str], end: int) -> bool:
    """Whether a possible boundary is one."""
    kind = match.lastgroup
    if kind == "line":
        following = text[match.end() : min(end, match.end() + 40)]
        if _LIST_MARK.match(following):
            return True
        line_start = max(start, text.rfind("\n", start, match.start()) + 1)
        return match.start() - line_start < _SHORT_LINE and following.lstrip()[:1].isupper()
    if kind != "stop":
        return True
    if not match.group().startswith("."):
        return text[start : match.start()][-1:].strip() != ""  # "? pneumonia" asks before the word
    before = text[max(start, match.start() - 12) : match.start()]
    word = before.split()[-1].lower() if before.split() else ""
    if word.strip("(") in _ABBREVIATIONS:
        return False
    # The number of a list item stays with the item: "1. Cardiomegaly".
    return not (word.isdigit() and text[start : match.start()].strip() == word)


def _add(text: str, start: int, end: int, kind: str, sentences: list[Sentence]) -> None:
    """Append text[start:end] without surrounding white space, in pieces where it is too long."""
    while end - start > _LONGEST:
        cut = text.rfind(" ", start + _LONGEST // 2, start + _LONGEST)
        cut = cut if cut != -1 else start + _LONGEST
        _add(text, start, cut, kind, sentences)
        start = cut
    piece = text[start:end]
    stripped = piece.strip()
    if stripped:
        sentences.append(Sentence(stripped, start + piece.index(stripped[0]), kind))
