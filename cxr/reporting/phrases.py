"""The words of the report, read from phrases.toml and validated once."""

import tomllib
from functools import cache
from importlib.resources import files
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from nlp_labeler.findings import LABELS

__all__ = ["Certainty", "FindingPhrase", "Phrases", "load_phrases"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Certainty(_Strict):
    """Words for calibrated probabilities of ``at_least`` and up to the next entry."""

    at_least: float = Field(ge=0, le=1)
    name: str
    sentence: str


class FindingPhrase(_Strict):
    """How one finding is named, and whether side and height mean anything for it.

    ``signs`` are lexicon concepts without a label column that a sentence on the finding may name beside it.
    """

    noun: str
    sided: bool
    zoned: bool
    signs: tuple[str, ...] = ()


class Phrases(_Strict):
    """All phrases; every finding has one, and the certainty words cover all probabilities.

    ``kept`` frames a generated sentence that the image supports.
    """

    certainty: tuple[Certainty, ...]
    kept: str
    finding: dict[str, FindingPhrase]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if set(self.finding) != set(LABELS):
            odd = sorted(set(self.finding) ^ set(LABELS))
            raise ValueError(f"phrases and findings differ in {', '.join(odd)}")
        steps = [c.at_least for c in self.certainty]
        if steps != sorted(steps, reverse=True) or not steps or steps[-1] != 0:
            raise ValueError(f"certainty steps must fall to 0.0, not {steps}")
        return self

    def certainty_of(self, probability: float) -> Certainty:
        """The certainty words of a calibrated probability in [0, 1]."""
        return next(c for c in self.certainty if probability >= c.at_least)


@cache
def load_phrases() -> Phrases:
    """The phrases shipped with the package."""
    text = files("cxr.reporting").joinpath("phrases.toml").read_text(encoding="utf-8")
    return Phrases.model_validate(tomllib.loads(text))
