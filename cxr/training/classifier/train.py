"""A dataset and a recipe -> a run folder with a checkpoint and the predictions on the calibration split.

Run folder: model.safetensors, model.json (the checkpoint); recipe.json (as validated); calibration_split.csv
(predictions on the validation patients, from which calibration and operating points are fitted); checkpoints/last.ckpt
(for resuming, read back with weights only); logs/.

No epoch is chosen by its validation score: the last averaged weights are kept, so that the validation patients stay
clean for calibration and certificates.
"""

import os
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import lightning
import numpy as np
import pandas as pd
import torch
from lightning.pytorch.callbacks import EarlyStopping, ModelCheckpoint, RichProgressBar
from lightning.pytorch.strategies import DDPStrategy
from numpy.typing import NDArray

from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset
from cxr.datasets.splits import assign_splits
from cxr.errors import ConfigError, DatasetError
from cxr.imaging.augmentation import Augmentation
from cxr.models.anatomical_features import ClassifierWithAnatomy
from cxr.models.backbone import shipped_backbone
from cxr.models.checkpoint import CARD, CheckpointCard, save_checkpoint
from cxr.models.classifier import ImageClassifier
from cxr.models.factory import build_model
from cxr.training.classifier.anatomical_features import fit_anatomical_features
from cxr.training.classifier.curriculum import CurriculumSampler, difficulty
from cxr.training.classifier.module import ClassifierModule
from cxr.training.classifier.ontology import with_ontology
from cxr.training.classifier.predictions import label_matrix, split_predictions, write_predictions
from cxr.training.classifier.recipe import LABEL_SETS, Recipe
from cxr.training.classifier.report_localization import UNLOCALIZED, report_quadrants
from cxr.training.shared.batches import EpochSampler, PlainImages, TrainingImages, plain_batches, training_batches
from cxr.training.shared.frozen_features import compute_maps, storable, stored_maps, unchanged
from cxr.training.shared.loggers import DEFAULT_LOGGERS, check_loggers, training_loggers
from cxr.training.shared.optimization import fit_resumed, quiet_trainer, weight_averaging
from cxr.training.shared.recipe_files import keep_data, keep_recipe

CALIBRATION_SPLIT = "calibration_split.csv"
# A label with fewer positives than this cannot be learned; it leaves the label space.
MIN_POSITIVES = 5


def wanted_labels(recipe: Recipe, dataset: Dataset) -> tuple[str, ...]:
    """The labels that a recipe asks for.

    Raises:
        ConfigError: if it asks for shipped labels of a dataset whose label space is the user's own, or names labels
            that the dataset has not.
    """
    if dataset.findings is not None and recipe.labels not in ("dataset", "ontology"):
        raise ConfigError(
            f"{dataset.root} has labels of its own ({', '.join(dataset.label_space)}), and recipe '{recipe.name}' asks "
            f"for {recipe.labels}; add --set labels=dataset"
        )
    own = recipe.labels == "dataset" or dataset.findings is not None
    wanted = dataset.label_space if own else LABEL_SETS[recipe.labels]
    excluded = recipe.anatomical_features.excluded_labels if recipe.anatomical_features else ()
    if unknown := set(excluded) - set(wanted):
        raise ConfigError(f"anatomical_features.excluded_labels: the dataset has no {', '.join(sorted(unknown))}")
    return wanted


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


