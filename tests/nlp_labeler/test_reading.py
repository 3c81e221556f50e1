"""Whole reports as other hospitals write them: their layout, their lists, their histories, their language."""

import tomllib
from pathlib import Path

import pytest

from nlp_labeler import Labeler

HERE = Path(__file__)
CASES = [
    pytest.param(text, expected, id=f"{kind}: {text[:50]!r}")
    for kind, cases in tomllib.loads(HERE.with_name("reading_cases.toml").read_text(encoding="utf-8")).items()
    for text, expected in cases
]
LANGUAGES = tomllib.loads((HERE.parents[2] / "benchmarks/labeler/languages.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=["surface", "graph"])
def labeler(request):
    if request.param == "graph":
        pytest.importorskip("spacy", reason="the graph engine needs spaCy")
    return Labeler.load(engine=request.param)


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_report(labeler, text, expected):
    result = labeler.label(text)
    for label, allowed in expected.items():
        value = result.labels[label]
        assert ("blank" if value is None else value) in allowed, (label, result.status)
    for mention in result.mentions:
        assert text[mention.start : mention.end] == mention.text
        assert text[mention.sentence_start :].startswith(mention.sentence)


@pytest.mark.parametrize("language", LANGUAGES["foreign"])
def test_other_languages_are_refused(labeler, language):
    for text in LANGUAGES["foreign"][language]:
        result = labeler.label(text)
        assert result.status in {"not English", "not understood"}, text
        assert set(result.labels.values()) == {None}
        assert not result.mentions


@pytest.mark.parametrize("text", LANGUAGES["english"]["reports"])
def test_telegraphic_english_is_not_refused(labeler, text):
    assert labeler.label(text).status == "ok"


def test_what_was_not_understood_is_evidence(labeler):
    text = "The lungs are clear. A coin is lodged in the gullet. No effusion."
    result = labeler.label(text)
    assert [text[span.start : span.end] for span in result.unexplained] == ["coin is lodged in the gullet"]
    assert 0.4 < result.coverage < 0.9
    assert labeler.label("The lungs are clear. No effusion.").coverage == 1


def test_evidence_points_into_the_report_as_given(labeler):
    text = "Negative for: pneumothorax, effu-\nsion."
    result = labeler.label(text)
    assert [mention.text for mention in result.mentions] == ["pneumothorax", "effu-\nsion"]
    assert {text[mention.cue.start : mention.cue.end] for mention in result.mentions} == {"Negative for: "}
