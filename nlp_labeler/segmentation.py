"""Stages 1 and 2 together: a report as the sentences that may be labeled, each with its place in what was given."""

import re
from collections.abc import Sequence
from dataclasses import replace

from nlp_labeler.cleaning import CleanText, clean
from nlp_labeler.document import Report, Section, Sentence
from nlp_labeler.mentions import concepts, find_mentions
from nlp_labeler.sections import split_sections
from nlp_labeler.sentences import split_sentences
from nlp_labeler.words import normalize

__all__ = ["segment"]

# Who is examined and why: "68M with pneumonia", "Known case of asthma".
_PATIENT = re.compile(
    r"""\W*(?:(?:an?|this|the)\s+)?(?:
    \d{1,3}[\s-]*(?:y/?o|yrs?|years?|m|f|male|female)\b
    |(?:elderly|young|known\ case|k/c/o|c/o|h/o|hx|f/u|pt|patient|man|woman|male|female|boy|girl|child|infant)
     (?=\s+(?:with|w/|of|presents?|presenting|complain|known|c/o|s/p|h/o|post|for|has\ (?:a\ )?history|is\ an?\ \d
     |status|pneumonia|\S+\ (?:man|woman|male|female|patient)\b)))""",
    re.IGNORECASE | re.VERBOSE,
)
# What a request says and a finding does not.
_REQUEST = re.compile(
    r"""\?|\b(?:history\ of|h/o|rule\ out|r/o|evaluat\w+|assess\w*|query|symptoms?|since|ago|admitted|treated|presents?
    |presenting|complain\w*|known|follow[- ]?up|f/u|status\ post|s/p|year[s-]|yo\b|y/o|last\ (?:year|month|week)|fever
    |cough\w*|dyspn\w+|pain|shortness|for|prior|previous\w*|concern\w*|suspect\w*|worsening|trauma|fall|hypoxi\w+)""",
    re.IGNORECASE | re.VERBOSE,
)
_SHOWING = re.compile(r"\b(?:shows?|demonstrates?|reveals?|seen|noted|cxr|film|radiograph|x-?ray)\b", re.IGNORECASE)
# What a finding says and a request does not.
_STATEMENT = re.compile(
    r"""^\W*(?:\d{1,2}[.)]\s*)?(?:there\ (?:is|are|has|have|appears)\b|no\b|nil\b
    |(?:the\ |both\ |cardiac\ |right\ |left\ )*(?:heart|lungs?|mediastin\w+|pleura\w*|trachea|bon\w+|osseous|hil\w+
      |hemi-?diaphragms?|diaphragms?|costophrenic|cardiomediastinal|silhouette|lung\ fields|aorta|pulmonary)\b.*
      \b(?:is|are|appears?|remains?|has|have|clear|normal|enlarged|shows?)\b)
    |\b(?:is|are)\ (?:seen|noted|identified|present|demonstrated|visuali[sz]ed)\b
    |\b(?:lungs?|chest|heart)\ (?:is\ |are\ )?(?:clear|normal)\b""",
    re.IGNORECASE | re.VERBOSE,
)
# What is said of today's film beside the one that it is compared with.
_TODAY = re.compile(
    r"\b(?:is|are)\ no\ longer\b|\b(?:now|today|currently)\b|\bha(?:s|ve)\ (?:since\ )?\w+", re.IGNORECASE
)
_BARE_STATE = re.compile(
    r"^(?!\W*(?:no|none|not(?! enlarged)|absent|negative|yes|the|there|a|an|nil|without|right|left)\b)"
    r"[^.:;,\n]{2,60}[.;,]?$",
    re.IGNORECASE,
)
_TEMPLATE_LINE = re.compile(r"(?P<subject>\W*[A-Za-z][A-Za-z /-]{2,40}):[ \t]*")
_LONGEST_STATE = 5
_LEADING = 2
_SHORTEST_STATEMENT = 3
_POINTER = re.compile(
    r"\b(?:see|as|per|refer\ to|described|detailed)\s+(?:the\s+)?(?:above|findings|body)\b", re.IGNORECASE
)
_SILENT = frozenset({"unspecified", "technique"})
_HISTORIES = frozenset({"history", "indication"})


