"""The Makefile and the package metadata agree with what the project promises."""

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_base_install_is_the_clinics():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = {d.split("==")[0] for d in project["dependencies"]}
    assert base.isdisjoint({"torch", "spacy", "lightning", "pandas", "pyarrow"})
    assert all("==" in d for d in project["dependencies"]), "every version is pinned"