@dataclass(frozen=True)
class Inputs:
    """Training and validation inputs with their labels: images, or the stored maps of a wholly frozen backbone.

    Attributes:
        training: by (epoch, row).
        validation: by row.
        splits: the rows behind them, those of refused images left out.
        watched: what is looked at after every epoch: the validation inputs, or those that early stopping holds out.
        size: of the images in pixels.
        stored: whether they are maps.
    """

    training: TrainingImages
    validation: PlainImages
    watched: PlainImages
    splits: tuple[Dataset, Dataset]
    size: int
    stored: bool

    @classmethod
    def of(
        cls,
        recipe: Recipe,
        model: ImageClassifier,
        splits: tuple[Dataset, Dataset],
        label_space: tuple[str, ...],
        cache: Path,
        workers: int,
    ) -> "Inputs":
        """What a recipe shows a model.

        Args:
            recipe: whose augmentation applies.
            model: with its weights loaded and frozen.
            splits: training and validation patients.
            label_space: names of the C labels.
            cache: folder of images and maps.
            workers: processes that decode images.
        """
        stopping = recipe.early_stopping
        parts = {"train": splits[0], "val": splits[1]}
        if stopping is not None:
            learned, held_out = _held_out(splits[0], label_space, stopping.share, recipe.seed)
            parts = {"learned": learned, "val": splits[1], "watched": held_out}
        (train, images), (val, plain), *further = (
            ImageCache.of_readable(split, recipe.image_size, cache / name, workers=max(1, workers))
            for name, split in parts.items()
        )
        labels, plain_labels = (label_matrix(split, label_space) for split in (train, val))
        quadrants = _quadrants(recipe, train, label_space)
        backbone = model.unified.backbone
        stored = recipe.anatomical_features is None and storable(backbone, recipe.augmentation)
        if stored:
            maps = cache / "maps"
            shown = TrainingImages(compute_maps(backbone, images, maps), labels, quadrants, unchanged)
            seen = PlainImages(compute_maps(backbone, plain, maps), plain_labels)
            watched = [
                PlainImages(compute_maps(backbone, stored_images, maps), label_matrix(split, label_space))
                for split, stored_images in further
            ]
        else:
            shown = TrainingImages(images, labels, quadrants, Augmentation(recipe.augmentation, recipe.seed))
            seen = PlainImages(plain, plain_labels)
            watched = [PlainImages(shown_plain, label_matrix(split, label_space)) for split, shown_plain in further]
        return cls(shown, seen, watched[0] if watched else seen, (train, val), recipe.image_size, stored)

    def given_to(self, model: ImageClassifier) -> AbstractContextManager[None]:
        """The context in which the model takes them."""
        return stored_maps(model, self.size) if self.stored else nullcontext()


def train(
    recipe: Recipe,
    dataset: Dataset,
    run: Path,
    *,
    init_weights: Path | None = None,
    workers: int = 0,
    processes: int = 1,
    cache: Path | None = None,
    loggers: Sequence[str] = DEFAULT_LOGGERS,
) -> CheckpointCard:
    """Train by a recipe; a rerun into the same folder resumes, and returns at once where it had finished.

    Args:
        recipe: what to train and how.
        dataset: with splits train and val.
        run: the run folder.
        init_weights: local safetensors with the backbone's initial weights; without it, what the recipe says.
        workers: processes that load and augment images, for each that trains; 0: the one that trains.
        processes: that train together, on a GPU each where there is one. More than one are spawned, so a script of the
            caller's must stand under ``if __name__ == "__main__":``.
        cache: folder of the network inputs, which several runs on the same data may share; by default the run's own.
        loggers: where the figures of each step go, of :data:`cxr.training.shared.loggers.LOGGERS`.

    Raises:
        ConfigError: if the folder holds a run of another recipe or on other data, the initial weights do not fit, or so
            many processes cannot share the recipe's batches.
        DatasetError: if there is nothing to learn from, or the recipe learns from reports and there are none.
        MissingExtraError: if a logger is not installed.
    """
    check_processes(processes, recipe)
    check_loggers(loggers)
    keep_recipe(recipe, run)
    keep_data(dataset, run, run / CARD)
    if (run / CARD).exists():
        return CheckpointCard.model_validate_json((run / CARD).read_text())
    lightning.seed_everything(recipe.seed, workers=True, verbose=False)
    if recipe.labels == "ontology":
        dataset = with_ontology(dataset)
    label_space = learnable_labels(dataset, wanted_labels(recipe, dataset))
    splits = dataset.subset("train"), dataset.subset("val")
    model = _new_model(recipe, label_space, init_weights)
    inputs = Inputs.of(recipe, model, splits, label_space, cache or run / "cache", workers)
    train_split, val_split = inputs.splits
    module, order = ClassifierModule(model, recipe, label_space), _order(recipe, train_split, label_space)
    _fit(module, inputs, order, run, workers, processes, loggers)
    if recipe.anatomical_features and isinstance(model, ClassifierWithAnatomy):
        shown = inputs.training
        fit_anatomical_features(model.anatomy, shown.images, shown.labels, label_space, recipe.anatomical_features)
    with inputs.given_to(model):
        predictions = split_predictions(model, val_split, inputs.validation.images, label_space)
    write_predictions(predictions, run / CALIBRATION_SPLIT)
    card = CheckpointCard(
        label_space=label_space,
        image_size=recipe.image_size,
        model=recipe.model,
        recipe=recipe.name,
        findings=dataset.findings,
        data=f"{dataset.name}: {len(train_split.records)} images, {train_split.records.patient.nunique()} patients",
    )
    return save_checkpoint(model, card, run)


