"""A distillation recipe: one TOML file that fixes the teachers and the student."""

import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr.models.factory import ModelConfig
from cxr.training.distillation.films import RandomViews
from nlp_labeler.errors import ConfigError
from nlp_labeler.faults import faults

__all__ = ["DistillationRecipe", "NetworkRecipe", "SoftTargetConfig", "load_distillation_recipe"]


class NetworkRecipe(BaseModel):
    """How one network is trained: AdamW, linear warm-up, cosine decay, and the averaged weights are kept.

    Attributes:
        model: its shape.
        image_size: side of its input in pixels; films smaller than that are enlarged.
        initial_weights: name of the backbone's file in the folder of initial weights; None for random weights.
        frozen: parts of the backbone that keep their initial weights.
        views: how the films are changed at random.
        epochs: how often each film is shown.
        batch_size: films per step.
        learning_rate: the highest.
        weight_decay: on everything but norms and biases.
        warmup_fraction: share of the steps over which the rate rises.
        ema_decay: share of the averaged weights that each step keeps.
        gradient_clip: largest norm of all gradients.
        attribute_weight: weight of the losses for age, sex and view.
        map_weight: weight of the difference from the teachers' class maps; for a student only.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelConfig
    image_size: int = Field(default=256, ge=32, le=1024)
    initial_weights: str | None = None
    frozen: tuple[str, ...] = ()
    views: RandomViews = RandomViews()
    epochs: int = Field(gt=0)
    batch_size: int = Field(default=32, gt=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=5e-2, ge=0)
    warmup_fraction: float = Field(default=0.1, ge=0, lt=1)
    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    gradient_clip: float = Field(default=1.0, gt=0)
    attribute_weight: float = Field(default=0.0, ge=0)
    map_weight: float = Field(default=0.0, ge=0)


class SoftTargetConfig(BaseModel):
    """How teachers' opinions and labels become what the student learns.

    Attributes:
        folds: groups of patients; a teacher speaks of those that it was not trained on.
        share: of the soft target in the sum with the label, in [0, 1].
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    folds: int = Field(default=4, ge=2, le=20)
    share: float = Field(default=0.7, ge=0, le=1)


class DistillationRecipe(BaseModel):
    """The validated content of a recipe file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    seed: int = Field(default=0, ge=0)
    film_size: int = Field(default=256, ge=32, le=1024)
    soft_targets: SoftTargetConfig = SoftTargetConfig()
    teachers: tuple[NetworkRecipe, ...] = Field(min_length=1)
    student: NetworkRecipe


def load_distillation_recipe(name_or_path: str) -> DistillationRecipe:
    """Read a recipe by file path, or by name from those shipped.

    Raises:
        ConfigError: if there is no such recipe, or it does not validate.
    """
    path = Path(name_or_path)
    shipped = files("cxr.training.distillation") / "recipes" / f"{name_or_path}.toml"
    if path.suffix == ".toml" and path.is_file():
        text = path.read_text(encoding="utf-8")
    elif path.suffix != ".toml" and shipped.is_file():
        text = shipped.read_text(encoding="utf-8")
    else:
        known = sorted(entry.name.removesuffix(".toml") for entry in (shipped / "..").iterdir())
        raise ConfigError(f"distillation recipe '{name_or_path}': give a .toml file or one of {', '.join(known)}")
    try:
        return DistillationRecipe.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"distillation recipe '{name_or_path}' is not TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"distillation recipe '{name_or_path}': {faults(error)}") from error
