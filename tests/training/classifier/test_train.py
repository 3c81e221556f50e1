import csv
import re
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

from cxr.datasets.dataset import Dataset
from cxr.datasets.schema import BOX_COLUMNS
from cxr.errors import ConfigError, DatasetError, MissingExtraError
from cxr.localization import BoxSettings
from cxr.models.checkpoint import load_checkpoint
from cxr.training.classifier.evaluate import evaluate_run, localize
from cxr.training.classifier.module import ClassifierModule
from cxr.training.classifier.predictions import Predictions, read_predictions
from cxr.training.classifier.recipe import EarlyStoppingConfig, Recipe
from cxr.training.classifier.train import CALIBRATION_SPLIT, learnable_labels, train
from cxr.training.shared.optimization import warmup_cosine

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")


def test_a_killed_run_resumes_to_the_same_weights(
    phantom_dataset: Dataset, tiny_recipe: Recipe, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    start_epoch = ClassifierModule.on_train_epoch_start

    def killed(self: ClassifierModule) -> None:
        if self.current_epoch == 1:
            raise RuntimeError("killed")
        start_epoch(self)

    run = tmp_path / "run"
    monkeypatch.setattr(ClassifierModule, "on_train_epoch_start", killed)
    with pytest.raises(RuntimeError, match="killed"):
        train(tiny_recipe, phantom_dataset, run, init_weights=None, workers=0)
    assert not (run / "model.safetensors").exists()
    begun = logged(run)
    assert begun, "nothing was logged before the kill, so that nothing could be lost"
    monkeypatch.undo()
    epochs: list[int] = []

    def counted(self: ClassifierModule) -> None:
        epochs.append(self.current_epoch)
        start_epoch(self)

    monkeypatch.setattr(ClassifierModule, "on_train_epoch_start", counted)
    train(tiny_recipe, phantom_dataset, run, init_weights=None, workers=0)
    assert epochs == [1], "the first epoch was trained again"
    assert logged(run)[: len(begun)] == begun, "metrics.csv lost the epochs before the kill"
    assert [row["step"] for row in logged(run)] == [row["step"] for row in logged(tiny_run)]
    resumed, unbroken = load_file(run / "model.safetensors"), load_file(tiny_run / "model.safetensors")
    assert resumed.keys() == unbroken.keys()
    for name, weights in unbroken.items():
        np.testing.assert_array_equal(resumed[name], weights, err_msg=name)


def logged(run: Path) -> list[dict[str, str]]:
    with (run / "logs" / "metrics.csv").open(newline="") as stream:
        return [{name: value for name, value in row.items() if value} for row in csv.DictReader(stream)]


def test_other_data_do_not_continue_a_run(phantom_dataset: Dataset, tiny_recipe: Recipe, tiny_run: Path):
    records = phantom_dataset.records.copy()
    label = phantom_dataset.label_space[0]
    records.loc[0, label] = 1 - records.loc[0, label]
    with pytest.raises(ConfigError, match="a run on other data"):
        train(tiny_recipe, replace(phantom_dataset, records=records), tiny_run, init_weights=None, workers=0)
    moved = phantom_dataset.records.assign(path="elsewhere/" + phantom_dataset.records["path"])
    train(tiny_recipe, replace(phantom_dataset, records=moved), tiny_run, init_weights=None, workers=0)


def test_early_stopping_watches_training_patients_and_leaves_validation_alone(
    phantom_dataset: Dataset, tiny_recipe: Recipe, tmp_path: Path
):
    # At this rate nothing improves, so that the watched loss cannot fall for long.
    optimization = tiny_recipe.optimization.model_copy(update={"epochs": 30, "learning_rate": 1e-12, "ema_decay": 0.0})
    stopping = EarlyStoppingConfig(patience=1, share=0.2)
    recipe = tiny_recipe.model_copy(update={"optimization": optimization, "early_stopping": stopping})
    card = train(recipe, phantom_dataset, tmp_path / "run", init_weights=None, workers=0)
    assert int(logged(tmp_path / "run")[-1]["epoch"]) < 29
    training = phantom_dataset.subset("train").records
    images, patients = (int(number) for number in re.findall(r"(\d+) (?:images|patients)", card.data))
    assert images < len(training)
    assert patients == pytest.approx(0.8 * training["patient"].nunique(), abs=1)
    calibrated = read_predictions(tmp_path / "run" / CALIBRATION_SPLIT)
    assert set(calibrated.patients) == set(phantom_dataset.subset("val").records["patient"])


def test_a_logger_that_is_not_there_is_refused_before_training(
    phantom_dataset: Dataset, tiny_recipe: Recipe, tmp_path: Path
):
    for name, error, message in (
        ("paper", ConfigError, "choose of csv, tensorboard, mlflow, wandb"),
        ("wandb", MissingExtraError, r"cxr\[wandb\]"),
    ):
        if name == "wandb" and find_spec("wandb"):
            continue
        with pytest.raises(error, match=message):
            train(tiny_recipe, phantom_dataset, tmp_path / "run", init_weights=None, workers=0, loggers=(name,))
    assert not (tmp_path / "run").exists()


def test_training_changes_the_weights_and_keeps_no_pickle_but_the_resume_file(tiny_run: Path, tiny_recipe: Recipe):
    model, card = load_checkpoint(tiny_run)
    assert card.recipe == "tiny"
    assert len(card.label_space) == model.prediction.out_features
    assert [p.name for p in tiny_run.rglob("*.ckpt")] == ["last.ckpt"]


def test_a_finished_run_is_not_trained_again(phantom_dataset: Dataset, tiny_recipe: Recipe, tiny_run: Path):
    before = (tiny_run / "model.safetensors").stat().st_mtime_ns
    train(tiny_recipe, phantom_dataset, tiny_run, init_weights=None, workers=0)
    assert (tiny_run / "model.safetensors").stat().st_mtime_ns == before


def test_another_recipe_does_not_continue_a_run(phantom_dataset: Dataset, tiny_recipe: Recipe, tiny_run: Path):
    other = tiny_recipe.model_copy(update={"seed": 9})
    with pytest.raises(ConfigError, match="another recipe"):
        train(other, phantom_dataset, tiny_run, init_weights=None, workers=0)


def test_calibration_split_holds_the_validation_patients_alone(phantom_dataset: Dataset, tiny_run: Path):
    split = read_predictions(tiny_run / CALIBRATION_SPLIT)
    assert set(split.images) == set(phantom_dataset.subset("val").records["image"])
    assert set(split.patients).isdisjoint(phantom_dataset.subset("train").records["patient"])
    assert set(split.attributes) == {"sex", "view"}


def test_damaged_images_stop_neither_training_nor_evaluation(
    phantom_dataset: Dataset, tiny_recipe: Recipe, tmp_path: Path, caplog: pytest.LogCaptureFixture
):
    records = phantom_dataset.records.copy()
    damaged = {split: records.index[records["split"] == split][0] for split in ("train", "val", "test")}
    for split, row in damaged.items():
        cut = tmp_path / f"{split}.png"
        cut.write_bytes(Path(records.at[row, "path"]).read_bytes()[:200])
        records.at[row, "path"] = str(cut)
    dataset = replace(phantom_dataset, records=records)
    card = train(tiny_recipe, dataset, tmp_path / "run", init_weights=None, workers=0)
    assert f": {len(dataset.subset('train')) - 1} images" in card.data
    calibration = read_predictions(tmp_path / "run" / CALIBRATION_SPLIT)
    assert set(calibration.images) == set(dataset.subset("val").records["image"]) - {
        records.at[damaged["val"], "image"]
    }
    report = evaluate_run(tmp_path / "run", dataset, tmp_path / "out", split="test", resamples=100, workers=1)
    assert report.classification.n_images == len(dataset.subset("test")) - 1
    assert caplog.text.count("1 of ") == 3
    for split, row in damaged.items():
        listed = (tmp_path / "run" / "cache" / split / "refused.csv").read_text()
        assert records.at[row, "image"] in listed


def test_labels_too_rare_to_learn_leave_the_label_space(phantom_dataset: Dataset):
    wanted = phantom_dataset.label_space
    kept = learnable_labels(phantom_dataset, wanted)
    counts = (phantom_dataset.subset("train").records[list(wanted)] == 1).sum()
    assert kept == tuple(name for name in wanted if counts[name] >= 5)
    with pytest.raises(DatasetError, match="no label has 5 positives"):
        learnable_labels(phantom_dataset, ("Hernia",))


def test_evaluation_writes_what_it_returns(phantom_dataset: Dataset, tiny_run: Path, tmp_path: Path):
    report = evaluate_run(tiny_run, phantom_dataset, tmp_path, split="test", resamples=100, workers=1)
    predictions = read_predictions(tmp_path / "predictions.csv")
    assert report.classification.n_images == len(predictions.images) == len(phantom_dataset.subset("test").records)
    assert (tmp_path / "evaluation.json").read_text().startswith("{")
    assert report.localization is None, "a built dataset has no boxes"


def test_boxes_are_confined_by_the_outlines_of_the_network_that_was_evaluated(tmp_path: Path):
    Image.linear_gradient("L").resize((224, 224)).save(tmp_path / "a.png")
    outlines = np.full((1, 3, 112, 112), -9, np.float16)
    outlines[0, 0, 30:80, 30:50] = outlines[0, 1, 30:80, 60:80] = outlines[0, 2, 60:80, 44:66] = 9
    predictions = Predictions(
        images=("a.png",),
        patients=("1",),
        label_space=("Cardiomegaly",),
        logits=np.zeros((1, 1), np.float32),
        labels=np.ones((1, 1), np.float32),
        class_maps=np.zeros((1, 1, 7, 7), np.float16),
        outlines=outlines,
    )
    heart = pd.DataFrame([("a.png", "Cardiomegaly", 88.0, 120.0, 44.0, 40.0)], columns=list(BOX_COLUMNS))
    settings = {"Cardiomegaly": BoxSettings()}
    report = localize(predictions, {"a.png": tmp_path / "a.png"}, heart, 224, settings, resamples=2)
    assert report.iou[0.7]["Cardiomegaly"].value == 1, "the box of a large heart is its outline"
    report = localize(
        replace(predictions, outlines=None), {"a.png": tmp_path / "a.png"}, heart, 224, settings, resamples=2
    )
    assert report.iou[0.1]["Cardiomegaly"].value == 0, "the shipped segmenter sees no heart there"


def test_learning_rate_rises_then_falls_to_zero():
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    schedule = warmup_cosine(optimizer, 100, 0.1)
    factors = []
    for _ in range(101):
        factors.append(schedule.get_last_lr()[0])
        optimizer.step()
        schedule.step()
    assert factors[9] == 1.0
    assert factors[:10] == sorted(factors[:10])
    assert factors[10:] == sorted(factors[10:], reverse=True)
    assert factors[100] == pytest.approx(0)
