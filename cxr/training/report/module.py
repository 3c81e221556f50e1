"""The Lightning module of TieNet: joint loss on labels and words, over cached classifier features."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from lightning import LightningModule, seed_everything
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.optim import AdamW
from torch.utils.data import Dataset, Sampler

from cxr.models.tienet import TieNet
from cxr.training.report.recipe import WARMUP, ReportRecipe
from cxr.training.report.text_pretraining import content_plan_of
from cxr.training.report.word_grounding import NOTHING, WordGrounding, word_grounding_loss
from cxr.training.shared.losses import multilabel_loss, resolve_uncertain
from cxr.training.shared.optimization import warmup_cosine

__all__ = ["LengthSampler", "ReportRows", "TieNetModule"]


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
        said: WordGrounding,
    ) -> None:
        self.views, self.words, self.labels, self.said = views, words, labels, said

    def __getitem__(self, key: tuple[int, int]) -> tuple[Tensor, ...]:
        """(channels, S, S) float32, (T,) int64, (C,) float32, and twice (T,) int64: the words' labels and quadrants."""
        epoch, row = key
        features = torch.from_numpy(np.asarray(self.views[epoch % len(self.views)][row], dtype=np.float32))
        tables = (self.words, self.labels, self.said.labels, self.said.quadrants)
        return features, *(torch.from_numpy(table[row]) for table in tables)


_WINDOW = 8  # batches that are sorted together: enough to save padding, few enough to keep batches mixed


class LengthSampler(Sampler[tuple[int, int]]):
    """Yields (epoch, row), each row once, in an order that depends on seed and epoch alone.

    Args:
        lengths: words of each row.
        batch_size: consecutive rows that will form a batch.
        seed: of the order.
    """

    def __init__(self, lengths: NDArray[np.integer], batch_size: int, seed: int) -> None:
        self.lengths = lengths
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Called by Lightning at the start of each epoch, also after a resume."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.lengths)

    def __iter__(self) -> Iterator[tuple[int, int]]:
        rng = np.random.default_rng([self.seed, self.epoch])
        order = rng.permutation(len(self.lengths))
        window = _WINDOW * self.batch_size
        batches: list[NDArray[np.integer]] = []
        for first in range(0, len(order), window):
            rows = order[first : first + window]
            rows = rows[np.argsort(self.lengths[rows], kind="stable")]
            batches += np.split(rows, range(self.batch_size, len(rows), self.batch_size))
        whole = [batch for batch in batches if len(batch) == self.batch_size]
        rest = [batch for batch in batches if len(batch) < self.batch_size]
        arranged = [whole[i] for i in rng.permutation(len(whole))] + rest
        return ((self.epoch, int(row)) for batch in arranged for row in batch)


class TieNetModule(LightningModule):
    """Trains transition, decoder, joint embedding and the heads of I, I+R and, on the share without images, R.

    The head of I+GR is fitted afterwards, see :mod:`cxr.training.report.heads`.

    Args:
        model: to be trained.
        recipe: loss and optimisation settings.
    """

    def __init__(self, model: TieNet, recipe: ReportRecipe) -> None:
        super().__init__()
        self.model = model
        self.recipe = recipe

    def training_step(self, batch: tuple[Tensor, ...], batch_index: int) -> Tensor:  # noqa: ARG002  Lightning's signature
        """Joint loss alpha * L_C + (1 - alpha) * (L_R + word_grounding * L_G) of one batch."""
        features, words, labels, said, quadrants = batch
        longest = int((words != self.model.padding).sum(dim=1).max())
        words = words[:, :longest]
        settings = self.recipe.loss
        known = resolve_uncertain(labels, settings.labels.uncertain)
        patch_features = self.model.patch_features(features)
        plan_given = torch.rand(len(patch_features), 1, device=patch_features.device) < settings.plan_share
        # Without a share of reports read without the image, the joint head would never need their words.
        without_image = torch.rand(len(patch_features), 1, device=patch_features.device) < settings.image_dropout
        embedding = self.model.embed(
            patch_features.masked_fill(without_image[:, :, None], 0.0),
            words[:, :-1],
            content_plan_of(labels).masked_fill(~plan_given, 0.0),
        )
        classification = (
            multilabel_loss(self.model.classify_image(patch_features), known, settings.labels)
            + multilabel_loss(
                self.model.classify_image_and_report(embedding),
                known.masked_fill(plan_given, torch.nan),
                settings.labels,
            )
            + multilabel_loss(
                self.model.report_head(embedding.text),
                known.masked_fill(plan_given | ~without_image, torch.nan),
                settings.labels,
            )
        )
        spoken = cross_entropy(embedding.decoder.logits.transpose(1, 2), words[:, 1:], ignore_index=self.model.padding)
        read = slice(0, longest - 1)
        grounding = word_grounding_loss(
            embedding.decoder.attention,
            self.model.classifier_maps(patch_features).detach(),
            said[:, read].masked_fill(without_image, NOTHING),
            quadrants[:, read],
        )
        losses = {"label_loss": classification, "word_loss": spoken, "word_grounding_loss": grounding}
        self.log_dict(losses, prog_bar=True, batch_size=len(words))
        return settings.alpha * classification + (1 - settings.alpha) * (spoken + settings.word_grounding * grounding)

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
