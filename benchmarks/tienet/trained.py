"""One trained generator per seed, and what each says of the held-out images."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from benchmarks.record import ROOT
from benchmarks.tienet.cohort import Cohort
from cxr.datasets.cache import ImageCache
from cxr.export.report_bundle import BEAM_WIDTH
from cxr.models.report_checkpoint import ReportModel, load_report_model
from cxr.reporting.beam_search import Dictation
from cxr.reporting.vocabulary import Vocabulary
from cxr.training.dictate import dictate
from cxr.training.feature_cache import cached_features
from cxr.training.module import UINT8_MAX
from cxr.training.report_recipe import load_report_recipe
from cxr.training.train_report import FEATURES, train_report

__all__ = ["SEEDS", "Generator", "Said", "trained_generators"]

SEEDS = (0, 1, 2)


@dataclass(frozen=True)
class Said:
    """The generated report of each held-out image.

    Attributes:
        texts: rendered.
        dictations: words with attention.
    """

    texts: list[str]
    dictations: list[Dictation]


@dataclass(frozen=True)
class Generator:
    """A trained generator and the held-out features that it reads.

    Attributes:
        run: its run folder.
        model: trunk and TieNet.
        features: (N, channels, S, S) of the held-out images.
        train_features: (M, channels, S, S) of the training images.
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
            features = self.model.trunk.features(torch.from_numpy(image)[None, None].float() / UINT8_MAX)
        return self._dictate(features).words

    def speak(self) -> Said:
        """One report per held-out image, by beam search."""
        rows = track(range(len(self.features)), "Dictating", transient=True)
        dictations = [
            self._dictate(torch.from_numpy(np.asarray(self.features[row : row + 1], dtype=np.float32))) for row in rows
        ]
        return Said([self.vocabulary.render(d.words)[0] for d in dictations], dictations)

    def _dictate(self, features: torch.Tensor) -> Dictation:
        longest = self.model.card.longest
        return dictate(self.model.tienet, self.vocabulary, features, width=BEAM_WIDTH, longest=longest)


def trained_generators(cohort: Cohort, seeds: Sequence[int]) -> list[Generator]:
    """Train, or take up, a generator per seed; the tokeniser depends on the training reports alone."""
    trunk = cohort.folder / "run"
    generators = []
    for seed in seeds:
        recipe = load_report_recipe("tienet").model_copy(update={"seed": seed})
        run = ROOT / "runs" / f"tienet-{seed}"
        train_report(recipe, cohort.dataset, trunk, run, workers=1)
        model = load_report_model(run)
        images = ImageCache.build(cohort.test, model.card.image_size, run / "cache" / "test")
        features = cached_features(model.trunk, model.card.weights_sha256, images, run / "cache" / "test_features")
        train_features = np.load(run / FEATURES / "features.npy", mmap_mode="r", allow_pickle=False)
        generators.append(Generator(run, model, features, train_features))
    return generators
