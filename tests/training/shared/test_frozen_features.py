"""A frozen backbone's maps, computed once, train what the images themselves train."""

from pathlib import Path

import lightning
import numpy as np
import pytest
from safetensors.numpy import load_file

from cxr.datasets.dataset import Dataset
from cxr.models.backbone import Backbone
from cxr.models.factory import build_model
from cxr.training.classifier import train as training
from cxr.training.classifier.predictions import read_predictions
from cxr.training.classifier.recipe import Recipe
from cxr.training.classifier.train import CALIBRATION_SPLIT, train

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")

NO_CHANGE = dict.fromkeys(("rotate_degrees", "scale", "translate", "brightness", "contrast", "gamma"), 0.0)


@pytest.fixture
def frozen_recipe(tiny_recipe: Recipe) -> Recipe:
    """A backbone that is kept as it is, in maps of two stages, and images that are not changed."""
    tiny = tiny_recipe.model_dump(mode="json")
    model = tiny["model"] | {"backbone": {"name": "test_convnext", "stages": [2, 3]}, "dropout": 0.0}
    frozen = ["stem", "stages", "norm_pre", "head"]
    return Recipe.model_validate(tiny | {"model": model, "frozen": frozen, "augmentation": NO_CHANGE})


def test_stored_maps_train_what_images_train(
    frozen_recipe: Recipe, phantom_dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    train(frozen_recipe, phantom_dataset, tmp_path / "maps", init_weights=None, workers=0, cache=tmp_path / "cache")
    assert len(list((tmp_path / "cache" / "maps").glob("*.npy"))) == 2, "training and validation images"
    asked: list[int] = []
    forward = Backbone.forward
    monkeypatch.setattr(Backbone, "forward", lambda *arguments: asked.append(1) or forward(*arguments))
    again = tmp_path / "again"
    train(frozen_recipe, phantom_dataset, again, init_weights=None, workers=0, cache=tmp_path / "cache")
    assert len(asked) <= 3, "another run asks the backbone for the shape of its maps alone"
    monkeypatch.setattr(training, "storable", lambda *_: False)
    train(frozen_recipe, phantom_dataset, tmp_path / "images", init_weights=None, workers=0)
    stored, repeated, computed = (
        load_file(tmp_path / run / "model.safetensors") for run in ("maps", "again", "images")
    )
    assert stored.keys() == computed.keys(), "the checkpoint holds the backbone in both"
    for name, weights in stored.items():
        np.testing.assert_array_equal(weights, repeated[name], err_msg=name)
    for name in (name for name in stored if "backbone" in name):
        np.testing.assert_array_equal(stored[name], computed[name], err_msg=name)
    lightning.seed_everything(frozen_recipe.seed, verbose=False)
    initial = build_model(frozen_recipe.model, [""] * len(stored["prediction.bias"])).state_dict()
    for name in ("prediction.weight", "transition.laterals.0.0.weight"):
        learned = np.linalg.norm(computed[name] - initial[name].numpy())
        assert np.linalg.norm(stored[name] - computed[name]) < 0.05 * learned, name
    splits = [read_predictions(tmp_path / run / CALIBRATION_SPLIT).logits for run in ("maps", "images")]
    np.testing.assert_allclose(*splits, atol=0.02)


@pytest.mark.parametrize("change", [{"frozen": ["stem"]}, {"augmentation": NO_CHANGE | {"gamma": 0.1}}])
def test_a_backbone_that_learns_or_sees_changing_images_keeps_no_maps(
    change: dict[str, object], frozen_recipe: Recipe, phantom_dataset: Dataset, tmp_path: Path
):
    recipe = Recipe.model_validate(frozen_recipe.model_dump(mode="json") | change)
    train(recipe, phantom_dataset, tmp_path, init_weights=None, workers=0)
    assert not (tmp_path / "cache" / "maps").exists()
