"""A dataset and a distillation recipe -> a run folder like that of `cxr train`.

Run folder: teachers/NUMBER-FOLD.npz (what each teacher says of the fold that it has not seen, and of the films without
labels), then all that `cxr train` leaves. A rerun into the same folder resumes at the first network that is missing.

The validation patients are seen by no teacher, no expert and no student: they stay clean for calibration and
certificates. Scores of students on the training patients are not: the teachers of one fold have seen the others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import Progress
from sklearn.linear_model import LogisticRegression
from torch import Tensor
from torch.nn.functional import interpolate

from cxr.datasets.cache import ImageCache
from cxr.datasets.dataset import Dataset
from cxr.datasets.tables import read_table
from cxr.errors import ConfigError, DatasetError, RefusedInputError
from cxr.imaging.preprocessing import prepare
from cxr.imaging.reading import read_radiograph
from cxr.models.anatomical_features import AnatomicalRegression, ClassifierWithAnatomy
from cxr.models.checkpoint import CARD, CheckpointCard, save_checkpoint
from cxr.models.classifier import ChestXray8Network
from cxr.models.factory import build_classifier
from cxr.training.classifier.anatomical_features import fit_anatomical_features
from cxr.training.classifier.predictions import label_matrix, split_predictions, write_predictions
from cxr.training.classifier.recipe import LABEL_SETS
from cxr.training.classifier.train import CALIBRATION_SPLIT, learnable_labels
from cxr.training.distillation.experts import cross_fitted, other_scores, patient_features, visit_scores
from cxr.training.distillation.films import plain_views
from cxr.training.distillation.fitting import Fit, Targets, fit_together, predict_films
from cxr.training.distillation.recipe import DistillationRecipe, NetworkRecipe
from cxr.training.distillation.soft_targets import blend, ensemble_log_odds, patient_folds
from cxr.training.shared.recipe_files import keep_data, keep_recipe
from nlp_labeler.storage import atomic_writer

__all__ = ["Sources", "distill"]

# Networks trained at a time: an accelerator has room for many, a processor for one.
_AT_A_TIME = {"cuda": 16, "cpu": 1}
# Logits of teachers' maps beyond this teach nothing but size.
_LARGEST = 8.0
# Pixels of the student's input per cell of the maps that are kept.
_MAP_STRIDE = 8


@dataclass(frozen=True)
class Sources:
    """Where the student's lessons come from, beside the dataset's training patients.

    Attributes:
        weights: folder of the backbones' initial weights, if the recipe names any.
        visits: a dataset with more visits of the same patients; only its table is read.
        scores: table of another network's probabilities.
        unlabeled: table of further films: a column `file`, and a column per finding that is known of some (1, 0).
    """

    weights: Path | None = None
    visits: Dataset | None = None
    scores: Path | None = None
    unlabeled: Path | None = None


def distill(
    recipe: DistillationRecipe, dataset: Dataset, run: Path, sources: Sources, *, device: str, workers: int
) -> CheckpointCard:
    """Train the teachers, ask all experts, train the student, and finish the run.

    Args:
        recipe: what to train and how.
        dataset: with splits train and val.
        run: the run folder.
        sources: of all else that is known.
        device: 'cpu' or 'cuda'.
        workers: images decoded at a time.

    Raises:
        ConfigError: if the folder holds a run of another recipe, or initial weights are missing or do not fit.
        DatasetError: if there is nothing to learn from, or a table or an image cannot be used.
    """
    keep_recipe(recipe, run)
    keep_data(dataset, run, run / CARD)
    if (run / CARD).exists():
        return CheckpointCard.model_validate_json((run / CARD).read_text())
    label_space = learnable_labels(dataset, LABEL_SETS[recipe.labels])
    folder = run / "cache" / "films"
    train, cached = ImageCache.of_readable(dataset.subset("train"), recipe.film_size, folder, workers=workers)
    labels = label_matrix(train, label_space)
    further, further_labels = _further_films(sources.unlabeled, recipe.film_size, label_space)
    films = torch.from_numpy(np.concatenate([cached.pixels, further])).to(device)

    patients = tuple(train.records["patient"].astype(str))
    folds = patient_folds(patients, labels, recipe.folds)
    experts = _experts(films[: len(train)], train, labels, folds, label_space, sources)
    early = blend(labels, ensemble_log_odds(experts, labels, folds), recipe.soft_targets.teacher_share)
    targets = Targets(torch.from_numpy(np.concatenate([early, further_labels])).to(device))
    taught = _ask_teachers(recipe, films, targets, folds, run, sources)

    log_odds = ensemble_log_odds([taught.odds, *experts], labels, folds)
    soft = blend(labels, log_odds, recipe.soft_targets.student_share)
    of_further = blend(further_labels, _calibrated(taught, labels), recipe.soft_targets.student_share)
    targets = Targets(torch.from_numpy(np.concatenate([soft, of_further])).to(device), taught.maps)
    torch.manual_seed(recipe.seed)
    fit = Fit(
        _fresh(recipe.student, len(label_space), sources, device),
        films,
        targets,
        np.arange(len(films)),
        recipe.student,
        recipe.seed,
    )
    _fit([fit], "student")
    model = ClassifierWithAnatomy(fit.finish().cpu(), len(label_space)).eval()

    size = recipe.student.image_size
    shown = ImageCache.build(train, size, run / "cache" / "train", workers=workers)
    fit_anatomical_features(model.anatomy, shown, labels, label_space, recipe.anatomical_features)
    val, held_out = ImageCache.of_readable(dataset.subset("val"), size, run / "cache" / "val", workers=workers)
    write_predictions(split_predictions(model, val, held_out, label_space), run / CALIBRATION_SPLIT)
    seen = f"{dataset.name}: {len(train)} images, {len(set(patients))} patients"
    card = CheckpointCard(
        label_space=label_space,
        image_size=size,
        model=recipe.student.model.model_copy(update={"anatomical_features": True}),
        recipe=recipe.name,
        findings=dataset.findings,
        data=f"{seen}; and {len(further)} films without reports" if len(further) else seen,
    )
    return save_checkpoint(model, card, run)


@dataclass(frozen=True)
class _Taught:
    """What the teachers say together.

    Attributes:
        odds: (N, C) of the training films, each by teachers that have not seen its patient.
        further: (M, C) of the films without labels.
        maps: (N + M, C, s, s) float16 on the films' device.
    """

    odds: NDArray[np.float32]
    further: NDArray[np.float32]
    maps: Tensor


def _experts(
    films: Tensor,
    train: Dataset,
    labels: NDArray[np.float32],
    folds: NDArray[np.int64],
    label_space: tuple[str, ...],
    sources: Sources,
) -> list[NDArray[np.float32]]:
    """Log odds by all experts that are no networks trained here."""
    regression = AnatomicalRegression(len(label_space)).to(films.device)
    with torch.inference_mode():
        batches = [regression.standardized(plain_views(batch, films.shape[-1])) for batch in films.split(32)]
    measures = torch.cat(batches).cpu().numpy()
    table = train if sources.visits is None else sources.visits
    known = table.records[table.records["split"] != "test"]
    found = [
        cross_fitted(measures, labels, folds),
        cross_fitted(patient_features(train.records), labels, folds),
        visit_scores(train.records, known, label_space),
    ]
    if sources.scores is not None:
        found.append(other_scores(sources.scores, tuple(train.records["image"]), label_space))
    return found


def _ask_teachers(
    recipe: DistillationRecipe, films: Tensor, targets: Targets, folds: NDArray[np.int64], run: Path, sources: Sources
) -> _Taught:
    """Train what is missing of the teachers, and average what they say."""
    teachers = recipe.teacher_networks()
    everyone = [(teacher, fold) for teacher in range(len(teachers)) for fold in range(recipe.folds)]
    folder = run / "teachers"
    folder.mkdir(exist_ok=True)
    missing = [pair for pair in everyone if not _file(folder, *pair).exists()]
    labels = targets.findings.shape[1]
    for start in range(0, len(missing), _AT_A_TIME[films.device.type]):
        group = missing[start : start + _AT_A_TIME[films.device.type]]
        fits = []
        for teacher, fold in group:
            seed = recipe.seed * 10_000 + teacher * 100 + fold
            torch.manual_seed(seed)
            network = _fresh(teachers[teacher], labels, sources, films.device.type)
            fits.append(Fit(network, films, targets, np.flatnonzero(folds != fold), teachers[teacher], seed))
        _fit(fits, f"teachers {start + 1} to {start + len(group)} of {len(missing)}")
        for (teacher, fold), fit in zip(group, fits, strict=True):
            rows = torch.from_numpy(np.concatenate([np.flatnonzero(folds == fold), np.arange(len(folds), len(films))]))
            said = predict_films(fit.finish(), films[rows.to(films.device)], teachers[teacher].image_size, maps=True)
            assert said.maps is not None
            with atomic_writer(_file(folder, teacher, fold)) as stream:
                np.savez(stream, logits=said.logits.cpu().numpy(), maps=said.maps.cpu().numpy())
    return _averaged(recipe, films, folds, folder)


def _averaged(recipe: DistillationRecipe, films: Tensor, folds: NDArray[np.int64], folder: Path) -> _Taught:
    """The mean over teachers; of films without labels, over all folds too."""
    count = len(recipe.teachers)
    side = recipe.student.image_size // _MAP_STRIDE
    labels = _said(folder, 0, 0)[0].shape[1]
    odds = np.zeros((len(films), labels), np.float32)
    maps = torch.zeros(len(films), labels, side, side, device=films.device)
    for teacher in range(count):
        for fold in range(recipe.folds):
            logits, found = _said(folder, teacher, fold)
            shown = interpolate(
                torch.from_numpy(found).to(films.device).float(),
                size=(side, side),
                mode="bilinear",
                align_corners=False,
            )
            rows = np.flatnonzero(folds == fold)
            odds[rows] += logits[: len(rows)] / count
            odds[len(folds) :] += logits[len(rows) :] / (count * recipe.folds)
            maps[rows] += shown[: len(rows)] / count
            maps[len(folds) :] += shown[len(rows) :] / (count * recipe.folds)
    return _Taught(odds[: len(folds)], odds[len(folds) :], maps.clamp(-_LARGEST, _LARGEST).half())


def _said(folder: Path, teacher: int, fold: int) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
    """Logits and class maps of the fold's films, then of those without labels."""
    with np.load(_file(folder, teacher, fold), allow_pickle=False) as said:
        return said["logits"], said["maps"]


