"""A dataset with reports, and a finished classifier as trunk -> a run folder with a report generator.

Run folder: model.safetensors, report_model.json (the checkpoint); recipe.json; trunk.json (which classifier);
tokenizer.json; cache/ (images and the trunk's features of them); checkpoints/last.ckpt (for resuming); logs/. The trunk
is frozen: its features are computed once.
"""

import json
import logging
import warnings
from pathlib import Path

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset
from cxr.errors import ConfigError
from cxr.imaging.augmentation import Augmentation
from cxr.models.checkpoint import load_checkpoint
from cxr.models.classifier import ChestXray8Network
from cxr.models.report_checkpoint import (
    REPORT_CARD,
    ReportCard,
    ReportModel,
    bare_classifier,
    new_tienet,
    save_report_model,
)
from cxr.training.classifier.predictions import label_matrix
from cxr.training.report.content_plan import fit_plan
from cxr.training.report.heads import fit_generated_head, fit_report_head
from cxr.training.report.module import LengthSampler, ReportRows, TieNetModule
from cxr.training.report.recipe import ReportRecipe
from cxr.training.report.text_pretraining import rehearse
from cxr.training.report.tokenizer import encode, train_tokenizer, vocabulary_of
from cxr.training.report.word_grounding import said_places
from cxr.training.shared.batches import ChangedImages
from cxr.training.shared.frozen_features import cached_features
from cxr.training.shared.report_texts import teachable_rows

__all__ = ["train_report"]

_LAST = Path("checkpoints", "last.ckpt")


def train_report(
    recipe: ReportRecipe, dataset: Dataset, trunk_run: Path, run: Path, *, workers: int, cache: Path | None = None
) -> ReportCard:
    """Train by a recipe; a rerun into the same folder resumes, and returns at once where it had finished.

    Args:
        recipe: what to train and how.
        dataset: with a train split and reports.
        trunk_run: the --out folder of a finished `cxr train`, whose features the generator reads.
        run: the run folder.
        workers: images decoded at a time.
        cache: where the images and their features are kept; runs over the same trunk and images may share it. Without
            it the run folder has its own.

    Raises:
        ConfigError: if the folder holds a run of another recipe or trunk, or the trunk's run is not finished.
        DatasetError: if there are no reports to learn from.
    """
    run.mkdir(parents=True, exist_ok=True)
    classifier, trunk_card = load_checkpoint(trunk_run)
    _begin(run, recipe, trunk_card.weights_sha256)
    if (run / REPORT_CARD).exists():
        return ReportCard.model_validate_json((run / REPORT_CARD).read_text())
    trunk = bare_classifier(classifier)
    split, texts = teachable_rows(dataset.subset("train"))
    lightning.seed_everything(recipe.seed, workers=True, verbose=False)
    tokenizer = train_tokenizer(texts, min_count=recipe.text.min_count)
    tokenizer.save(str(run / "tokenizer.json"))
    vocabulary = vocabulary_of(tokenizer)
    words = encode(tokenizer, texts, recipe.text.longest)
    cache = cache or run / "cache"
    images = ImageCache.build(split, trunk_card.image_size, cache, workers=max(1, workers))
    views = _views(trunk, trunk_card.weights_sha256, images, recipe, cache)
    labels = label_matrix(split, trunk_card.label_space)
    tienet = new_tienet(recipe.model, trunk, len(vocabulary), len(trunk_card.label_space))
    rows = DataLoader(
        ReportRows(views, words, labels, said_places(words, vocabulary, trunk_card.label_space)),
        batch_size=recipe.optimization.batch_size,
        sampler=LengthSampler((words != tienet.padding).sum(axis=1), recipe.optimization.batch_size, recipe.seed),
        drop_last=len(words) > recipe.optimization.batch_size,
    )
    if not (run / _LAST).exists():
        rehearse(tienet, words, torch.from_numpy(labels), recipe.rehearsal, recipe.optimization, recipe.seed)
    _fit(TieNetModule(tienet, recipe), rows, recipe, run)
    tienet = tienet.cpu().eval()
    fit_report_head(tienet, views[0], words, labels)
    validation = dataset.subset("val")
    unseen = ImageCache.build(validation, trunk_card.image_size, cache / "val", workers=max(1, workers))
    features = cached_features(trunk, trunk_card.weights_sha256, unseen, cache / "val_features")
    known = label_matrix(validation, trunk_card.label_space)
    fit_plan(tienet, features, known)
    fit_generated_head(tienet, vocabulary, features, known, recipe.text.longest)
    card = ReportCard(
        label_space=trunk_card.label_space,
        image_size=trunk_card.image_size,
        trunk=trunk_card.model,
        model=recipe.model,
        words=vocabulary.words,
        longest=recipe.text.longest,
        recipe=recipe.name,
        data=f"{dataset.name}: {len(words)} reports, {split.records.patient.nunique()} patients",
    )
    return save_report_model(ReportModel(trunk.cpu(), tienet, card), run)


def _begin(run: Path, recipe: ReportRecipe, trunk_sha256: str) -> None:
    """Write down what a run is of, or refuse a folder that holds a run of something else."""
    kept, trunk = run / "recipe.json", run / "trunk.json"
    advice = "choose another --out, or delete the folder"
    if kept.exists() and ReportRecipe.model_validate_json(kept.read_text()) != recipe:
        raise ConfigError(f"{run} holds a run of another recipe; {advice}")
    if trunk.exists() and json.loads(trunk.read_text())["weights_sha256"] != trunk_sha256:
        raise ConfigError(f"{run} holds a run over another classifier; {advice}")
    kept.write_text(recipe.model_dump_json(indent=1) + "\n")
    trunk.write_text(json.dumps({"weights_sha256": trunk_sha256}) + "\n")


def _views(
    trunk: ChestXray8Network, weights_sha256: str, images: ImageCache, recipe: ReportRecipe, cache: Path
) -> list[NDArray[np.float16]]:
    """Features (N, channels, S, S) of the images as they are, then of each changed version."""
    augmentation = Augmentation(recipe.views.augmentation, seed=0)  # the same for every seed of the generator
    views = [cached_features(trunk, weights_sha256, images, cache / "features")]
    for number in range(recipe.views.changed):
        changed = ChangedImages(images, augmentation, number)
        views.append(cached_features(trunk, weights_sha256, changed, cache / f"changed-{number}"))
    return views


def _fit(module: TieNetModule, rows: DataLoader, recipe: ReportRecipe, run: Path) -> None:
    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # its banners are not about this run
    trainer = lightning.Trainer(
        max_epochs=recipe.optimization.epochs,
        accelerator="auto",
        devices=1,
        gradient_clip_val=recipe.optimization.gradient_clip,
        callbacks=[ModelCheckpoint(dirpath=(run / _LAST).parent, save_last=True, save_top_k=0), RichProgressBar()],
        logger=CSVLogger(run, name="logs", version=""),
        log_every_n_steps=10,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    last = run / _LAST
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"lightning\..*")  # its advice on loaders and logging
        trainer.fit(module, rows, ckpt_path=last if last.exists() else None, weights_only=True)
