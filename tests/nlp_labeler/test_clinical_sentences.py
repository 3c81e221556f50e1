"""One clinical sentence, one assertion, under both engines."""

import tomllib
from pathlib import Path

import pytest

from nlp_labeler import Labeler

CASES = [
    pytest.param(*case, id=f"{phenomenon}: {case[0]} [{case[1]}]")
    for phenomenon, cases in tomllib.loads(
        Path(__file__).with_name("clinical_sentences.toml").read_text(encoding="utf-8")
    ).items()
    for case in cases
]


@pytest.fixture(scope="module", params=["surface", "graph"])
def labeler(request):
    if request.param == "graph":
        pytest.importorskip("spacy", reason="the graph engine needs spaCy")
    return Labeler.load("chexpert", engine=request.param)


def test_there_are_at_least_three_hundred_sentences():
    assert len(CASES) >= 300


@pytest.mark.parametrize(("sentence", "finding", "expected"), CASES)
def test_sentence(labeler, sentence, finding, expected):
    """The last mention of the finding is what the table says."""
    mentions = [m for m in labeler.label(sentence).mentions if finding in {m.finding, m.concept}]
    if expected == "absent":
        assert not [m for m in mentions if m.assertion != "negated" and m.concept != "granuloma"]
        return
    assert mentions, "not found"
    if "=" in expected:
        name, value = expected.split("=")
        assert getattr(mentions[-1], name) == (value or None)
    else:
        assert mentions[-1].assertion == expected
