"""A training recipe: one TOML file that fixes everything but the data and the initial weights."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from cxr.imaging.augmentation import AugmentationConfig
from cxr.models.factory import ModelConfig
from cxr.training.classifier.anatomical_features import AnatomicalFeaturesConfig
from cxr.training.classifier.attention_guidance import GuidanceConfig
from cxr.training.classifier.attention_mining import MiningTraining, PreservationConfig
from cxr.training.classifier.curriculum import CurriculumConfig
from cxr.training.classifier.ontology import HierarchyTraining
from cxr.training.classifier.report_localization import ReportLocalizationConfig
from cxr.training.shared.losses import LossConfig
from cxr.training.shared.recipe_files import read_recipe
from nlp_labeler.findings import CHESTXRAY8, LABELS, PARENT

LabelSet = Literal["chestxray8", "chestxray14", "ontology", "dataset"]
LABEL_SETS: dict[str, tuple[str, ...]] = {
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


class EarlyStoppingConfig(BaseModel):
    """Stop training where images of held-out training patients no longer get better.

    Validation patients are not looked at, so that calibration and certificates keep their meaning.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    patience: int = Field(default=3, gt=0)
    share: float = Field(default=0.1, gt=0, lt=0.5)


class Recipe(BaseModel):
    """The validated content of a recipe file.

    ``labels``: ``dataset`` stands for all labels of the dataset, of a label space of the user's own among others.
    ``frozen`` names parts of the backbone that keep their initial weights; the statistics of their batch norms follow
    the training images. The last seven tables are methods, each of
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
    early_stopping: EarlyStoppingConfig | None = None
    curriculum: CurriculumConfig | None = None
    mining: MiningTraining | None = None
    preservation: PreservationConfig | None = None
    guidance: GuidanceConfig | None = None
    hierarchy: HierarchyTraining | None = None
    anatomical_features: AnatomicalFeaturesConfig | None = None
    report_localization: ReportLocalizationConfig | None = None

    @model_validator(mode="after")
    def _methods_fit_the_model(self) -> Self:
        """Each method needs its part of the model, and the other way round."""
        steps = self.model.mining.steps if self.model.mining else 1
        excluded = self.anatomical_features.excluded_labels if self.anatomical_features else ()
        unknown_labels = set(excluded) - set(LABEL_SETS.get(self.labels, excluded))  # a dataset's own are not known yet
        conflicts = [
            (steps > 1) != (self.mining is not None) and "[mining] goes with [model.mining] of two steps or more",
            self.model.guided != (self.guidance is not None) and "[guidance] goes with model.guided = true",
            self.model.hierarchical != (self.hierarchy is not None) and "[hierarchy] goes with model.hierarchical",
            self.model.hierarchical and steps > 1 and "mining steps and an ontology cannot be combined",
            self.model.anatomical_features != (self.anatomical_features is not None)
            and "[anatomical_features] goes with model.anatomical_features = true",
            self.model.anatomical_features
            and (self.model.guided or self.model.hierarchical)
            and "anatomical features cannot be combined with guidance or an ontology",
            self.report_localization is not None
            and self.model.mining is None
            and "[report_localization] needs scores that are pooled class maps: add [model.mining], steps = 1",
            self.report_localization is not None
            and self.augmentation.mirror_probability > 0
            and "[report_localization] cannot be combined with augmentation.mirror_probability, as sides would swap",
            unknown_labels
            and f"anatomical_features.excluded_labels: no labels are {', '.join(sorted(unknown_labels))}",
            self.preservation is not None and self.mining is None and "[preservation] needs [mining]",
            self.preservation is not None
            and self.guidance is not None
            and "[preservation] and [guidance] each need a frozen copy of their own; use one of them",
        ]
        if found := [conflict for conflict in conflicts if conflict]:
            raise ValueError("; ".join(found))
        return self


RENAMED = {
    "places": "[report_localization]",
    "prior": "[anatomical_features]",
    "anatomical_features.passes_over": "anatomical_features.excluded_labels",
    "model.anatomical_prior": "model.anatomical_features",
}
"""Keys of earlier recipes, refused with what they are called now."""


def load_recipe(name_or_path: str, changes: Sequence[str] = ()) -> Recipe:
    """Read a recipe by file path, or by name from those shipped; see :func:`read_recipe`.

    Raises:
        ConfigError: if there is no such recipe, or it does not validate.
    """
    return read_recipe(Recipe, name_or_path, __package__, RENAMED, changes)
