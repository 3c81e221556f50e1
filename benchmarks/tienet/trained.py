"""One trained generator per seed, and what each says of the held-out images."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.provenance import ROOT, run_folder
from benchmarks.tienet.cohort import Cohort
from cxr.datasets.cache import ImageCache
from cxr.export.report_generator import BEAM_WIDTH
from cxr.models.checkpoint import load_checkpoint
from cxr.models.report_checkpoint import ReportModel, load_report_model
from cxr.reporting.beam_search import DecodedReport
from cxr.reporting.vocabulary import Vocabulary
from cxr.training.report.decode import decode_report
from cxr.training.report.heads import feature_batches
from cxr.training.report.recipe import ReportRecipe
from cxr.training.report.train import train_report
from cxr.training.shared.batches import UINT8_MAX
from cxr.training.shared.frozen_features import cached_features

__all__ = ["Generator", "Said", "trained_generators", "without_words"]


@dataclass(frozen=True)
class Said:
    """The generated report of each of N held-out images.

    Attributes:
        texts: rendered.
        words: numbers of its words.
        attention: per report (T, S * S), where the decoder looked once it had said each word.
    """

    texts: list[str]
    words: list[tuple[int, ...]]
    attention: list[NDArray[np.float32]]


@dataclass(frozen=True)
class Generator:
    """A trained generator and the held-out features that it reads.

    Attributes:
        run: its run folder.
        model: classifier and TieNet.
        features: (N, channels, S, S) of the held-out images.
        train_features: (M, channels, S, S) of the training images that have a report.
    """

    run: Path
    model: ReportModel
    features: NDArray[np.float16]
    train_features: NDArray[np.float16]

    @property
    def vocabulary(self) -> Vocabulary:
        """Its words."""
        return Vocabulary(self.model.card.words)

    def words_of(self, image: NDArray[np.uint8]) -> tuple[int, ...]:
        """What torch says of one (size, size) network input."""
        with torch.inference_mode():
            features = self.model.classifier.features(torch.from_numpy(image)[None, None].float() / UINT8_MAX)
        return self._decode(features).words

    def speak(self) -> Said:
        """The report of each held-out image, searched as the clinic searches it."""
        said = [self._decode(features) for _, batch in feature_batches(self.features) for features in batch.split(1)]
        return Said(
            [self.vocabulary.render(one.words)[0] for one in said],
            [one.words for one in said],
            [one.attention for one in said],
        )

    def _decode(self, features: Tensor) -> DecodedReport:
        card = self.model.card
        return decode_report(self.model.tienet, self.vocabulary, features, width=BEAM_WIDTH, longest=card.longest)


def without_words(recipe: ReportRecipe) -> ReportRecipe:
    """The same model with its labels as the only teacher."""
    loss = recipe.loss.model_copy(update={"alpha": 1.0, "plan_share": 0.0, "image_dropout": 0.0})
    text_pretraining = recipe.text_pretraining.model_copy(update={"epochs": 0})
    return recipe.model_copy(update={"loss": loss, "text_pretraining": text_pretraining})


def trained_generators(
    cohort: Cohort, classifiers: Mapping[int, Path], name: str, recipe: ReportRecipe
) -> list[Generator]:
    """Train, or take up, a generator per seed; the tokeniser is the same for all.

    Args:
        cohort: whose training patients' reports are learned.
        classifiers: seed -> run folder of the classifier whose features are read.
        name: of the folders in runs/ in which they are kept.
        recipe: how; the seed is set.
    """
    generators = []
    for seed, classifier in classifiers.items():
        seeded = recipe.model_copy(update={"seed": seed})
        variant = f"{classifier.relative_to(ROOT)} {seeded.model_dump_json()}"
        run = run_folder(f"{name}-{seed}", (), train_report, variant=variant)
        cache = run / "cache"
        train_report(seeded, cohort.dataset, classifier, run, workers=1, cache=cache)
        model = load_report_model(run)
        _, card = load_checkpoint(classifier)
        images = ImageCache.build(cohort.test, model.card.image_size, cache / "test")
        features = cached_features(model.classifier, card.weights_sha256, images, cache / "test_features")
        train_features = np.load(cache / "features" / "features.npy", mmap_mode="r", allow_pickle=False)
        generators.append(Generator(run, model, features, train_features))
    return generators
