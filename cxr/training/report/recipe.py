"""The recipe of a report generator: one TOML file that fixes everything but the data and the trunk."""

import tomllib
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cxr.imaging.augmentation import AugmentationConfig
from cxr.models.tienet_factory import TieNetConfig
from cxr.training.shared.losses import LossConfig
from nlp_labeler.errors import ConfigError
from nlp_labeler.faults import faults

__all__ = ["WARMUP", "ReportRecipe", "load_report_recipe", "shipped_report_recipes"]


WARMUP = 0.1
"""Share of a training's steps over which the learning rate rises."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextConfig(_Strict):
    """Words said fewer than ``min_count`` times are not learned; reports are cut off after ``longest`` words."""

    min_count: int = Field(default=3, gt=0)
    longest: int = Field(default=100, gt=0)


class JointLossConfig(_Strict):
    """L = alpha * classification + (1 - alpha) * (words + grounding * looks); Wang 2018, eq. 8, without the last.

    Of the reports of a batch the share ``planned`` is given to the decoder with the findings that it asserts, and
    teaches words alone. The share ``blind`` is read without the image, so that the words must carry the labels, or the
    plan the words. Looks are the cross-entropy of :func:`cxr.training.report.word_grounding.grounding_loss`.
    """

    alpha: float = Field(default=0.85, ge=0, le=1)
    planned: float = Field(default=0.5, ge=0, lt=1)
    blind: float = Field(default=0.0, ge=0, lt=1)
    grounding: float = Field(default=0.0, ge=0)
    labels: LossConfig = LossConfig()


class ViewsConfig(_Strict):
    """Beside the features of each training image those of ``changed`` versions of it.

    A frozen trunk is surer of its own training images than of new ones. What is trained on top learns from changed
    versions how far it may trust the trunk.
    """

    changed: int = Field(default=0, ge=0, le=8)
    augmentation: AugmentationConfig = AugmentationConfig()


class RehearsalConfig(_Strict):
    """Epochs in which the decoder learns to write from plans, without images; 0 leaves them out."""

    epochs: int = Field(default=0, ge=0)
    batch_size: int = Field(default=64, gt=1)
    learning_rate: float = Field(default=4e-3, gt=0)


class ReportOptimization(_Strict):
    """AdamW with linear warm-up over a tenth of the steps and cosine decay."""

    epochs: int = Field(gt=0)
    batch_size: int = Field(default=32, gt=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-4, ge=0)
    gradient_clip: float = Field(default=1.0, gt=0)


class ReportRecipe(_Strict):
    """The validated content of a report recipe."""

    name: str
    seed: int = Field(default=0, ge=0)
    model: TieNetConfig = TieNetConfig()
    text: TextConfig = TextConfig()
    views: ViewsConfig = ViewsConfig()
    rehearsal: RehearsalConfig = RehearsalConfig()
    loss: JointLossConfig = JointLossConfig()
    optimization: ReportOptimization


def shipped_report_recipes() -> list[str]:
    """Names of the report recipes inside the package."""
    folder = files("cxr.training.report") / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def load_report_recipe(name_or_path: str) -> ReportRecipe:
    """Read a report recipe by file path, or by name from those shipped.

    Raises:
        ConfigError: if there is none such, or it does not validate.
    """
    path = Path(name_or_path)
    if path.suffix == ".toml" and path.is_file():
        text = path.read_text()
    elif name_or_path in shipped_report_recipes():
        text = (files("cxr.training.report") / "recipes" / f"{name_or_path}.toml").read_text()
    else:
        known = ", ".join(shipped_report_recipes())
        raise ConfigError(f"report recipe '{name_or_path}' not found; give a .toml file or one of {known}")
    try:
        return ReportRecipe.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"report recipe '{name_or_path}' is not TOML: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"report recipe '{name_or_path}': {faults(error)}") from error
