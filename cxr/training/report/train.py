"""A dataset with reports, and a finished classifier -> a run folder with a report generator.

Run folder: model.safetensors, report_model.json (the checkpoint); recipe.json; classifier.json (which classifier);
tokenizer.json; cache/ (images and the classifier's features of them); checkpoints/last.ckpt (for resuming); logs/. The
classifier is frozen: its features are computed once.
"""

import json
from pathlib import Path

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
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
    new_tienet,
    save_report_model,
)
from cxr.models.tienet import TieNet
from cxr.training.classifier.predictions import label_matrix
from cxr.training.report.heads import fit_content_plan, fit_generated_head, fit_report_head
from cxr.training.report.module import LengthSampler, ReportRows, TieNetModule
from cxr.training.report.recipe import ReportRecipe
from cxr.training.report.text_pretraining import pretrain_on_text
from cxr.training.report.texts import teachable_rows
from cxr.training.report.tokenizer import encode, train_tokenizer, vocabulary_of
from cxr.training.report.word_grounding import ground_words
from cxr.training.shared.batches import AugmentedImages
from cxr.training.shared.frozen_features import cached_features
from cxr.training.shared.loggers import csv_logger
from cxr.training.shared.optimization import fit_resumed, quiet_trainer
from cxr.training.shared.recipe_files import keep_data, keep_recipe
from nlp_labeler.storage import write_text

__all__ = ["train_report"]

_LAST = Path("checkpoints", "last.ckpt")


def train_report(
    recipe: ReportRecipe, dataset: Dataset, classifier_run: Path, run: Path, *, workers: int, cache: Path | None = None
) -> ReportCard:
    """Train by a recipe; a rerun into the same folder resumes, and returns at once where it had finished.

    Args:
        recipe: what to train and how.
        dataset: with a train split and reports.
        classifier_run: the --out folder of a finished `cxr train`, whose features the generator reads.
        run: the run folder.
        workers: images decoded at a time.
        cache: where the images and their features are kept; runs over the same classifier and images may share it.
            Without it the run folder has its own.

    Raises:
        ConfigError: if the folder holds a run of another recipe or classifier, or the classifier's run is not finished.
        DatasetError: if there are no reports to learn from.
    """
    model, classifier_card = load_checkpoint(classifier_run)
    keep_recipe(recipe, run)
    keep_data(dataset, run, run / REPORT_CARD)
    _keep_classifier(run, classifier_card.weights_sha256)
    if (run / REPORT_CARD).exists():
        return ReportCard.model_validate_json((run / REPORT_CARD).read_text())
    classifier = model.unified
    cache = cache or run / "cache"
    split, _ = teachable_rows(dataset.subset("train"))
    split, images = ImageCache.of_readable(split, classifier_card.image_size, cache, workers=max(1, workers))
    split, texts = teachable_rows(split)
    lightning.seed_everything(recipe.seed, workers=True, verbose=False)
    tokenizer = train_tokenizer(texts, min_count=recipe.text.min_count)
    tokenizer.save(str(run / "tokenizer.json"))
    vocabulary = vocabulary_of(tokenizer)
    words = encode(tokenizer, texts, recipe.text.longest)
    views = _views(classifier, classifier_card.weights_sha256, images, recipe, cache)
    labels = label_matrix(split, classifier_card.label_space)
    tienet = new_tienet(recipe.model, classifier, len(vocabulary), len(classifier_card.label_space))
    named = ground_words(words, vocabulary, classifier_card.label_space, dataset.findings)
    _fit(tienet, ReportRows(views, words, labels, named), recipe, run)
    fit_report_head(tienet, views[0], words, labels)
    validation, unseen = ImageCache.of_readable(
        dataset.subset("val"), classifier_card.image_size, cache / "val", workers=max(1, workers)
    )
    features = cached_features(classifier, classifier_card.weights_sha256, unseen, cache / "val_features")
    known = label_matrix(validation, classifier_card.label_space)
    fit_content_plan(tienet, features, known)
    fit_generated_head(tienet, vocabulary, features, known, recipe.text.longest)
    card = ReportCard(
        label_space=classifier_card.label_space,
        image_size=classifier_card.image_size,
        classifier=classifier_card.model,
        model=recipe.model,
        words=vocabulary.words,
        longest=recipe.text.longest,
        recipe=recipe.name,
        data=f"{dataset.name}: {len(words)} reports, {split.records.patient.nunique()} patients",
    )
    return save_report_model(ReportModel(classifier.cpu(), tienet, card), run)


def _keep_classifier(run: Path, weights_sha256: str) -> None:
    """Write down over which classifier a run is, or refuse a folder whose run is over another."""
    kept = run / "classifier.json"
    if kept.exists() and json.loads(kept.read_text())["weights_sha256"] != weights_sha256:
        raise ConfigError(f"{run} holds a run over another classifier; choose another --out, or delete the folder")
    write_text(kept, json.dumps({"weights_sha256": weights_sha256}) + "\n")


def _views(
    classifier: ChestXray8Network, weights_sha256: str, images: ImageCache, recipe: ReportRecipe, cache: Path
) -> list[NDArray[np.float16]]:
    """Features (N, channels, S, S) of the images as they are, then of each augmented version."""
    augmentation = Augmentation(recipe.views.augmentation, seed=0)  # the same for every seed of the generator
    views = [cached_features(classifier, weights_sha256, images, cache / "features")]
    for number in range(recipe.views.augmented):
        augmented = AugmentedImages(images, augmentation, number)
        views.append(cached_features(classifier, weights_sha256, augmented, cache / f"augmented-{number}"))
    return views


def _fit(tienet: TieNet, reports: ReportRows, recipe: ReportRecipe, run: Path) -> None:
    """Train in place on texts alone, then on texts and images; the latter resumes where it had stopped."""
    optimization = recipe.optimization
    rows = DataLoader(
        reports,
        batch_size=optimization.batch_size,
        sampler=LengthSampler((reports.words != tienet.padding).sum(axis=1), optimization.batch_size, recipe.seed),
        drop_last=len(reports.words) > optimization.batch_size,
    )
    if not (run / _LAST).exists():
        labels = torch.from_numpy(reports.labels)
        pretrain_on_text(tienet, reports.words, labels, recipe.text_pretraining, optimization, recipe.seed)
    trainer = quiet_trainer(
        max_epochs=optimization.epochs,
        devices=1,
        gradient_clip_val=optimization.gradient_clip,
        callbacks=[ModelCheckpoint(dirpath=(run / _LAST).parent, save_last=True, save_top_k=0), RichProgressBar()],
        logger=csv_logger(run, run / _LAST),
    )
    fit_resumed(trainer, TieNetModule(tienet, recipe), run / _LAST, rows)
    tienet.cpu().eval()
