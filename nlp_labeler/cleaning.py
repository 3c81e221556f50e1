"""A report as plain prose, before it is cut: what word processors, web pages and forms put around it is taken away.

RTF and HTML are stripped, broken words are joined, ticked and unticked boxes become words, and a list under "No
evidence of:" becomes a row of negated items. Every character of the result knows where it stands in the report as
given, so that evidence points there.
"""

import html
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from nlp_labeler.vocabulary import is_known

__all__ = ["CleanText", "clean"]


@dataclass(frozen=True, slots=True)
class CleanText:
    """A cleaned report.

    Attributes:
        text: what is to be read.
        origins: for every character where it stands in the report as given; ``None`` where nothing was changed.
    """

    text: str
    origins: tuple[int, ...] | None = None

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The interval of the report as given behind a non-empty interval of the text."""
        if self.origins is None:
            return start, end
        places = self.origins[start:end]
        return min(places), max(places) + 1

    def edited(self, edits: Iterable[tuple[int, int, str]]) -> "CleanText":
        """The text with intervals (start, end, new text), in order and without overlap, replaced."""
        pieces: list[str] = []
        origins: list[int] = []
        known = self.origins or range(len(self.text))
        done = 0
        for start, end, new in edits:
            if new == self.text[start:end]:
                continue
            pieces += [self.text[done:start], new]
            origins += known[done:start]
            origins += [known[max(start, end - 1) if offset else start] for offset in range(len(new))]
            done = end
        if not pieces:
            return self
        pieces.append(self.text[done:])
        origins += known[done:]
        return CleanText("".join(pieces), tuple(origins))

    def substitute(self, pattern: re.Pattern[str], replace: "Callable[[re.Match[str]], str] | str") -> "CleanText":
        """The text with every match of a pattern replaced."""
        return self.edited(
            (*match.span(), replace if isinstance(replace, str) else replace(match))
            for match in pattern.finditer(self.text)
        )


# What no plain report holds: what is looked for begins with a rare character, so that the search costs hardly anything.
_RARE = ("\\", "<", "&", "....", "___")
_ANYTHING = (
    re.compile(r"-[ \t]*\r?\n|[+-][Vv][Ee]\b"),
    re.compile(r"[\[(][ \txX*+-]*[\])]"),
    re.compile(
        r"[:?|\t=.-][ \t]*(?i:no|none|nil|absent|negative|neg|yes|present|pos|positive|[yn+-])[ \t]*(?:$|[|,;.\n])",
        re.MULTILINE,
    ),
)
_LEADS = ("no", "for", "of", "nil", "without", "absent", "negative", "negatives", "seen", "excluded", "following")
_RTF = re.compile(
    r"\\u(?P<code>-?\d+) ?(?:\\'[0-9a-fA-F]{2}|\?)?|\\'(?P<byte>[0-9a-fA-F]{2})"
    r"|\\(?P<word>[a-zA-Z]+)(?P<number>-?\d+)? ?"
    r"|\\(?P<sign>[^a-zA-Z])|(?P<brace>[{}])|(?P<newline>[\r\n]+)|(?P<text>[^\\{}\r\n]+)"
)
_RTF_HIDDEN = frozenset(
    {"fonttbl", "colortbl", "stylesheet", "info", "pict", "header", "footer", "headerl", "headerr", "footerl"}
    | {"footerr", "generator", "object", "themedata", "listtable", "listoverridetable", "rsidtbl", "xmlnstbl"}
    | {"datastore", "latentstyles", "colorschememapping", "fldinst"}
)
_RTF_SIGNS = {"par": "\n", "line": "\n", "sect": "\n\n", "page": "\n\n", "row": "\n", "cell": "\n", "tab": "\t"}
_RTF_SIGNS |= {"bullet": "\u2022", "endash": "-", "emdash": "-", "lquote": "'", "rquote": "'"}
_RTF_SIGNS |= {"ldblquote": '"', "rdblquote": '"'}

_HIDDEN_MARKUP = re.compile(r"<!--.*?-->|<(style|script|head|title)\b[^<>]*>.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_BLOCK = r"br|p|div|li|ul|ol|tr|td|th|table|tbody|thead|h[1-6]|hr|body|html|section|article|pre|dl|dt|dd"
_BLOCK_TAG = re.compile(rf"\s*</?(?:{_BLOCK})\b[^<>\n]{{0,200}}>", re.IGNORECASE)
_INLINE = r"a|b|i|u|em|strong|span|font|small|big|sub|sup|center|code|mark|label|input|img|meta|link|o:p|!doctype"
_INLINE_TAG = re.compile(rf"</?(?:{_INLINE})\b[^<>\n]{{0,200}}>", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});")

_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u2060\ufeff]+(?:[ \t]*\r?\n[ \t]*(?=[a-z]))?")
_COMPOSED = re.compile("[\ufb00-\ufb06\u00a0\u2002-\u200a\u202f\u2010\u2011\u2212\uff01-\uff5e\u2018-\u201d]")
_PLAIN = {"\u2010": "-", "\u2011": "-", "\u2212": "-", "\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"'}
_BROKEN = re.compile(r"\b([A-Za-z]{2,})-[ \t]*\r?\n[ \t]*([a-z]{2,})\b")

_LONGEST_SUMMARY = 12
_BULLET = r"(?:[-*\u2022\u25cf\u25aa\u2013]|\d{1,2}[.)]|[a-h]\))[ \t]*"
_NEGATIVE_LEAD = (
    r"(?:(?:there (?:is|are|was|were)[ \t]+)?(?:no|nil|without|negative|absence|free)(?:[ \t]+(?:definite|radiographic"
    r"|convincing|obvious|acute|evidence|signs?|suggestion|features|of|for|any|the|following))*"
    r"|(?:findings[ \t]+|the[ \t]+following[ \t]+(?:is|are|were)[ \t]+)?(?:absent|excluded|denied"
    r"|not[ \t]+(?:seen|present|identified|demonstrated))|(?:pertinent|relevant)[ \t]+negatives?)"
)
_NEGATIVE_LIST = re.compile(
    rf"(?:(?<=[.\n])|^)(?P<indent>[ \t]*(?:{_BULLET})?){_NEGATIVE_LEAD}[ \t]*:[ \t]*"
    rf"(?P<items>(?:\r?\n[ \t]*{_BULLET}[^\n]+)+|[^.\n]+)",
    re.IGNORECASE,
)
_ITEM_GAP = re.compile(rf"[.;,]?[ \t]*\r?\n[ \t]*{_BULLET}|[ \t]*[;,][ \t]*(?:(?:or|and)[ \t]+)?", re.IGNORECASE)

_MARK = re.compile(_BULLET)
_FIRST_MARK = re.compile(rf"\s*(?:{_BULLET})?")
_TICK = r"[ \t]*[xX*+\u2713\u2714-]?[ \t]*"
_BOX = re.compile(
    rf"[\[(](?P<mark>{_TICK})[\])]|(?P<off>[\u2610\u2717\u2718\u25a1])|(?P<on>[\u2611\u2612\u2713\u2714\u25a0])"
)
_YES_NO = re.compile(
    rf"[ \t]*:?[ \t]*(?P<first>[\[(]{_TICK}[\])])[ \t]*(?:yes|present|positive)[ \t,/]*"
    rf"(?P<second>[\[(]{_TICK}[\])])[ \t]*(?:no|absent|negative)\b",
    re.IGNORECASE,
)
_SIGNED = re.compile(r"(?<![\w+-])([+-])ve\b", re.IGNORECASE)
_ANSWER = re.compile(
    r"(?<=[A-Za-z)])[ \t]*(?:\.{3,}|_{3,}|\?|:|=|\||\t|[-\u2013](?=[ \t]))[ \t|]*"
    r"(?P<answer>no|none|nil|absent|negative|neg|n|yes|present|positive|pos|y|-|\++)[ \t|]*(?=$|[,;.\n])",
    re.IGNORECASE | re.MULTILINE,
)
_SUMMARY = re.compile(
    r"\b(?:impression|conclusion|opinion|summary|findings|results?|report|diagnosis|chest|cxr|x-?ray|films?)\Z",
    re.IGNORECASE,
)
_YES = frozenset({"yes", "present", "positive", "pos", "y"})


def clean(text: str) -> CleanText:
    """A report as plain prose."""
    result = CleanText(text)
    if _is_plain(text):
        return result
    if text.lstrip().startswith("{\\rtf"):
        result = _without_rtf(result)
    if "<" in result.text:
        result = result.substitute(_HIDDEN_MARKUP, "\n").substitute(_BLOCK_TAG, "\n\n").substitute(_INLINE_TAG, "")
    if "&" in result.text:
        result = result.substitute(_ENTITY, lambda match: html.unescape(match.group()))
    result = result.substitute(_INVISIBLE, "").substitute(_COMPOSED, _plain_character).substitute(_BROKEN, _joined)
    result = result.substitute(_SIGNED, lambda match: "positive" if match[1] == "+" else "negative")
    result = result.substitute(_YES_NO, _yes_or_no).substitute(_BOX, _box)
    result = result.substitute(_ANSWER, _answer)
    return result.edited(_negated_items(result.text))


def _is_plain(text: str) -> bool:
    """Whether there is certainly nothing to clean."""
    if not text.isascii() or any(sign in text for sign in _RARE):
        return False
    if any(pattern.search(text) for pattern in _ANYTHING):
        return False
    return not any(part.rstrip(" \t").lower().endswith(_LEADS) for part in text.split(":")[:-1])


def _without_rtf(source: CleanText) -> CleanText:
    hidden = [False]

    def read(match: re.Match[str]) -> str:
        if match["brace"] == "{":
            hidden.append(hidden[-1])
        elif match["brace"] == "}":
            if len(hidden) > 1:
                hidden.pop()
        elif match["sign"] == "*" or match["word"] in _RTF_HIDDEN:
            hidden[-1] = True
        elif hidden[-1]:
            pass
        elif match["text"] is not None:
            return match["text"]
        elif match["word"] is not None:
            return _RTF_SIGNS.get(match["word"], "")
        elif match["code"] is not None:
            return chr(int(match["code"]) % 65536)
        elif match["byte"] is not None:
            return bytes.fromhex(match["byte"]).decode("cp1252", "replace")
        elif match["sign"] in {"\\", "{", "}"}:
            return match["sign"]
        elif match["sign"] in {"~", "_"}:
            return " " if match["sign"] == "~" else "-"
        return ""

    return source.substitute(_RTF, read)


def _plain_character(match: re.Match[str]) -> str:
    return _PLAIN.get(match.group()) or unicodedata.normalize("NFKC", match.group())


def _joined(match: re.Match[str]) -> str:
    """A word broken at the end of a line; "right-" before "sided" keeps its hyphen."""
    left, right = match.groups()
    if not is_known((left + right).lower()) and is_known(left.lower()) and is_known(right.lower()):
        return f"{left}-{right}"
    return left + right


def _is_ticked(box: str) -> bool:
    return any(sign in box for sign in "xX*+\u2713\u2714")


def _yes_or_no(match: re.Match[str]) -> str:
    yes, no = _is_ticked(match["first"]), _is_ticked(match["second"])
    return match.group() if yes == no else ": yes." if yes else ": no."


def _box(match: re.Match[str]) -> str:
    """A box in words: before what it ticks where its line begins with one, else behind it."""
    text = match.string
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
    first = _BOX.search(line)
    leads = not _MARK.sub("", line[: first.start()] if first else line).strip()
    if not leads and match["mark"] is not None and not match["mark"].strip() and first is None:
        rest = text[match.end() : (text.find("\n", match.end()) + 1 or len(text) + 1) - 1]
        if match.group()[0] == "(" and not _BOX.search(rest):
            return match.group()  # "( )" in running text is no box
    ticked = match["on"] is not None or (match["mark"] is not None and _is_ticked(match["mark"]))
    if leads:
        return ("* " if first is None else ". ") + ("" if ticked else "No ")
    return "." if ticked else ": no."


def _answer(match: re.Match[str]) -> str:
    """Yes or no to what stands before; "IMPRESSION: Negative." answers nothing, and stays."""
    answer = match["answer"].lower()
    if _SUMMARY.search(match.string, max(0, match.start() - _LONGEST_SUMMARY), match.start()):
        return match.group()
    return ": yes" if answer in _YES or answer.startswith("+") else ": no"


def _negated_items(text: str) -> Iterator[tuple[int, int, str]]:
    """Edits that make "Negative for: a, b" read "No a or b"."""
    for match in _NEGATIVE_LIST.finditer(text):
        start, end = match.span("items")
        first = _FIRST_MARK.match(text, start, end)
        start = first.end() if first else start
        if ":" in text[start:end]:
            continue
        yield match.end("indent"), start, "No "
        for gap in _ITEM_GAP.finditer(text, start, end):
            yield *gap.span(), " or "
