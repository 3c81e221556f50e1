"""A distillation recipe: one TOML file that fixes the teachers and the student."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from cxr.models.factory import BackboneConfig, ModelConfig
from cxr.training.classifier.anatomical_features import AnatomicalFeaturesConfig
from cxr.training.classifier.recipe import LabelSet
from cxr.training.distillation.films import RandomViews
from cxr.training.shared.recipe_files import read_recipe

__all__ = ["DistillationRecipe", "NetworkRecipe", "SoftTargetConfig", "TeacherRecipe", "load_distillation_recipe"]


class NetworkRecipe(BaseModel):
    """How one network is trained: AdamW, linear warm-up, cosine decay, and the averaged weights are kept.

    Attributes:
        model: its shape.
        initial_weights: the backbone's file in the folder of initial weights; None for random weights.
        image_size: side of its input in pixels; films smaller than that are enlarged.
        frozen: parts of the backbone that keep their initial weights.
        views: how the films are changed at random.
        epochs: how often each film is shown.
        batch_size: films per step.
        learning_rate: the highest.
        weight_decay: on everything but norms and biases.
        warmup_fraction: share of the steps over which the rate rises.
        ema_decay: share of the averaged weights that each step keeps.
        gradient_clip: largest norm of all gradients.
        map_weight: weight of the squared difference from the teachers' class maps.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: ModelConfig
    initial_weights: str | None = None
    image_size: int = Field(default=224, ge=32, le=1024)
    frozen: tuple[str, ...] = ()
    views: RandomViews = RandomViews()
    epochs: int = Field(gt=0)
    batch_size: int = Field(default=32, gt=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=5e-2, ge=0)
    warmup_fraction: float = Field(default=0.1, ge=0, lt=1)
    ema_decay: float = Field(default=0.99, ge=0, lt=1)
    gradient_clip: float = Field(default=1.0, gt=0)
    map_weight: float = Field(default=0.0, ge=0)


class TeacherRecipe(BaseModel):
    """In what a teacher differs from the student; what is not named is the student's.

    Attributes:
        backbone: another network.
        initial_weights: its file.
        image_size: side of its input in pixels.
        epochs: how often each film is shown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: BackboneConfig | None = None
    initial_weights: str | None = None
    image_size: int | None = Field(default=None, ge=32, le=1024)
    epochs: int | None = Field(default=None, gt=0)


class SoftTargetConfig(BaseModel):
    """How much the probability given all experts weighs beside the label, in [0, 1].

    Attributes:
        teacher_share: for teachers, who learn before there is a teacher to ask: measures, visits, other scores.
        student_share: for the student, with the teachers among the experts.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    teacher_share: float = Field(default=0.5, ge=0, le=1)
    student_share: float = Field(default=0.8, ge=0, le=1)


class DistillationRecipe(BaseModel):
    """The validated content of a recipe file.

    Attributes:
        film_size: side of the films in memory, in pixels.
        folds: groups of training patients; a teacher speaks of those that it was not trained on.
        anatomical_features: how the regression beside the student is fitted.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    labels: LabelSet = "chestxray14"
    seed: int = Field(default=0, ge=0)
    film_size: int = Field(default=256, ge=32, le=1024)
    folds: int = Field(default=4, ge=2, le=20)
    soft_targets: SoftTargetConfig = SoftTargetConfig()
    teachers: tuple[TeacherRecipe, ...] = Field(min_length=1)
    student: NetworkRecipe
    anatomical_features: AnatomicalFeaturesConfig = AnatomicalFeaturesConfig()

    def teacher_networks(self) -> tuple[NetworkRecipe, ...]:
        """Each teacher with what it takes from the student filled in. Teachers have no maps to learn from."""
        found = []
        for teacher in self.teachers:
            named = {name: value for name, value in teacher if value is not None and name != "backbone"}
            model = self.student.model
            if teacher.backbone is not None:
                model = model.model_copy(update={"backbone": teacher.backbone})
            found.append(self.student.model_copy(update={**named, "model": model, "map_weight": 0.0}))
        return tuple(found)


def load_distillation_recipe(name_or_path: str, changes: Sequence[str] = ()) -> DistillationRecipe:
    """Read a recipe by file path, or by name from those shipped.

    Raises:
        ConfigError: if there is no such recipe, or it does not validate.
    """
    return read_recipe(DistillationRecipe, name_or_path, "cxr.training.distillation", {}, changes)
