"""Rows of the two tables: what each method reaches, and what it adds."""

from collections.abc import Mapping

import pandas as pd

from benchmarks.localization.methods import NOTES, SEEDS
from benchmarks.localization.scoring import Scored
from benchmarks.localization.statistics import SHOWN, gain, statistic
from benchmarks.record import Row
from cxr.evaluation.bootstrap import Statistic, bootstrap, estimates

__all__ = ["gain_rows", "method_rows", "statistic_rows"]

RESAMPLES = 1000


def method_rows(name: str, models: list[Scored], test: pd.DataFrame) -> list[Row]:
    """A method on the test patients, its seeds averaged."""
    rows = statistic_rows("phantom-methods", name, statistic(models, tuple(test["image"])), test, "")
    broken = rows[0].model_copy(
        update={
            "metric": "children above parents",
            "value": float(sum(model.violations for model in models)),
            "low": None,
            "high": None,
            "note": "image and label pairs, all seeds together",
        }
    )
    return [*rows, broken]


def gain_rows(name: str, other: str, scored: dict[str, list[Scored]], test: pd.DataFrame) -> list[Row]:
    """One method less another, on the same resampled patients."""
    images = tuple(test["image"])
    difference = gain(statistic(scored[name], images), statistic(scored[other], images))
    return statistic_rows("phantom-gains", f"{name} - {other}", difference, test, NOTES.get(name, "paired by image"))


def statistic_rows(
    table: str, name: str, measured: Statistic, test: pd.DataFrame, note: str, shown: Mapping[str, int] = SHOWN
) -> list[Row]:
    """A row per shown column of a statistic over the test images, with its interval by patient."""
    found = estimates(bootstrap(measured, list(test["patient"]), RESAMPLES))
    return [
        Row(
            table=table,
            row=name,
            metric=column,
            value=found[place].value,
            low=found[place].low,
            high=found[place].high,
            n=len(test),
            unit_of_n="images",
            data=f"phantom test patients, mean of {len(SEEDS)} seeds",
            note=note,
        )
        for column, place in shown.items()
    ]
