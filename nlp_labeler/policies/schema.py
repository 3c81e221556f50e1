"""What a policy may say, and how policies are found and read."""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from nlp_labeler.cues import cue_rules
from nlp_labeler.document import Assertion
from nlp_labeler.errors import ConfigError
from nlp_labeler.findings import LABELS
from nlp_labeler.lexicon.tables import validate
from nlp_labeler.mentions import concepts

__all__ = ["POLICIES", "Policy", "load_policy"]

POLICIES: tuple[str, ...] = ("openi", "chestxray8", "chexpert")
"""The shipped policies."""

Value = Literal["positive", "uncertain", "negative", "absent"]


class Policy(BaseModel):
    """One archive's labelling conventions.

    Attributes:
        name: what results call it.
        description: whose convention it is.
        uncertain: what each kind of doubt counts for, by the name of its rule (``possible``, ``versus``...); kinds
            not named count as uncertain.
        assertions: what the other assertions count for; not named ones as in :data:`Assertion`'s plain reading.
        findings: concept id -> label column, or ``""`` for none, where it differs from the lexicon.
        abnormal: concept id -> whether an affirmed mention rules out ``No Finding``, where it differs.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    description: str = ""
    uncertain: dict[str, Value] = {}
    historical: Value = "absent"
    resolved: Value = "negative"
    hypothetical: Value = "absent"
    findings: dict[str, Literal[(*LABELS, "")]] = {}  # type: ignore[valid-type]  # a Literal over the label tuple
    abnormal: dict[str, bool] = {}

    def value(self, assertion: Assertion, rule: str) -> Value:
        """What a mention with this assertion, decided by this rule, counts for."""
        if assertion is Assertion.UNCERTAIN:
            return self.uncertain.get(rule.rpartition(".")[2], "uncertain")
        return {
            Assertion.AFFIRMED: "positive",
            Assertion.NEGATED: "negative",
            Assertion.HISTORICAL: self.historical,
            Assertion.RESOLVED: self.resolved,
            Assertion.HYPOTHETICAL: self.hypothetical,
        }[assertion]  # type: ignore[return-value]  # mypy widens the literals of a mixed dict


def load_policy(name: str | Path) -> Policy:
    """A shipped policy by name, or the user's own by path.

    Raises:
        ConfigError: if there is no such policy, or the file is not a valid one.
    """
    if str(name) in POLICIES:
        text = resources.files("nlp_labeler.policies").joinpath(f"{name}.toml").read_text(encoding="utf-8")
        return _parse(text, f"{name}.toml")
    path = Path(name)
    if not path.is_file():
        raise ConfigError(
            f"no policy {str(name)!r}: shipped are {', '.join(POLICIES)}; or give the path of a TOML file"
        )
    return _parse(path.read_text(encoding="utf-8"), path.name)


def _parse(text: str, source: str) -> Policy:
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source} is not TOML: {error}") from error
    policy = validate(content, Policy, source)
    _check_names(source, "concept", {*policy.findings, *policy.abnormal}, set(concepts()))
    doubts = {rule.split(".")[1] for rule, cue in cue_rules().items() if cue.assertion is Assertion.UNCERTAIN}
    _check_names(source, "kind of doubt", set(policy.uncertain), doubts)
    return policy


def _check_names(source: str, what: str, used: set[str], known: set[str]) -> None:
    unknown = sorted(used - known)
    if unknown:
        raise ConfigError(f"{source}: unknown {what} {', '.join(unknown)}; known are {', '.join(sorted(known))}")
