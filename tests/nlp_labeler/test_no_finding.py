"""No Finding is given to reports without any abnormality, and withheld for abnormalities of every kind."""

import tomllib
from pathlib import Path

import pytest

from nlp_labeler import Labeler

SENTENCES = tomllib.loads(Path(__file__).with_name("no_finding_sentences.toml").read_text(encoding="utf-8"))


@pytest.fixture(scope="module", params=["surface", "graph"])
def labeler(request):
    if request.param == "graph":
        pytest.importorskip("spacy", reason="the graph engine needs spaCy")
    return Labeler.load(engine=request.param)


@pytest.mark.parametrize("report", SENTENCES["normal"])
def test_normal_report(labeler, report):
    assert labeler.label(report).labels["No Finding"] == 1


@pytest.mark.parametrize("report", SENTENCES["abnormal"])
def test_abnormal_report(labeler, report):
    assert labeler.label(report).labels["No Finding"] is None
