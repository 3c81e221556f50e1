"""Patients: build, age, and the diseases they have. Most are healthy; the others have one or two conditions."""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from cxr.phantom.disease import CONDITIONS, INCIDENTAL
from cxr.phantom.shape import load_shape_model

__all__ = ["Patient", "draw_patient"]

HEALTHY = 0.6  # of patients


@dataclass(frozen=True)
class Patient:
    """A synthetic person; nothing here changes between visits.

    Attributes:
        number: 1-based, the patient id is its 8-digit form.
        sex: "M" or "F".
        birth: date of birth.
        habitus: body build, standard normal; large is heavy.
        shape: coefficients (K,) of the shape model.
        taper: share by which the chest narrows towards the apices.
        heart: cardiothoracic ratio of the healthy heart, in a standing PA view.
        anatomy_seed: fixes ribs, vessels and everything else that is personal.
        incidental: names out of INCIDENTAL.
        conditions: names out of CONDITIONS; empty for the healthy.
    """

    number: int
    sex: str
    birth: date
    habitus: float
    shape: NDArray[np.float64]
    taper: float
    heart: float
    anatomy_seed: int
    incidental: tuple[str, ...]
    conditions: tuple[str, ...]

    @property
    def identifier(self) -> str:
        """The synthetic patient id."""
        return f"{self.number:08d}"


def draw_patient(number: int, rng: np.random.Generator) -> Patient:
    """A person with a build, an age and perhaps diseases."""
    names = list(CONDITIONS)
    conditions: tuple[str, ...] = ()
    low, high = 18, 88
    if rng.random() > HEALTHY:
        weights = np.array([CONDITIONS[name].weight for name in names])
        count = 1 + int(rng.random() < 0.12)
        picked = rng.choice(len(names), size=count, replace=False, p=weights / weights.sum())
        conditions = tuple(names[index] for index in picked)
        low = max(CONDITIONS[name].ages[0] for name in conditions)
        high = min(CONDITIONS[name].ages[1] for name in conditions)
    age = int(np.clip(rng.normal(52, 17), low, high))
    model = load_shape_model()
    return Patient(
        number=number,
        sex="M" if rng.random() < 0.55 else "F",
        birth=date(2008, 1, 1) - timedelta(days=int(age * 365.25 + rng.integers(0, 365))),
        habitus=float(np.clip(rng.normal(0.0, 1.0), -1.8, 2.4)),
        shape=model.sample_coefficients(rng),
        taper=float(np.clip(rng.normal(0.25, 0.07), 0.08, 0.42)),
        heart=float(np.clip(rng.normal(0.435, 0.025), 0.38, 0.48)),
        anatomy_seed=int(rng.integers(2**62)),
        incidental=tuple(
            name for name, (chance, start) in INCIDENTAL.items() if rng.random() < chance and age >= start
        ),
        conditions=conditions,
    )
