"""A dataset and a recipe -> a run folder with a checkpoint and the predictions on the calibration split.

Run folder: model.safetensors, model.json (the checkpoint); recipe.json (as validated); calibration_split.csv
(predictions on the validation patients, from which calibration and operating points are fitted); checkpoints/last.ckpt
(for resuming, read back with weights only); logs/.

No epoch is chosen by its validation score: the last averaged weights are kept, so that the validation patients stay
clean for calibration and certificates.
"""

import logging
import os
import warnings
from pathlib import Path

import lightning
import numpy as np
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, RichProgressBar
from lightning.pytorch.loggers import CSVLogger, TensorBoardLogger
from numpy.typing import NDArray

from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset
from cxr.errors import ConfigError, DatasetError
from cxr.models.anatomical_prior import ClassifierWithPrior
from cxr.models.backbone import Backbone
from cxr.models.checkpoint import CARD, CheckpointCard, save_checkpoint
from cxr.models.factory import build_model
from cxr.models.shipped_weights import shipped_backbone
from cxr.training.classifier.anatomical_features import fit_prior
from cxr.training.classifier.curriculum import CurriculumSampler, difficulty
from cxr.training.classifier.inputs import Inputs
from cxr.training.classifier.module import ClassifierModule
from cxr.training.classifier.ontology import with_ontology
from cxr.training.classifier.predictions import label_matrix, split_predictions, write_predictions
from cxr.training.classifier.processes import check_processes, strategy
from cxr.training.classifier.recipe import LABEL_SETS, Recipe
from cxr.training.classifier.report_localization import UNSAID, report_quadrants
from cxr.training.shared.batches import EpochSampler, plain_batches, training_batches
from cxr.training.shared.optimization import weight_averaging
from cxr.training.shared.report_texts import report_texts

CALIBRATION_SPLIT = "calibration_split.csv"
# A label with fewer positives than this cannot be learned; it leaves the label space.
MIN_POSITIVES = 5


def learnable_labels(dataset: Dataset, wanted: tuple[str, ...]) -> tuple[str, ...]:
    """The wanted labels that the training split has at least MIN_POSITIVES positives of, in order.

    Raises:
        DatasetError: if none is left.
    """
    records = dataset.subset("train").records
    kept = tuple(name for name in wanted if name in records and (records[name] == 1).sum() >= MIN_POSITIVES)
    if not kept:
        raise DatasetError(
            f"{dataset.root}: no label has {MIN_POSITIVES} positives in the training split; wanted {', '.join(wanted)}"
        )
    return kept