def _held_out(split: Dataset, label_space: tuple[str, ...], share: float, seed: int) -> tuple[Dataset, Dataset]:
    """Training patients to learn from, and those that only tell when to stop."""
    present = np.stack([split.records[name].to_numpy(np.float32) == 1 for name in label_space], axis=1)
    parts = assign_splits(
        list(split.records["patient"]), present.astype(float), {"learned": 1 - share, "watched": share}, seed
    )
    learned = pd.Series(parts == "learned", index=split.records.index)
    return split.where(learned), split.where(~learned)


def _new_model(recipe: Recipe, label_space: tuple[str, ...], init_weights: Path | None) -> ImageClassifier:
    """The recipe's network with its initial weights, frozen where the recipe says so."""
    model = build_model(recipe.model, label_space)
    backbone = model.unified.backbone
    backbone.check_size(recipe.image_size)
    if init_weights is None and recipe.initial_weights == "shipped":
        init_weights = shipped_backbone(recipe.model.backbone.name)
    if init_weights is not None:
        backbone.load_weights(init_weights)
    backbone.freeze(recipe.frozen, statistics=False)
    return model.to(memory_format=torch.channels_last)


def _fit(
    module: ClassifierModule,
    inputs: Inputs,
    order: EpochSampler,
    run: Path,
    workers: int,
    processes: int,
    loggers: Sequence[str],
) -> None:
    """Run all epochs, from the last one that the run folder holds."""
    settings, last = module.recipe.optimization, run / "checkpoints" / "last.ckpt"
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
    if module.recipe.early_stopping is not None:
        callbacks.append(EarlyStopping(monitor="val_loss", patience=module.recipe.early_stopping.patience))
    trainer = quiet_trainer(
        max_epochs=settings.epochs,
        devices=processes,
        strategy=_strategy(processes),
        precision=settings.precision,
        accumulate_grad_batches=settings.accumulate_batches,
        gradient_clip_val=settings.gradient_clip or None,
        callbacks=callbacks,
        logger=training_loggers(loggers, run, module.recipe.name, last),
        num_sanity_val_steps=0,
    )
    batches = training_batches(inputs.training, order, settings.batch_size, workers, processes)
    with inputs.given_to(module.model):
        fit_resumed(trainer, module, last, batches, plain_batches(inputs.watched, 64))


def _quadrants(recipe: Recipe, split: Dataset, label_space: tuple[str, ...]) -> NDArray[np.int64]:
    """(N, C) where the reports put the findings, for a recipe that learns from it; nowhere for any other."""
    if recipe.report_localization is None:
        return np.full((len(split), len(label_space)), UNLOCALIZED)
    return report_quadrants(split, label_space)


def _order(recipe: Recipe, split: Dataset, label_space: tuple[str, ...]) -> EpochSampler:
    """The order in which a recipe shows the training images."""
    if recipe.curriculum is None:
        return EpochSampler(len(split), recipe.seed)
    return CurriculumSampler(difficulty(split, label_space), recipe.curriculum, recipe.seed)


def default_workers() -> int:
    """Loader processes that leave a core to the network."""
    return max(1, (os.cpu_count() or 2) // 2)


def check_processes(processes: int, recipe: Recipe) -> None:
    """Refuse a number of processes that cannot share the recipe's batches.

    Raises:
        ConfigError: if it is below 1, does not divide the batch size, or exceeds the number of GPUs where there is one.
    """
    batch = recipe.optimization.batch_size
    if processes < 1 or batch % processes:
        raise ConfigError(f"processes {processes} cannot share batches of {batch}; give a divisor of {batch}")
    gpus = torch.cuda.device_count()
    if gpus and processes > gpus:
        raise ConfigError(f"processes {processes} need a GPU each, and there are {gpus}; give at most {gpus}")


def _strategy(processes: int) -> DDPStrategy | str:
    """How Lightning runs processes that share every batch: spawned, so that a caller need not be a startable script.

    Gradients are averaged, so all hold the same weights. Each process takes every n-th image of the sampler's order and
    an n-th of the recipe's batch size. A step therefore sees the very images that it sees in one process, and seeds,
    schedules and the number of steps keep their meaning. Batch norm alone differs: each process normalises by its own
    share of the batch, and the statistics kept are those of the first.
    """
    if processes == 1:
        return "auto"
    # A backbone's layers behind the last stage that is read have no gradient, nor do parts that a method switches on
    # later in the epochs before it.
    return DDPStrategy(start_method="spawn", find_unused_parameters=True)
