"""A report is shown whole, its mentions where they are, and nothing in it is taken for markup."""

import io
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from nlp_labeler.document import AssertedMention, Assertion, ReportLabels, Span
from nlp_labeler.explain.page import render_page
from nlp_labeler.explain.segments import segments
from nlp_labeler.explain.terminal import show
from nlp_labeler.findings import LABELS, NO_FINDING


def labeled(text, *spans):
    mentions = tuple(
        AssertedMention(
            concept="effusion",
            finding="Effusion",
            abnormal=True,
            text=text[start:end],
            start=start,
            end=end,
            sentence=text,
            sentence_start=0,
            section="findings",
            assertion=Assertion.NEGATED,
            rule="surface:negation.no",
            cue=cue,
            side="left",
        )
        for start, end, cue in spans
    )
    labels = dict.fromkeys((*LABELS, NO_FINDING)) | {"Effusion": 0}
    return ReportLabels(text=text, labels=labels, mentions=mentions, policy="openi", engine="surface")


class Page(HTMLParser):
    """Collects the tags of a page, the text of its report and what is marked in it."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.report, self.marked, self.inside = [], "", [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag != "meta":
            self.inside.append(tag)

    def handle_endtag(self, tag):
        self.inside.remove(tag)

    def handle_data(self, data):
        if "pre" in self.inside:
            self.report += data
            if "mark" in self.inside:
                self.marked.append(data)


TEXT = "No left pleural effusion."


def test_segments_cut_at_mentions_and_cues():
    pieces = segments(labeled(TEXT, (8, 24, Span(0, 2))))
    assert [(p.text, p.mention is not None, p.cue) for p in pieces] == [
        ("No", False, True),
        (" left ", False, False),
        ("pleural effusion", True, False),
        (".", False, False),
    ]


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=4))
def test_segments_hold_the_whole_report(text, pairs):
    spans = [(min(a, b, len(text)), min(max(a, b), len(text)), None) for a, b in pairs]
    pieces = segments(labeled(text, *spans))
    assert len("".join(p.text for p in pieces)) == len(text)


def test_page_shows_report_and_marks():
    page = Page(render_page(labeled(TEXT, (8, 24, Span(0, 2))), "r1"))
    assert page.report == TEXT
    assert page.marked == ["pleural effusion"]


@pytest.mark.parametrize(
    "text",
    ["<script>alert(1)</script> effusion", "</pre><img src=x onerror=alert(1)>", "\"'><b>effusion", "a & b {{ 7*7 }}"],
)
def test_page_escapes_the_report_everywhere(text):
    page = render_page(labeled(text, (0, len(text), None)), title=text)
    parsed = Page(page)
    assert not {"script", "img", "b"} & set(parsed.tags)
    assert parsed.report == text
    assert "49" not in parsed.report


def test_page_loads_nothing():
    page = render_page(labeled(TEXT), "r1")
    assert "default-src 'none'" in page
    assert "http://" not in page
    assert "https://" not in page


def test_terminal_shows_evidence_and_no_escape_sequences_of_the_report():
    stream = io.StringIO()
    text = "No [bold]effusion\x1b]0;owned\x07."
    show(labeled(text, (9, 17, Span(0, 2))), Console(file=stream, width=200, force_terminal=False))
    output = stream.getvalue()
    assert "No [bold]effusion" in output
    assert "\x1b" not in output
    assert "surface:negation.no" in output
    assert "left" in output
