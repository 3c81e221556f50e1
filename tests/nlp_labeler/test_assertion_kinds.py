"""The ways of speaking that labelers stumble over, one file for each kind, under both engines."""

import tomllib
from pathlib import Path

import pytest

from nlp_labeler import Labeler
from nlp_labeler.findings import NO_FINDING

KINDS = Path(__file__).with_name("kinds")
CASES = [
    pytest.param(text, expected, id=f"{path.stem}: {text}")
    for path in sorted(KINDS.glob("*.toml"))
    for cases in tomllib.loads(path.read_text(encoding="utf-8")).values()
    for text, *expected in cases
]


@pytest.fixture(scope="module", params=["surface", "graph"])
def labeler(request):
    if request.param == "graph":
        pytest.importorskip("spacy", reason="the graph engine needs spaCy")
    return Labeler.load(engine=request.param)


def test_every_kind_has_at_least_twenty_sentences():
    for path in KINDS.glob("*.toml"):
        assert sum(map(len, tomllib.loads(path.read_text(encoding="utf-8")).values())) >= 20, path.name


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_sentence(labeler, text, expected):
    """Each expectation is one of ``normal``, ``abnormal``, ``refused``, ``Label=value|value``, ``Label.side=value``."""
    result = labeler.label(text)
    assert (result.status != "ok") == (expected == ["refused"])
    for expectation in expected:
        name, _, value = expectation.partition("=")
        finding, _, attribute = name.partition(".")
        if expectation in {"abnormal", "normal", "refused"}:
            assert result.labels[NO_FINDING] == (1 if expectation == "normal" else None)
        elif attribute:
            assert (getattr(result.evidence(finding)[0], attribute) or "none") == value
        else:
            found = result.labels[finding]
            assert ("none" if found is None else str(found)) in value.split("|"), expectation
            if found in {1, -1}:
                assert result.labels[NO_FINDING] is None
