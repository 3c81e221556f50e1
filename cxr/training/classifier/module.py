"""The Lightning module: one step, one validation pass, one schedule, for any classifier."""

import copy
import math
from typing import Any

import numpy as np
import torch
from lightning import LightningModule
from torch import Tensor
from torch.optim import AdamW

from cxr.evaluation.ranking import roc_auc
from cxr.models.attention_mining import AttentionMiningNetwork
from cxr.models.classifier import ImageClassifier, ModelOutput
from cxr.training.classifier.attention_guidance import guidance_loss
from cxr.training.classifier.attention_mining import mining_loss, preservation_loss
from cxr.training.classifier.ontology import conditional_targets, parents
from cxr.training.classifier.recipe import Recipe
from cxr.training.classifier.report_localization import report_localization_loss
from cxr.training.shared.batches import UINT8_MAX, share
from cxr.training.shared.losses import multilabel_loss, resolve_uncertain
from cxr.training.shared.optimization import warmup_cosine


class Teacher:
    """A frozen copy of the network that later training is compared with, or guided by.

    It holds a copy that is not a part of the module being trained: no gradient, no averaging, no decay reaches it.
    """

    def __init__(self) -> None:
        self.model: ImageClassifier | None = None

    def copy(self, model: ImageClassifier) -> None:
        """Freeze the model as it now is."""
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> ModelOutput | None:
        """What the frozen copy says of (N, 1, H, W) images in [0, 1]; None before there is one."""
        return None if self.model is None else self.model(images)

    def state(self) -> dict[str, Any]:
        """Weights for a resume file; empty before there is a copy."""
        return {} if self.model is None else self.model.state_dict()

    def restore(self, state: dict[str, Any], like: ImageClassifier) -> None:
        """The copy that ``state`` came from, in the shape of ``like``."""
        if state:
            copied = copy.deepcopy(like)
            copied.load_state_dict(state)
            self.copy(copied)


class ClassifierModule(LightningModule):
    """Trains a classifier by a recipe.

    Args:
        model: images in [0, 1] -> ModelOutput.
        recipe: loss, methods and optimisation settings.
        label_space: names of the C labels, in the order of the model's logits.
    """

    def __init__(self, model: ImageClassifier, recipe: Recipe, label_space: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.recipe = recipe
        self.label_space = label_space
        self.parents = parents(label_space)
        self.teacher = Teacher()
        self.validated: list[tuple[Tensor, Tensor]] = []

    def training_step(self, batch: tuple[Tensor, Tensor, Tensor], batch_index: int) -> Tensor:  # noqa: ARG002  Lightning's signature
        """One batch forward: the classification loss and those of the recipe's methods."""
        images, labels, quadrants = batch[0].float() / UINT8_MAX, batch[1], batch[2]
        targets = resolve_uncertain(labels, self.recipe.loss.uncertain)
        parts = self.losses(images, targets, quadrants)
        loss = torch.stack(list(parts.values())).sum()
        for name, value in parts.items():
            self.log(f"train_{name}", value.detach(), on_step=True, on_epoch=False, batch_size=len(labels))
        self.log("train_loss", loss, prog_bar=True, on_step=True, on_epoch=True, batch_size=len(labels))
        return loss

    def losses(self, images: Tensor, targets: Tensor, quadrants: Tensor) -> dict[str, Tensor]:
        """Weighted scalar losses by name.

        Args:
            images: (N, 1, H, W) in [0, 1].
            targets: (N, C) in [0, 1], NaN for unknown.
            quadrants: (N, C) in which the reports put the findings.
        """
        recipe = self.recipe
        output: ModelOutput = self.model(images)
        first = output.step_logits[:, 0]
        if recipe.hierarchy and self.current_epoch < recipe.hierarchy.conditional_epochs:
            conditional = conditional_targets(targets, self.parents)
            return {"conditional": multilabel_loss(output.conditional_logits, conditional, recipe.loss)}
        found = {"classification": multilabel_loss(first, targets, recipe.loss)}
        if recipe.mining and self.current_epoch >= recipe.mining.from_epoch:
            found["mining"] = recipe.mining.weight * mining_loss(output.step_logits, targets, recipe.loss)
        if recipe.report_localization:
            placed = report_localization_loss(output.class_maps, quadrants, recipe.report_localization.sharpness)
            found["report_localization"] = recipe.report_localization.weight * placed
        taught = self.teacher(images)
        if taught and recipe.preservation:
            original = taught.step_logits[:, 0]
            found["preservation"] = recipe.preservation.weight * preservation_loss(first, original, targets)
        if taught and recipe.guidance:
            guided = guidance_loss(output.class_maps, taught, targets, recipe.guidance.confidence)
            found["guidance"] = recipe.guidance.weight * guided
        return found

    def on_train_epoch_start(self) -> None:
        """Start what the recipe starts in this epoch."""
        recipe, epoch = self.recipe, self.current_epoch
        network = self.model.unified
        if recipe.mining and isinstance(network, AttentionMiningNetwork) and epoch == recipe.mining.from_epoch:
            network.start_mining()
            if recipe.preservation:
                self.teacher.copy(self.model)
        if recipe.guidance and epoch >= recipe.guidance.from_epoch:
            self.teacher.copy(self.model)

    def on_train_batch_start(self, batch: object, batch_index: int) -> None:  # noqa: ARG002  Lightning's signature
        """Let dropout depend on seed and step alone, so that a resumed run repeats an unbroken one.

        Per step rather than per epoch: a resumed epoch draws from the generator before its first batch.
        """
        rank, processes = share()
        torch.manual_seed(self.recipe.seed * 1_000_003 + self.global_step * processes + rank)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """The frozen copy is kept in the resume file."""
        checkpoint["teacher"] = self.teacher.state()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Take the frozen copy up again."""
        self.teacher.restore(checkpoint["teacher"], self.model)

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> None:  # noqa: ARG002  Lightning's signature
        """Loss, and what the AUC needs."""
        logits = self.model(batch[0].float() / UINT8_MAX).logits
        targets = resolve_uncertain(batch[1], self.recipe.loss.uncertain)
        self.log(
            "val_loss", multilabel_loss(logits, targets, self.recipe.loss), prog_bar=True, batch_size=len(batch[0])
        )
        self.validated.append((resolve_uncertain(batch[1], "ignore").cpu(), logits.float().cpu()))

    def on_validation_epoch_end(self) -> None:
        """Mean AUC over the labels that have both positives and negatives."""
        labels, logits = (torch.cat(parts).numpy() for parts in zip(*self.validated, strict=True))
        self.validated.clear()
        known = ~np.isnan(labels)
        aucs = [roc_auc(labels[known[:, c], c], logits[known[:, c], c]) for c in range(labels.shape[1])]
        defined = [auc for auc in aucs if not math.isnan(auc)]
        self.log("val_auc", float(np.mean(defined)) if defined else 0.5, prog_bar=True)

    def configure_optimizers(self) -> Any:
        """AdamW; the pretrained backbone may learn more slowly than the new layers; no decay on norms and biases."""
        settings = self.recipe.optimization
        groups: dict[tuple[bool, bool], list[Tensor]] = {}
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                groups.setdefault(("backbone." in name, parameter.ndim > 1), []).append(parameter)
        optimizer = AdamW(
            [
                {
                    "params": parameters,
                    "lr": settings.learning_rate * (settings.backbone_rate_factor if in_backbone else 1.0),
                    "weight_decay": settings.weight_decay if decayed else 0.0,
                }
                for (in_backbone, decayed), parameters in groups.items()
            ]
        )
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = warmup_cosine(optimizer, steps, settings.warmup_fraction)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
