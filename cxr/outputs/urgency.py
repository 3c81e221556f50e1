"""Who is read first: the expected cost of letting a patient wait.

A finding that is there costs its weight for every hour unread, so that an hour of waiting costs a patient the sum over
findings of weight times calibrated probability. Where readings take equally long and one reader takes film after
film, reading the highest such cost first has the least total cost of all orders (the c-mu rule; Cox and Smith, Queues,
1961). The weights are urgency.toml beside this file, or a clinic's own file that the environment variable CXR_URGENCY
names.
"""

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

from cxr.errors import ConfigError
from nlp_labeler.findings import FINDINGS

__all__ = ["WaitingCosts", "waiting_costs"]


@dataclass(frozen=True)
class WaitingCosts:
    """Cost of an hour unread, in any unit, by finding.

    A shipped finding without a weight costs nothing; one of a user's own label space what that says of it.
    """

    weights: Mapping[str, float]

    @classmethod
    def load(cls, path: Path) -> "WaitingCosts":
        """Read a file with one table ``[waiting_costs]`` of finding = weight.

        Raises:
            ConfigError: if it cannot be read, holds anything else, names an unknown finding, or a weight is not a
                finite number of at least 0, or all are 0.
        """
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"cannot read waiting costs from {path}: {error}") from error
        weights = data.get("waiting_costs")
        if set(data) != {"waiting_costs"} or not isinstance(weights, dict):
            raise ConfigError(f"{path} must hold one table [waiting_costs]; it holds {', '.join(data) or 'nothing'}")
        for finding, weight in weights.items():
            if finding not in FINDINGS:
                raise ConfigError(f"{path}: unknown finding '{finding}'; known are {', '.join(FINDINGS)}")
            if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight < math.inf:
                raise ConfigError(f"{path}: the weight of {finding} is {weight!r}; allowed are numbers from 0")
        if not any(weights.values()):
            raise ConfigError(f"{path}: no finding has a weight above 0, so that nothing could be ordered")
        return cls(weights)

    def of(self, probabilities: Mapping[str, float]) -> float:
        """Expected cost of an hour's wait of one patient, from calibrated probabilities in [0, 1]."""
        return sum(self._weight(finding) * p for finding, p in probabilities.items())

    def _weight(self, finding: str) -> float:
        own = FINDINGS[finding].waiting_cost if finding in FINDINGS else 0.0
        return self.weights.get(finding, own)


@cache
def waiting_costs() -> WaitingCosts:
    """The weights in use: of the file that ``CXR_URGENCY`` names, or those that come with the package.

    Raises:
        ConfigError: see :meth:`WaitingCosts.load`.
    """
    own = os.environ.get("CXR_URGENCY")
    return WaitingCosts.load(Path(own) if own else Path(str(files("cxr.outputs").joinpath("urgency.toml"))))