def train(
    recipe: Recipe,
    dataset: Dataset,
    run: Path,
    *,
    init_weights: Path | None,
    workers: int,
    processes: int = 1,
    cache: Path | None = None,
) -> CheckpointCard:
    """Train by a recipe; a rerun into the same folder resumes, and returns at once where it had finished.

    Args:
        recipe: what to train and how.
        dataset: with splits train and val.
        run: the run folder.
        init_weights: local safetensors with the backbone's initial weights; without it, what the recipe says.
        workers: processes that load and augment images, for each that trains.
        processes: that train together, on a GPU each where there is one. More than one are spawned, so a script of the
            caller's must stand under ``if __name__ == "__main__":``.
        cache: folder of the network inputs, which several runs on the same data may share; by default the run's own.

    Raises:
        ConfigError: if the folder holds a run of another recipe, the initial weights do not fit, or so many processes
            cannot share the recipe's batches.
        DatasetError: if there is nothing to learn from, or the recipe learns from reports and there are none.
    """
    check_processes(processes, recipe)
    run.mkdir(parents=True, exist_ok=True)
    kept = run / "recipe.json"
    if kept.exists() and Recipe.model_validate_json(kept.read_text()) != recipe:
        raise ConfigError(f"{run} holds a run of another recipe; choose another --out, or delete the folder")
    kept.write_text(recipe.model_dump_json(indent=1) + "\n")
    if (run / CARD).exists():
        return CheckpointCard.model_validate_json((run / CARD).read_text())

    logging.getLogger("lightning.pytorch").setLevel(logging.WARNING)  # its banners are not about this run
    lightning.seed_everything(recipe.seed, workers=True, verbose=False)
    if recipe.labels == "ontology":
        dataset = with_ontology(dataset)
    label_space = learnable_labels(dataset, LABEL_SETS[recipe.labels])
    train_split, val_split = dataset.subset("train"), dataset.subset("val")
    cache = run / "cache" if cache is None else cache
    train_cache = ImageCache.build(train_split, recipe.image_size, cache / "train", workers=max(1, workers))
    val_cache = ImageCache.build(val_split, recipe.image_size, cache / "val", workers=max(1, workers))

    model = build_model(recipe.model, label_space)
    if init_weights is None and recipe.initial_weights == "shipped":
        init_weights = shipped_backbone(recipe.model.backbone.name)
    backbone = model.backbone
    assert isinstance(backbone, Backbone)
    if init_weights is not None:
        backbone.load_weights(init_weights)
    backbone.freeze(recipe.frozen)
    model = model.to(memory_format=torch.channels_last)
    settings = recipe.optimization
    inputs = Inputs.of(
        recipe,
        model,
        (train_cache, label_matrix(train_split, label_space), _quadrants(recipe, train_split, label_space)),
        (val_cache, label_matrix(val_split, label_space)),
        cache / "maps",
    )
    order = _order(recipe, train_split, label_space)
    callbacks: list[lightning.Callback] = [
        # Without a score to watch, each epoch's file takes the place of the one before it. Not after validation: while
        # that runs, the averaged weights are in the place of the trained ones.
        ModelCheckpoint(
            dirpath=run / "checkpoints", filename="last", enable_version_counter=False, save_on_train_epoch_end=True
        ),
        RichProgressBar(),
    ]
    if settings.ema_decay:
        callbacks.append(weight_averaging(settings.ema_decay))
    trainer = lightning.Trainer(
        max_epochs=settings.epochs,
        accelerator="auto",
        devices=processes,
        strategy=strategy(processes),
        precision=settings.precision,
        accumulate_grad_batches=settings.accumulate_batches,
        gradient_clip_val=settings.gradient_clip or None,
        callbacks=callbacks,
        logger=[CSVLogger(run, name="logs", version=""), TensorBoardLogger(run, name="logs", version="")],
        log_every_n_steps=10,
        num_sanity_val_steps=0,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    module = ClassifierModule(model, recipe, label_space)
    last = run / "checkpoints" / "last.ckpt"
    with warnings.catch_warnings(), inputs.given_to(model):
        # Lightning's advice on loader processes and logging intervals, and its use of a deprecated torch name.
        warnings.filterwarnings("ignore", module=r"lightning\..*")
        trainer.fit(
            module,
            training_batches(inputs.training, order, settings.batch_size, workers, processes),
            plain_batches(inputs.validation, 64),
            ckpt_path=last if last.exists() else None,
            weights_only=True,
        )
    if recipe.prior:
        assert isinstance(model, ClassifierWithPrior)
        fit_prior(model.prior, train_cache, inputs.training.labels, label_space, recipe.prior)
    with inputs.given_to(model):
        predictions = split_predictions(model, val_split, inputs.validation.images, label_space)
    write_predictions(predictions, run / CALIBRATION_SPLIT)
    card = CheckpointCard(
        label_space=label_space,
        image_size=recipe.image_size,
        model=recipe.model,
        recipe=recipe.name,
        data=f"{dataset.name}: {len(train_split.records)} images, {train_split.records.patient.nunique()} patients",
    )
    return save_checkpoint(model, card, run)


def _quadrants(recipe: Recipe, split: Dataset, label_space: tuple[str, ...]) -> NDArray[np.int64]:
    """(N, C) where the reports put the findings, for a recipe that learns from it; nowhere for any other."""
    if recipe.places is None:
        return np.full((len(split), len(label_space)), UNSAID)
    return report_quadrants(report_texts(split), label_space)


def _order(recipe: Recipe, split: Dataset, label_space: tuple[str, ...]) -> EpochSampler:
    """The order in which a recipe shows the training images."""
    if recipe.curriculum is None:
        return EpochSampler(len(split), recipe.seed)
    return CurriculumSampler(difficulty(split, label_space), recipe.curriculum, recipe.seed)


def default_workers() -> int:
    """Loader processes that leave a core to the network."""
    return max(1, (os.cpu_count() or 2) // 2)