def segment(text: str) -> Report:
    """A report cut into its sections and the sentences of those that may be labeled."""
    source = clean(text)
    sections = split_sections(source.text)
    sentences: list[Sentence] = []
    unread: list[Sentence] = []
    patient: list[Sentence] = []
    sifted = any(section.sifted for section in sections)
    points_back = sifted and _POINTER.search(source.text) is not None
    nothing_else = not any(section.labeled and section.kind != "impression" for section in sections)
    for number, section in enumerate(sections):
        if not (section.labeled or section.sifted):
            continue
        for count, sentence in enumerate(split_sentences(source.text, section)):
            if section.sifted:
                standing = _sifted(
                    sentence, section, source.text, first=count == 0, points_back=points_back, nothing_else=nothing_else
                )
                if standing is None:
                    continue
                kept = sentences if standing else unread
            else:
                leading = number == 0 and section.kind == "body" and count < _LEADING
                kept = patient if leading and _presents_patient(sentence.text) else sentences
            kept.append(_placed(sentence, section, source, first=count == 0))
    sentences = sentences or patient  # who the patient is, is read only where nothing else is said
    return Report(
        text, tuple(_placed_section(section, source) for section in sections), tuple(sentences), tuple(unread)
    )


def _presents_patient(sentence: str) -> bool:
    """Whether a sentence says who is examined and why, like "68M with pneumonia"."""
    return _PATIENT.match(sentence) is not None and _SHOWING.search(sentence) is None


def _sifted(
    sentence: Sentence, section: Section, text: str, *, first: bool, points_back: bool, nothing_else: bool
) -> bool | None:
    """Whether a sentence outside the findings is one of them: yes, perhaps (``False``), or no (``None``).

    Where the conclusion points back ("See above."), what stands in a paragraph of its own is; where there is nothing
    else to point to, what follows the request.
    """
    if section.kind == "comparison" and not first and _TODAY.search(sentence.text):
        return True
    if _presents_patient(sentence.text) or _REQUEST.search(sentence.text):
        return None
    if _STATEMENT.search(sentence.text):
        return True
    concepts = {mention.concept for mention in find_mentions(normalize(sentence.text))} - _SILENT
    if not concepts:
        return None
    if section.kind == "technique" and not first and sentence.text[:1].isupper():
        return True
    if section.kind in _HISTORIES and points_back and nothing_else:
        return not first  # what "See above" means; the first sentence may be the request
    gap = _gap(text, section, sentence) if section.kind in _HISTORIES else ""
    if section.kind == "body" or "\n\n" in gap:
        pointed_at = points_back and "\n\n" in gap.lstrip("\n")
        return pointed_at or (section.kind != "body" and len(sentence.text.split()) >= _SHORTEST_STATEMENT)
    return None


def _gap(text: str, section: Section, sentence: Sentence) -> str:
    """What stands between a heading and a sentence under it, without blanks."""
    return re.sub(r"[ \t\r]", "", text[section.start : sentence.start])


def _placed(sentence: Sentence, section: Section, source: CleanText, *, first: bool) -> Sentence:
    """The sentence with its place in the report as given, and with the subject that its heading is."""
    start, text = sentence.start, sentence.text
    places: Sequence[int] = range(start, start + len(text))
    template = _TEMPLATE_LINE.match(text) if ":" in text else None
    if first and section.kind == "organ" and _is_bare_state(text):
        subject = source.text[section.heading : section.start].rstrip(" :\t*_\r\n")
        text = f"{subject} is {text}"
        places = [*range(section.heading, section.heading + len(subject)), *[section.start - 1] * 4, *places]
    elif template is not None and _is_bare_state(text[template.end() :]):
        colon = template.end("subject")
        text = f"{text[:colon]} is {text[template.end() :]}"
        places = [*places[:colon], *[places[colon]] * 4, *places[template.end() :]]
    elif source.origins is None:
        return sentence
    known = source.origins
    origins = tuple(places if known is None else [known[place] for place in places])
    return Sentence(text, min(origins), sentence.section, origins)


def _is_bare_state(text: str) -> bool:
    """Whether a sentence is a predicate without subject, like "Mildly enlarged"."""
    if not 0 < len(text.split()) <= _LONGEST_STATE or not _BARE_STATE.match(text):
        return False
    return not any(concepts()[mention.concept].finding for mention in find_mentions(normalize(text)))


def _placed_section(section: Section, source: CleanText) -> Section:
    """The section with its place in the report as given."""
    if source.origins is None:
        return section
    places = (*source.origins, source.origins[-1] + 1) if source.origins else (0,)
    last = len(places) - 1
    return replace(
        section,
        start=places[min(section.start, last)],
        end=places[min(section.end, last)],
        heading=places[min(section.heading, last)],
    )
