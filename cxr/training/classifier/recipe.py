"""A training recipe: one TOML file that fixes everything but the data and the initial weights."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cxr.imaging.augmentation import AugmentationConfig
from cxr.models.factory import ModelConfig
from cxr.training.classifier.anatomical_features import PriorConfig
from cxr.training.classifier.attention_guidance import GuidanceConfig
from cxr.training.classifier.attention_mining import MiningTraining, PreservationConfig
from cxr.training.classifier.curriculum import CurriculumConfig
from cxr.training.classifier.ontology import HierarchyTraining
from cxr.training.classifier.report_localization import PlacesConfig
from cxr.training.shared.losses import LossConfig
from nlp_labeler.errors import ConfigError
from nlp_labeler.faults import faults
from nlp_labeler.findings import CHESTXRAY8, LABELS, PARENT

LabelSet = Literal["chestxray8", "chestxray14", "ontology"]
LABEL_SETS: dict[LabelSet, tuple[str, ...]] = {
    "chestxray8": CHESTXRAY8,
    "chestxray14": LABELS,
    "ontology": (*LABELS, *(node for node in PARENT if node not in LABELS)),
}


class OptimizationConfig(BaseModel):
    """AdamW with linear warm-up and cosine decay; the averaged weights are the ones kept."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    epochs: int = Field(gt=0)
    batch_size: int = Field(default=32, gt=0)
    accumulate_batches: int = Field(default=1, gt=0)
    learning_rate: float = Field(default=1e-3, gt=0)
    backbone_rate_factor: float = Field(default=1.0, gt=0, le=1)
    weight_decay: float = Field(default=1e-2, ge=0)
    warmup_fraction: float = Field(default=0.1, ge=0, lt=1)
    ema_decay: float = Field(default=0.0, ge=0, lt=1)
    gradient_clip: float = Field(default=1.0, ge=0)
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"


class Recipe(BaseModel):
    """The validated content of a recipe file.

    ``frozen`` names parts of the backbone that keep their initial weights. The last seven tables are methods, each of
    which can be switched on alone.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    labels: LabelSet = "chestxray14"
    seed: int = Field(default=0, ge=0)
    image_size: int = Field(default=224, ge=32, le=1024)
    initial_weights: Literal["random", "shipped"] = "random"
    frozen: tuple[str, ...] = ()
    model: ModelConfig
    loss: LossConfig = LossConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    optimization: OptimizationConfig
    curriculum: CurriculumConfig | None = None
    mining: MiningTraining | None = None
    preservation: PreservationConfig | None = None
    guidance: GuidanceConfig | None = None
    hierarchy: HierarchyTraining | None = None
    prior: PriorConfig | None = None
    places: PlacesConfig | None = None

    @model_validator(mode="after")
    def _methods_fit_the_model(self) -> Self:
        """Each method needs its part of the model, and the other way round."""
        steps = self.model.mining.steps if self.model.mining else 1
        strangers = set(self.prior.passes_over) - set(LABEL_SETS[self.labels]) if self.prior else set()
        misfits = [
            (steps > 1) != (self.mining is not None) and "[mining] goes with [model.mining] of two steps or more",
            self.model.guided != (self.guidance is not None) and "[guidance] goes with model.guided = true",
            self.model.hierarchical != (self.hierarchy is not None) and "[hierarchy] goes with model.hierarchical",
            self.model.hierarchical and steps > 1 and "mining steps and an ontology cannot be combined",
            self.model.anatomical_prior != (self.prior is not None)
            and "[prior] goes with model.anatomical_prior = true",
            self.model.anatomical_prior
            and (self.model.guided or self.model.hierarchical)
            and "the anatomical prior cannot be combined with guidance or an ontology",
            self.places is not None
            and self.model.mining is None
            and "[places] needs scores that are pooled class maps: add [model.mining] (steps = 1 hides nothing)",
            self.places is not None
            and self.augmentation.mirror_probability > 0
            and "[places] cannot be combined with augmentation.mirror_probability, which swaps right and left",
            strangers
            and f"prior.passes_over names {', '.join(sorted(strangers))}, which are no labels of {self.labels}",
            self.preservation is not None and self.mining is None and "[preservation] needs [mining]",
            self.preservation is not None
            and self.guidance is not None
            and "[preservation] and [guidance] each need a frozen copy of their own; use one of them",
        ]
        if found := [misfit for misfit in misfits if misfit]:
            raise ValueError("; ".join(found))
        return self


def shipped_recipes() -> list[str]:
    """Names of the recipes inside the package."""
    folder = files("cxr.training.classifier") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_recipe(name_or_path: str) -> Recipe:
    """Read a recipe by file path, or by name from those shipped.

    A recipe may name another as its ``base``: its own tables are laid over the base's, key by key.

    Raises:
        ConfigError: if there is no such recipe, or it does not validate.
    """
    try:
        return Recipe.model_validate(_read(name_or_path, ()))
    except ValidationError as error:
        raise ConfigError(f"recipe '{name_or_path}': {faults(error)}") from error


def _read(name_or_path: str, above: tuple[str, ...]) -> dict[str, Any]:
    """A recipe's content, laid over that of its base."""
    if name_or_path in above:
        raise ConfigError(f"recipe '{name_or_path}' is its own base, by way of {', '.join(above)}")
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise ConfigError(f"recipe {path}: no such file")
        text = path.read_text()
    elif name_or_path in shipped_recipes():
        text = (files("cxr.training.classifier") / "recipes" / f"{name_or_path}.toml").read_text()
    else:
        raise ConfigError(f"recipe '{name_or_path}': give a .toml file or one of {', '.join(shipped_recipes())}")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"recipe '{name_or_path}' is not TOML: {error}") from error
    base = content.pop("base", None)
    return content if base is None else _laid_over(content, _read(str(base), (*above, name_or_path)))


def _laid_over(content: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in content.items():
        below = base.get(key)
        merged[key] = _laid_over(value, below) if isinstance(value, dict) and isinstance(below, dict) else value
    return merged
