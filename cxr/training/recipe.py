"""A training recipe: one TOML file that fixes everything but the data and the initial weights."""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr.imaging.augmentation import AugmentationConfig
from cxr.models.factory import ModelConfig
from nlp_labeler.errors import ConfigError
from nlp_labeler.findings import CHESTXRAY8, LABELS

LABEL_SETS: dict[str, tuple[str, ...]] = {"chestxray8": CHESTXRAY8, "chestxray14": LABELS}


class LossConfig(BaseModel):
    """Which loss, and what a mined 'uncertain' (-1) counts as."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["bce", "weighted"] = "bce"
    uncertain: Literal["ignore", "negative", "positive"] = "ignore"


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
    """The validated content of a recipe file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    labels: Literal["chestxray8", "chestxray14"] = "chestxray14"
    seed: int = Field(default=0, ge=0)
    image_size: int = Field(default=224, ge=32, le=1024)
    initial_weights: Literal["random", "shipped"] = "random"
    model: ModelConfig
    loss: LossConfig = LossConfig()
    augmentation: AugmentationConfig = AugmentationConfig()
    optimization: OptimizationConfig


def shipped_recipes() -> list[str]:
    """Names of the recipes inside the package."""
    folder = files("cxr.training") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_recipe(name_or_path: str) -> Recipe:
    """Read a recipe by file path, or by name from those shipped.

    Raises:
        ConfigError: if there is no such recipe, or it does not validate; all faults are named at once.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise ConfigError(f"recipe {path}: no such file")
        text = path.read_text()
    elif name_or_path in shipped_recipes():
        text = (files("cxr.training") / "recipes" / f"{name_or_path}.toml").read_text()
    else:
        raise ConfigError(f"recipe '{name_or_path}': give a .toml file or one of {', '.join(shipped_recipes())}")
    try:
        return Recipe.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"recipe '{name_or_path}' is not TOML: {error}") from error
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg']} (found {e['input']!r:.60})" for e in error.errors()
        )
        raise ConfigError(f"recipe '{name_or_path}': {faults}") from error
