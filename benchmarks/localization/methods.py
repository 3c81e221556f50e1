"""Which recipes are compared, each with the model without the method it is named after."""

from pathlib import Path

from benchmarks.classification.learning_curve import thinned
from benchmarks.localization.cohort import AblationCohort
from cxr.training.classifier.recipe import load_recipe
from cxr.training.classifier.train import train

__all__ = ["AGAINST", "BASE", "LONG", "METHODS", "NOTES", "SEEDS", "train_longer", "train_method"]

SEEDS = (0, 1, 2)
LONG = 20
"""Epochs after which further ones no longer help; the recipes' own 8 are enough to compare methods."""

BASE = "ablation"
"""The ChestX-ray8 head with LSE pooling, over a backbone that is kept as it came."""

AGAINST = {
    BASE: "average_pooling",
    "map_pooling": BASE,
    "report_localization": "map_pooling",
    "multi_scale": BASE,
    "attention_mining": "map_pooling",
    "knowledge_preservation": "attention_mining",
    "mining_and_scales": BASE,
    "curriculum": BASE,
    "attention_guidance": BASE,
    "hierarchy": "flat_ontology",
}
"""Method -> the same model without it."""

NOTES = {
    "attention_mining": "against the same pooling without it: over a kept backbone the second step has no new filters "
    "to find evidence with, and hiding more only spreads the maps",
    "curriculum": "severity does rank difficulty (phantom-severity), but the order hardly matters to what is learned "
    "over a kept backbone; by epochs see phantom-steps",
    "mining_and_scales": "most of it comes from pooling class maps, which mining needs, and from the finer stage",
}
"""What a reader of a gain should know, beside its figures."""

METHODS = tuple(dict.fromkeys([*AGAINST.values(), *AGAINST]))
"""Every recipe that takes part, those compared with first."""


def train_method(name: str, seed: int, cohort: AblationCohort) -> Path:
    """The folder of a finished run, which is trained where it is not there yet."""
    recipe = load_recipe(name).model_copy(update={"seed": seed})
    run = cohort.run(name, seed)
    train(recipe, cohort.dataset, run, init_weights=None, workers=0, cache=cohort.cache)
    return run


def train_longer(name: str, seed: int, cohort: AblationCohort, share: float = 1.0) -> Path:
    """The folder of a finished run on a share of the training patients, as many steps as LONG epochs on all of them.

    In as many epochs fewer patients would mean fewer steps, and what learns slowly would look as if it had learned
    little.
    """
    recipe = load_recipe(name)
    epochs = round(LONG / share)
    optimization = recipe.optimization.model_copy(update={"epochs": epochs})
    recipe = recipe.model_copy(update={"seed": seed, "optimization": optimization})
    part = "" if share == 1 else f"-{share:.0%}"
    run = cohort.folder / f"{name}-{epochs}-epochs{part}-{seed}"
    cache = cohort.cache if share == 1 else cohort.cache / f"{share:.0%}"
    train(recipe, thinned(cohort.dataset, share), run, init_weights=None, workers=0, cache=cache)
    return run
