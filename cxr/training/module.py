"""The Lightning module: one step, one validation pass, one schedule, for any classifier."""

import math
from typing import Any

import numpy as np
import torch
from lightning import LightningModule, seed_everything
from torch import Tensor
from torch.optim import AdamW
from torch.optim.lr_scheduler import LambdaLR

from cxr.evaluation.ranking import roc_auc
from cxr.models.classifier import ChestXray8Network
from cxr.training.losses import multilabel_loss, resolve_uncertain
from cxr.training.recipe import Recipe

UINT8_MAX = 255.0


def warmup_cosine(step: int, steps: int, warmup: int) -> float:
    """Learning-rate factor in [0, 1]: linear rise over ``warmup`` steps, then half a cosine down to 0."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))


class ClassifierModule(LightningModule):
    """Trains a classifier by a recipe.

    Args:
        model: images in [0, 1] -> ModelOutput.
        recipe: loss and optimisation settings.
        label_space: names of the C labels, in the order of the model's logits.
    """

    def __init__(self, model: ChestXray8Network, recipe: Recipe, label_space: tuple[str, ...]) -> None:
        super().__init__()
        self.model = model
        self.recipe = recipe
        self.label_space = label_space
        self.validated: list[tuple[Tensor, Tensor]] = []

    def loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Scalar loss and (N, C) logits of a uint8 batch (N, 1, H, W) with labels (N, C)."""
        output = self.model(images.float() / UINT8_MAX)
        known = resolve_uncertain(labels, self.recipe.loss.uncertain)
        return multilabel_loss(output.logits, known, self.recipe.loss.kind == "weighted"), output.logits

    def training_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> Tensor:  # noqa: ARG002  Lightning's signature
        """One batch forward."""
        loss, _ = self.loss(*batch)
        self.log("train_loss", loss, prog_bar=True, on_step=True, on_epoch=True, batch_size=len(batch[0]))
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], batch_index: int) -> None:  # noqa: ARG002  Lightning's signature
        """Loss, and what the AUC needs."""
        loss, logits = self.loss(*batch)
        self.log("val_loss", loss, prog_bar=True, batch_size=len(batch[0]))
        self.validated.append((resolve_uncertain(batch[1], "ignore").cpu(), logits.float().cpu()))

    def on_validation_epoch_end(self) -> None:
        """Mean AUC over the labels that have both positives and negatives."""
        labels, logits = (torch.cat(parts).numpy() for parts in zip(*self.validated, strict=True))
        self.validated.clear()
        known = ~np.isnan(labels)
        aucs = [roc_auc(labels[known[:, c], c], logits[known[:, c], c]) for c in range(labels.shape[1])]
        defined = [auc for auc in aucs if not math.isnan(auc)]
        self.log("val_auc", float(np.mean(defined)) if defined else 0.5, prog_bar=True)

    def on_train_epoch_start(self) -> None:
        """Random numbers (dropout) depend on seed and epoch alone, so a resumed run repeats an unbroken one."""
        seed_everything(self.recipe.seed * 100_003 + self.current_epoch, verbose=False)

    def configure_optimizers(self) -> Any:
        """AdamW; the pretrained backbone may learn more slowly than the new layers; no decay on norms and biases."""
        settings = self.recipe.optimization
        groups: dict[tuple[bool, bool], list[Tensor]] = {}
        for name, parameter in self.model.named_parameters():
            groups.setdefault((name.startswith("backbone."), parameter.ndim > 1), []).append(parameter)
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
        warmup = round(settings.warmup_fraction * steps)
        schedule = LambdaLR(optimizer, lambda step: warmup_cosine(step, steps, warmup))
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
