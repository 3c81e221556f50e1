"""Whatever is thrown at the labeler, it answers, in time, and never from INDICATION or HISTORY."""

import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nlp_labeler import Labeler
from nlp_labeler.aggregate import COLUMNS
from nlp_labeler.errors import LabelerError

SECONDS = 20.0  # per report of a megabyte, on a busy machine; it takes one
MEGABYTE = 1_000_000

HOSTILE = {
    "empty": "",
    "white space": " \n\t \r\n",
    "control characters": "\x00\x01\x02\x1b[31m",
    "random bytes": bytes(random.Random(7).randrange(256) for _ in range(50_000)).decode("latin-1"),
    "one long word": "a" * MEGABYTE,
    "words without a stop": "no effusion and " * (MEGABYTE // 16),
    "half a pattern": "heart is " * (MEGABYTE // 9),
    "commas": "effusion, " * (MEGABYTE // 10),
    "headings": "FINDINGS: " * (MEGABYTE // 10),
    "colons": ":" * MEGABYTE,
    "words before colons": "word: " * (MEGABYTE // 6),
    "line breaks": "\n" * MEGABYTE,
    "stops": "." * MEGABYTE,
    "spaces": " " * MEGABYTE,
    "cues": "may not be seen " * (MEGABYTE // 16),
    "angle brackets": "<" * MEGABYTE,
    "ampersands": "&" * MEGABYTE,
    "list numbers": "1. " * (MEGABYTE // 3),
    "optional words": "the heart size is mildly to moderately and markedly " * (MEGABYTE // 52),
    "Chinese": "心脏增大。双肺纹理增多。" * 500,
    "Arabic": "لا يوجد انصباب جنبي",
    "capital dotted I": "İİİ No effusion İİİ. Cardiomegaly İ.",
    "emoji": "😀 No effusion 😀. Cardiomegaly 😀",
}


@pytest.fixture(scope="module")
def labeler():
    return Labeler.load("openi", engine="surface")


def check(result):
    assert tuple(result.labels) == COLUMNS
    assert set(result.labels.values()) <= {1, 0, -1, None}
    for mention in result.mentions:
        assert result.text[mention.start : mention.end] == mention.text
        assert result.text[mention.sentence_start :].startswith(mention.sentence)
        if mention.cue is not None:
            assert mention.sentence_start <= mention.cue.start < mention.cue.end
            assert mention.cue.end <= mention.sentence_start + len(mention.sentence)


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_text_is_answered_in_time(labeler, text):
    started = time.process_time()
    check(labeler.label(text))
    assert time.process_time() - started < SECONDS


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=400))
def test_any_unicode_is_answered(text):
    check(SURFACE.label(text))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_answered(raw):
    check(SURFACE.label(raw.decode("latin-1")))


VOCABULARY = """
no not without effusion effusions pneumothorax heart is mildly enlarged , . ; : / and or but with may represent cannot
be excluded versus possible left right base resolved history of XXXX the there are lungs clear
"""
WORDS = st.sampled_from(VOCABULARY.split())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(WORDS, max_size=60))
def test_any_row_of_clinical_words_is_answered_by_both_engines(words):
    pytest.importorskip("spacy", reason="the graph engine needs spaCy")
    text = " ".join(words)
    check(SURFACE.label(text))
    check(graph().label(text))


UNLABELED = ("INDICATION", "HISTORY", "CLINICAL HISTORY", "Indication", "COMPARISON", "TECHNIQUE", "REASON FOR EXAM")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(UNLABELED), st.lists(WORDS.filter(lambda word: word != ":"), max_size=30))
def test_unlabeled_sections_never_count(heading, words):
    result = SURFACE.label(f"{heading}: pneumonia, {' '.join(words)}\nFINDINGS: The lungs are clear.")
    assert all(mention.section == "findings" for mention in result.mentions)
    assert result.labels["Pneumonia"] is None
    assert result.labels["No Finding"] == 1


def test_ten_thousand_sections(labeler):
    text = "FINDINGS: No effusion.\nHISTORY: Pneumonia.\n" * 5_000
    started = time.process_time()
    result = labeler.label(text)
    assert time.process_time() - started < SECONDS
    assert result.labels["Effusion"] == 0
    assert result.labels["Pneumonia"] is None
    assert len(result.mentions) == 5_000


@pytest.mark.parametrize(
    ("text", "finding", "value"),
    [
        ("<html><body><p>FINDINGS: The heart is <i>enlarged</i>.</p></body></html>", "Cardiomegaly", 1),
        ("<b>FINDINGS:</b><br/>No effusion.<br/>Mild cardiomegaly.", "Effusion", 0),
        ("<p>No&nbsp;pleural effusion</p>", "Effusion", 0),
        ("<p>No effusion</p><p>Cardiomegaly</p>", "Cardiomegaly", 1),
    ],
)
def test_html_is_read_through(labeler, text, finding, value):
    assert labeler.label(text).labels[finding] == value


@pytest.mark.parametrize("text", ["Kein Pleuraerguss.", "心脏增大。", "\x00\x01", "lorem ipsum dolor sit amet"])
def test_a_text_that_is_not_understood_is_not_called_no_finding(labeler, text):
    result = labeler.label(text)
    assert result.status in {"not English", "not understood"}
    assert set(result.labels.values()) == {None}


def test_statuses(labeler):
    assert labeler.label("").status == "empty"
    assert labeler.label("INDICATION: Pneumonia.").status == "no labeled section"
    assert labeler.label("Clear lungs.").status == "ok"


def test_what_is_not_text_is_refused(labeler):
    with pytest.raises(LabelerError, match="must be a string, not float"):
        labeler.label(float("nan"))


SURFACE = Labeler.load("openi", engine="surface")
_graph = []


def graph():
    """The graph engine, loaded once and only where it is needed."""
    if not _graph:
        _graph.append(Labeler.load("openi", engine="graph"))
    return _graph[0]
