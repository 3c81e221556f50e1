"""CONTRIBUTING.md leads to what it names."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LINE = re.compile(r"^\| (?P<what>[^|`]+) \| `(?P<path>[^`]+)` \| `(?P<name>[^`]+)` \|$", re.MULTILINE)
PLACES = LINE.findall((ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Where to find")[2])


def test_the_section_answers_what_people_look_for():
    asked = ("C-STORE", "sign-in", "negation", "decoding", "localization loss", "averaging", "display values")
    asked += ("age", "thresholds", "ontology", "README", "journal")
    said = " ".join(what for what, _, _ in PLACES)
    assert [word for word in asked if word not in said] == []


@pytest.mark.parametrize(("what", "path", "name"), PLACES)
def test_every_place_exists_and_holds_what_it_should(what, path, name):
    assert re.search(rf"\b{name}\b", (ROOT / path).read_text(encoding="utf-8")), f"no {name} in {path}"
