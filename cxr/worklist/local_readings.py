"""What readers of a worklist stated, as the labeled predictions that a model's promises are re-tested with.

The worklist is only read: the app may go on working on it.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy  # its parts are imported when they are first used
from numpy.typing import NDArray

from cxr.errors import ConfigError, OperatingPointError
from cxr.operating_points import Proportion
from cxr.reporting.doubt import Doubt
from cxr.worklist.cases import SELECT_CASES, Case, case_of
from cxr.worklist.database import FILE_NAME, SCHEMA_VERSION
from cxr.worklist.decisions import Decision, decision_of

__all__ = ["LocalReadings", "local_readings", "read_local_readings"]

_UNFAIR = 0.01


@dataclass(frozen=True)
class LocalReadings:
    """N signed films in the order in which they were first signed.

    Attributes:
        scores: (N, C) probabilities, in [0, 1].
        labels: (N, C) 1, 0, or NaN where the reader said nothing.
        patients: (N,) patient of each film; a film without a patient's number is its own patient.
        views: (N,) ``"PA"``, ``"AP"`` or ``""``.
        unlike: share of all screened films, signed or not, that lie farther from the calibration's films than one in a
            hundred of those does; ``None`` where nobody measured it.
    """

    scores: NDArray[np.float64]
    labels: NDArray[np.float64]
    patients: tuple[str, ...]
    views: tuple[str, ...]
    unlike: Proportion | None = None


def local_readings(signed: Sequence[tuple[Case, Decision]], label_space: Sequence[str]) -> LocalReadings:
    """Scores and labels of signed cases, in their order."""
    size = (len(signed), len(label_space))
    return LocalReadings(
        np.array([[case.probabilities[name] for name in label_space] for case, _ in signed]).reshape(size),
        np.array([[float(d.verdicts.get(name, np.nan)) for name in label_space] for _, d in signed]).reshape(size),
        tuple(case.subject.key or case.id for case, _ in signed),
        tuple(case.subject.view or "" for case, _ in signed),
    )


def read_local_readings(folder: Path, label_space: Sequence[str], model_sha256: str) -> LocalReadings:
    """The last decision on every case that one model screened.

    Raises:
        ConfigError: if there is no worklist of this version in the folder.
        OperatingPointError: if nothing was signed, or referred films were signed more often than the others, in which
            case those that were signed do not stand for all.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise ConfigError(f"no worklist at {folder}: {FILE_NAME} not found; give the folder that cxr-app works in")
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
        connection.row_factory = sqlite3.Row
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version != SCHEMA_VERSION:
            raise ConfigError(f"{path} has version {version}, this cxr reads {SCHEMA_VERSION}")
        cases = [case_of(row) for row in connection.execute(SELECT_CASES)]
        rows = [decision_of(row) for row in connection.execute("SELECT * FROM decisions ORDER BY number")]
    screened = {case.id: case for case in cases if case.status == "screened" and case.model_sha256 == model_sha256}
    decisions: dict[str, Decision] = {}
    for row in rows:
        if row.case_id in screened:
            decisions[row.case_id] = row  # keeps the place of the first, holds the last
    if not decisions:
        raise OperatingPointError(f"no case of this model is signed in {folder}; {len(screened)} are screened")
    _refuse_selection(screened, decisions)
    read = local_readings([(screened[case_id], decision) for case_id, decision in decisions.items()], label_space)
    unlike = sum(Doubt.OUT_OF_DISTRIBUTION in case.doubts for case in screened.values())
    return replace(read, unlike=Proportion.of(unlike, len(screened)))


def _refuse_selection(screened: Mapping[str, Case], signed: Mapping[str, Decision]) -> None:
    """Refuse films that were chosen for reading by what the model said (verification bias, Begg and Greenes 1983)."""
    table = np.zeros((2, 2), dtype=int)
    for case_id, case in screened.items():
        table[int(case.triage == "refer"), int(case_id in signed)] += 1
    if scipy.stats.fisher_exact(table).pvalue < _UNFAIR:
        (unread, read), (unread_referred, referred) = table
        raise OperatingPointError(
            f"signed are {referred} of {referred + unread_referred} referred films, but {read} of {read + unread} "
            "others: these do not stand for all; sign the rest, or a sample drawn by lot"
        )
