"""The words of the report: phrases.toml, validated once, and how names and numbers are put."""

import tomllib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

__all__ = ["Certainty", "Phrases", "listed", "load_phrases", "percent"]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Certainty(_Strict):
    """Words for calibrated probabilities of ``at_least`` and up to the next entry."""

    at_least: float = Field(ge=0, le=1)
    name: str
    sentence: str


class Phrases(_Strict):
    """The certainty words, which cover all probabilities.

    ``kept`` frames a generated sentence that the image supports.
    """

    certainty: tuple[Certainty, ...]
    kept: str

    @model_validator(mode="after")
    def _covers_all_probabilities(self) -> Self:
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


def listed(words: Sequence[str], conjunction: str) -> str:
    """``a, b and c``."""
    return f" {conjunction} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def percent(probability: float) -> str:
    """A probability in [0, 1] in words that never round to certainty."""
    if probability < 0.01:
        return "below 1%"
    if probability > 0.99:
        return "above 99%"
    return f"{100 * probability:.0f}%"
