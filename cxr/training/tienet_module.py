"""The Lightning module of TieNet: joint loss on labels and words, over cached trunk features."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from lightning import LightningModule, seed_everything
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import AdamW
from torch.utils.data import Dataset

from cxr.models.tienet import TieNet
from cxr.training.losses import multilabel_loss, resolve_uncertain
from cxr.training.report_plan import asserted
from cxr.training.report_recipe import WARMUP, ReportRecipe
from cxr.training.said_places import NOTHING, SaidPlaces, grounding_loss
from cxr.training.schedule import warmup_cosine

__all__ = ["ReportRows", "TieNetModule"]


class ReportRows(Dataset[tuple[Tensor, ...]]):
    """Features, words, labels and what is said where, addressed by (epoch, row) as LengthSampler gives them.

    Args:
        views: (N, channels, S, S) features of the same images, each time changed in another way; epochs take turns.
        words: (N, T).
        labels: (N, C).
        said: of the same (N, T) words.
    """

    def __init__(
        self,
        views: Sequence[NDArray[np.float16]],
        words: NDArray[np.int64],
        labels: NDArray[np.float32],
        said: SaidPlaces,
    ) -> None:
        self.views, self.words, self.labels, self.said = views, words, labels, said

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, ...]:
        """(channels, S, S) float32, (T,) int64, (C,) float32, and twice (T,) int64: the words' labels and places."""
        epoch, row = key
        features = torch.from_numpy(np.asarray(self.views[epoch % len(self.views)][row], dtype=np.float32))
        tables = (self.words, self.labels, self.said.labels, self.said.quadrants)
        return features, *(torch.from_numpy(table[row]) for table in tables)


class TieNetModule(LightningModule):
    """Trains transition, decoder, joint embedding and the heads of I, I+R and, on the blind share, R.

    The head of I+GR is fitted afterwards, see :mod:`cxr.training.tienet_heads`.

    Args:
        model: to be trained.
        recipe: loss and optimisation settings.
    """

    def __init__(self, model: TieNet, recipe: ReportRecipe) -> None:
        super().__init__()
        self.model = model
        self.recipe = recipe

    def training_step(self, batch: tuple[Tensor, ...], batch_index: int) -> Tensor:  # noqa: ARG002  Lightning's signature
        """Joint loss alpha * L_C + (1 - alpha) * (L_R + grounding * L_G) of one batch."""
        features, words, labels, said, places = batch
        longest = int((words != self.model.padding).sum(dim=1).max())
        words = words[:, :longest]
        settings = self.recipe.loss
        known = resolve_uncertain(labels, settings.labels.uncertain)
        cells = self.model.cells(features)
        planned = torch.rand(len(cells), 1, device=cells.device) < settings.planned
        # Without a share of reports read blind, the joint head would never need their words.
        blind = torch.rand(len(cells), 1, device=cells.device) < settings.blind
        embedding = self.model.embed(
            cells.masked_fill(blind[:, :, None], 0.0), words[:, :-1], asserted(labels).masked_fill(~planned, 0.0)
        )
        classification = (
            multilabel_loss(self.model.classify_image(cells), known, settings.labels)
            + multilabel_loss(
                self.model.classify_image_and_report(embedding), known.masked_fill(planned, torch.nan), settings.labels
            )
            + multilabel_loss(
                self.model.report_head(embedding.text), known.masked_fill(planned | ~blind, torch.nan), settings.labels
            )
        )
        spoken = cross_entropy(embedding.decoder.logits.transpose(1, 2), words[:, 1:], ignore_index=self.model.padding)
        read = slice(0, longest - 1)
        looked = grounding_loss(
            embedding.decoder.attention,
            self.model.trunk_maps(cells).detach(),
            said[:, read].masked_fill(blind, NOTHING),
            places[:, read],
        )
        losses = {"label_loss": classification, "word_loss": spoken, "look_loss": looked}
        self.log_dict(losses, prog_bar=True, batch_size=len(words))
        return settings.alpha * classification + (1 - settings.alpha) * (spoken + settings.grounding * looked)

    def on_train_epoch_start(self) -> None:
        """Random numbers (dropout) depend on seed and epoch alone, so a resumed run repeats an unbroken one."""
        seed_everything(self.recipe.seed * 100_003 + self.current_epoch, verbose=False)

    def configure_optimizers(self) -> Any:
        """AdamW; no decay on norms and biases."""
        settings = self.recipe.optimization
        decayed = [p for p in self.model.parameters() if p.ndim > 1]
        plain = [p for p in self.model.parameters() if p.ndim <= 1]
        optimizer = AdamW(
            [{"params": decayed, "weight_decay": settings.weight_decay}, {"params": plain, "weight_decay": 0.0}],
            lr=settings.learning_rate,
        )
        steps = int(self.trainer.estimated_stepping_batches)
        schedule = warmup_cosine(optimizer, steps, WARMUP)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}
