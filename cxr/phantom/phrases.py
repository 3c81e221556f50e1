"""The phrase book of the phantom's radiologists: phrases.toml, validated."""

import tomllib
from functools import cache
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["FindingPhrases", "PhraseBook", "load_phrases"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FindingPhrases(_Strict):
    """How one finding is said: grade words, sentences, and the noun used when it is gone."""

    plural: bool
    noun: str
    mild: list[str]
    moderate: list[str]
    severe: list[str]
    body: list[str]
    impression: list[str]
    hedged: list[str]


class _Normal(_Strict):
    heart: list[str]
    mediastinum: list[str]
    lungs: list[str]
    rest: list[str]
    bones: list[str]
    negatives: list[str]
    impression: list[str]
    no_acute: list[str]


class _Indication(_Strict):
    complaints: list[str]
    questions: list[str]
    forms: list[str]


class PhraseBook(_Strict):
    """Everything that can be said."""

    findings: dict[str, FindingPhrases]
    change: dict[str, list[str]]
    normal: _Normal
    negated: dict[str, list[str]]
    incidental: dict[str, list[str]]
    devices: dict[str, list[str]]
    where: dict[str, list[str]]
    indication: _Indication
    comparison: dict[str, list[str]] = Field(min_length=2)


@cache
def load_phrases() -> PhraseBook:
    """The shipped phrase book.

    Raises:
        pydantic.ValidationError: the file has an unknown or a missing key.
    """
    tables = tomllib.loads(files("cxr.phantom").joinpath("phrases.toml").read_text(encoding="utf-8"))
    parts = {name: tables.pop(name) for name in PhraseBook.model_fields if name != "findings"}
    return PhraseBook.model_validate({"findings": tables, **parts})
