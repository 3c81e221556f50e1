from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from cxr.datasets.dataset import Dataset
from cxr.errors import ConfigError, DatasetError
from cxr.models.checkpoint import load_checkpoint
from cxr.models.factory import build_classifier
from cxr.training.classifier.predictions import read_predictions
from cxr.training.classifier.train import CALIBRATION_SPLIT
from cxr.training.distillation.distill import Sources, distill
from cxr.training.distillation.fitting import Fit, Targets, fit_together, predict_films
from cxr.training.distillation.recipe import DistillationRecipe, load_distillation_recipe


def _recipe(**changes: object) -> DistillationRecipe:
    student = {
        "model": {"backbone": {"name": "test_efficientnet"}, "transition_channels": 16, "mining": {"steps": 1}},
        "image_size": 64,
        "epochs": 1,
        "batch_size": 4,
        "map_weight": 0.05,
    }
    content = {"name": "tiny", "film_size": 64, "folds": 2, "teachers": [{}], "student": student}
    return DistillationRecipe.model_validate(content | changes)


def test_the_shipped_recipe_is_what_the_shipped_weights_were_made_by():
    """Whatever the file does not say is a default, and a default that changes would change the recipe."""
    student = load_distillation_recipe("distilled").student
    optimization = (student.learning_rate, student.weight_decay, student.warmup_fraction, student.gradient_clip)
    assert optimization == (1e-3, 5e-2, 0.1, 1.0)
    assert (student.batch_size, student.ema_decay, student.epochs, student.map_weight) == (32, 0.99, 20, 0.05)


@pytest.fixture(scope="module")
def distilled(phantom_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("distilled") / "run"
    distill(_recipe(), phantom_dataset, run, Sources(), device="cpu", workers=1)
    return run


def test_a_run_has_what_export_takes_and_measures_beside_the_student(distilled: Path, phantom_dataset: Dataset):
    model, card = load_checkpoint(distilled)
    assert card.model.anatomical_features
    predictions = read_predictions(distilled / CALIBRATION_SPLIT)
    assert predictions.label_space == card.label_space
    assert set(predictions.patients) == set(phantom_dataset.subset("val").records["patient"])
    assert model(torch.zeros(1, 1, 64, 64)).logits.shape == (1, len(card.label_space))


def test_a_killed_run_resumes_to_the_same_weights(
    distilled: Path, phantom_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    run, finish, finished = tmp_path / "run", Fit.finish, []

    def killed(self: Fit) -> object:
        finished.append(self)
        if len(finished) == 2:
            raise RuntimeError("killed")
        return finish(self)

    monkeypatch.setattr(Fit, "finish", killed)
    with pytest.raises(RuntimeError, match="killed"):
        distill(_recipe(), phantom_dataset, run, Sources(), device="cpu", workers=1)
    assert [path.name for path in (run / "teachers").iterdir()] == ["0-0.npz"]
    monkeypatch.undo()
    distill(_recipe(), phantom_dataset, run, Sources(), device="cpu", workers=1)
    resumed, unbroken = load_file(run / "model.safetensors"), load_file(distilled / "model.safetensors")
    for name, weights in unbroken.items():
        np.testing.assert_array_equal(resumed[name], weights, err_msg=name)


def test_a_finished_run_is_returned_and_another_recipe_refused(distilled: Path, phantom_dataset: Dataset):
    before = (distilled / "model.safetensors").stat().st_mtime_ns
    distill(_recipe(), phantom_dataset, distilled, Sources(), device="cpu", workers=1)
    assert (distilled / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(ConfigError, match="another recipe"):
        distill(_recipe(seed=1), phantom_dataset, distilled, Sources(), device="cpu", workers=1)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("file,Fracture\na.png,1\n", "'Fracture' is no finding"),
        ("file,Mass\na.png,yes\n", "Mass is 'yes'"),
        ("picture\na.png\n", "has no column 'file'"),
        ("file\nmissing.png\n", "missing.png cannot be learned from"),
    ],
)
def test_a_table_of_further_films_that_is_not_understood_is_refused(
    table: str, said: str, phantom_dataset: Dataset, tmp_path: Path
):
    (tmp_path / "films.csv").write_text(table)
    with pytest.raises(DatasetError, match=said):
        distill(
            _recipe(),
            phantom_dataset,
            tmp_path / "run",
            Sources(unlabeled=tmp_path / "films.csv"),
            device="cpu",
            workers=1,
        )


def test_a_network_learns_its_targets_and_keeps_the_averaged_weights():
    recipe = _recipe().student.model_copy(update={"epochs": 30, "map_weight": 0.0, "ema_decay": 0.8})
    torch.manual_seed(0)
    bright = torch.arange(16) % 2
    films = (60 + 120 * bright[:, None, None] + torch.randint(0, 40, (16, 64, 64))).to(torch.uint8)
    network = build_classifier(recipe.model, 1)
    fit = Fit(network, films, Targets(bright[:, None].float()), np.arange(16), recipe, seed=0)
    last = [parameter.detach().clone() for parameter in network.parameters()]
    fit_together([fit])
    trained = [parameter.detach().clone() for parameter in network.parameters()]
    said = predict_films(fit.finish(), films, 64, maps=True)
    kept = list(network.parameters())
    assert not all(torch.equal(a, b) for a, b in zip(last, trained, strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(kept, trained, strict=True)), "the last weights, not their average"
    assert said.logits[bright == 1].min() > said.logits[bright == 0].max()
    assert said.maps is not None
    assert len(said.maps) == 16


def test_films_fewer_than_a_batch_are_refused():
    recipe = _recipe().student
    with pytest.raises(DatasetError, match="3 films"):
        Fit(
            build_classifier(recipe.model, 1),
            torch.zeros(3, 64, 64, dtype=torch.uint8),
            Targets(torch.zeros(3, 1)),
            np.arange(3),
            recipe,
            seed=0,
        )


def test_the_shipped_recipe_fills_its_teachers_in_from_the_student():
    recipe = load_distillation_recipe("distilled")
    teachers = recipe.teacher_networks()
    assert {t.model.backbone.name for t in teachers} == {
        "mobilenetv2_100",
        "tf_efficientnet_lite0",
        "tf_efficientnet_lite2",
    }
    assert all(t.frozen == recipe.student.frozen and t.map_weight == 0 for t in teachers)
    with pytest.raises(ConfigError, match=r"give a \.toml file or one of distilled"):
        load_distillation_recipe("nonsense")
