"""The recipe of a report generator: one TOML file that fixes everything but the data and the classifier."""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field

from cxr.imaging.augmentation import AugmentationConfig
from cxr.models.tienet_factory import TieNetConfig
from cxr.training.shared.losses import LossConfig
from cxr.training.shared.recipe_files import read_recipe

__all__ = ["WARMUP", "ReportRecipe", "load_report_recipe"]


WARMUP = 0.1
"""Share of a training's steps over which the learning rate rises."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TextConfig(_Strict):
    """Words said fewer than ``min_count`` times are not learned; reports are cut off after ``longest`` words."""

    min_count: int = Field(default=3, gt=0)
    longest: int = Field(default=100, gt=0)


class JointLossConfig(_Strict):
    """L = alpha * classification + (1 - alpha) * (words + word_grounding * grounding); Wang 2018, eq. 8, and grounding.

    Of the reports of a batch ``plan_share`` is given to the decoder with the findings that it asserts, and teaches
    words alone. For ``image_dropout`` of them the image is left out, so that the words must carry the labels, or the
    plan the words. Grounding is the cross-entropy of :func:`cxr.training.report.word_grounding.word_grounding_loss`.
    """

    alpha: float = Field(default=0.85, ge=0, le=1)
    plan_share: float = Field(default=0.5, ge=0, lt=1)
    image_dropout: float = Field(default=0.0, ge=0, lt=1)
    word_grounding: float = Field(default=0.0, ge=0)
    labels: LossConfig = LossConfig()


class ViewsConfig(_Strict):
    """Beside the features of each training image those of ``augmented`` versions of it.

    A frozen classifier is surer of its own training images than of new ones. What is trained on top learns from
    augmented versions how far it may trust the classifier.
    """

    augmented: int = Field(default=0, ge=0, le=8)
    augmentation: AugmentationConfig = AugmentationConfig()


class TextPretrainingConfig(_Strict):
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
    text_pretraining: TextPretrainingConfig = TextPretrainingConfig()
    loss: JointLossConfig = JointLossConfig()
    optimization: ReportOptimization


RENAMED = {
    "rehearsal": "[text_pretraining]",
    "loss.planned": "loss.plan_share",
    "loss.blind": "loss.image_dropout",
    "loss.grounding": "loss.word_grounding",
    "views.changed": "views.augmented",
}
"""Keys of earlier recipes, refused with what they are called now."""


def load_report_recipe(name_or_path: str, changes: Sequence[str] = ()) -> ReportRecipe:
    """Read a report recipe by file path, or by name from those shipped; see :func:`read_recipe`.

    Raises:
        ConfigError: if there is none such, or it does not validate.
    """
    return read_recipe(ReportRecipe, name_or_path, __package__, RENAMED, changes)