def _calibrated(taught: _Taught, labels: NDArray[np.float32]) -> NDArray[np.float32]:
    """(M, C) log odds of the films without labels, with the slope and intercept that suit the labelled ones."""
    odds = taught.further.copy()
    for column in range(odds.shape[1]):
        known = np.isin(labels[:, column], (0, 1))
        if len(odds) and len(np.unique(labels[known, column])) == 2:
            fitted = LogisticRegression().fit(taught.odds[known, column, None], labels[known, column])
            odds[:, column] = fitted.decision_function(taught.further[:, column, None])
    return odds


def _further_films(
    table: Path | None, size: int, label_space: tuple[str, ...]
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(M, size, size) films and (M, C) what is known of them, NaN for what is not.

    Raises:
        DatasetError: if the table or a film cannot be used.
    """
    if table is None:
        return np.zeros((0, size, size), np.uint8), np.zeros((0, len(label_space)), np.float32)
    rows = read_table(table, ("file",))
    unknown = sorted(set(rows.columns) - {"file", *label_space})
    if unknown:
        raise DatasetError(f"{table}: column '{unknown[0]}' is no finding; it may have file, {', '.join(label_space)}")
    labels = np.full((len(rows), len(label_space)), np.nan, np.float32)
    for label in set(rows.columns) - {"file"}:
        wrong = ~rows[label].isin(("1", "0", ""))
        if wrong.any():
            raise DatasetError(f"{table}: {label} is '{rows[label][wrong].iloc[0]}'; allowed are 1, 0 and empty")
        labels[:, label_space.index(label)] = rows[label].map({"1": 1.0, "0": 0.0}).to_numpy(np.float32)
    return np.stack(list(_squares(table.parent, list(rows["file"]), size))), labels


def _squares(folder: Path, names: Sequence[str], size: int) -> Iterator[NDArray[np.uint8]]:
    for name in names:
        try:
            radiograph = read_radiograph(folder / name)
        except RefusedInputError as error:
            raise DatasetError(f"{name} cannot be learned from ({error.code}); take it out of the table") from error
        yield prepare(radiograph.pixels, size, radiograph.metadata.pixel_aspect)[0]


def _fresh(recipe: NetworkRecipe, labels: int, sources: Sources, device: str) -> ChestXray8Network:
    """A network with its initial weights."""
    network = build_classifier(recipe.model, labels)
    if recipe.initial_weights is not None:
        if sources.weights is None:
            raise ConfigError(f"the recipe starts from {recipe.initial_weights}; give its folder by --init-weights")
        network.backbone.load_weights(sources.weights / recipe.initial_weights)
    return network.to(device).to(memory_format=torch.channels_last)


def _fit(fits: Sequence[Fit], what: str) -> None:
    with Progress(transient=True) as shown:
        task = shown.add_task(what)
        fit_together(fits, lambda done, steps: shown.update(task, completed=done, total=steps))


def _file(folder: Path, teacher: int, fold: int) -> Path:
    return folder / f"{teacher}-{fold}.npz"
