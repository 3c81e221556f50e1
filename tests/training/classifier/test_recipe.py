from pathlib import Path

import pytest
import torch

from cxr.datasets.dataset import Dataset
from cxr.errors import ConfigError
from cxr.models.checkpoint import load_checkpoint
from cxr.training.classifier.recipe import load_recipe
from cxr.training.classifier.train import train
from cxr.training.shared.recipe_files import shipped


@pytest.mark.parametrize("name", shipped("cxr.training.classifier"))
def test_shipped_recipes_validate_and_start_with_their_command(name: str, repository_root: Path):
    assert load_recipe(name).name == name
    first = (
        (repository_root / "cxr" / "training" / "classifier" / "recipes" / f"{name}.toml").read_text().splitlines()[0]
    )
    assert first.startswith(f"# cxr train {name} ")


def test_unknown_name_lists_the_shipped_ones():
    with pytest.raises(ConfigError, match="baseline"):
        load_recipe("nosuch")


def test_all_faults_are_named_at_once(tmp_path: Path):
    path = tmp_path / "bad.toml"
    path.write_text(
        'name = "bad"\ncolour = 3\n[model.backbone]\nname = "resnet18"\n[optimization]\nepochs = 0\nlearning_rat = 1\n'
    )
    with pytest.raises(ConfigError) as caught:
        load_recipe(str(path))
    for fault in ("colour", "optimization.epochs", "optimization.learning_rat"):
        assert fault in str(caught.value)


def test_not_toml(tmp_path: Path):
    path = tmp_path / "bad.toml"
    path.write_text("[[")
    with pytest.raises(ConfigError, match="not TOML"):
        load_recipe(str(path))


def test_a_recipe_is_laid_over_its_base_key_by_key(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "ablation"\nname = "mine"\n[model]\nlse_r = 2.0\n[optimization]\nepochs = 9\n')
    mine, base = load_recipe(str(path)), load_recipe("ablation")
    assert (mine.model.lse_r, mine.optimization.epochs) == (2.0, 9)
    assert mine.model.backbone == base.model.backbone
    assert mine.optimization.model_copy(update={"epochs": base.optimization.epochs}) == base.optimization


def test_a_recipe_leaves_out_what_it_clears_of_its_base(tmp_path: Path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "demo"\nname = "mine"\nclear = ["report_localization", "model.mining"]\n')
    mine, base = load_recipe(str(path)), load_recipe("demo")
    assert (mine.report_localization, mine.model.mining) == (None, None)
    assert base.report_localization is not None
    assert mine.model.backbone == base.model.backbone
    for text, message in (
        ('base = "demo"\nclear = ["curriculum"]\n', "clear names 'curriculum', which its base 'demo' has not"),
        ('clear = ["model"]\n', "clear leaves out keys of a base, and there is none"),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            load_recipe(str(path))


def test_keys_are_changed_on_the_command_line():
    changes = (
        "optimization.epochs=20",
        "labels=dataset",
        'frozen=["bn1"]',
        "model.context_dropout = 0.1",
        "name='x y'",
    )
    recipe = load_recipe("demo", changes)
    assert (recipe.optimization.epochs, recipe.labels, recipe.frozen) == (20, "dataset", ("bn1",))
    assert recipe.model.context_dropout == 0.1
    assert recipe.optimization.batch_size == load_recipe("demo").optimization.batch_size


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epochs", "say --set KEY=VALUE"),
        ("optimization epochs=3", "say --set KEY=VALUE"),
        ("optimization.epochs=[1", "no value of TOML"),
        ("optimization.epochs=many", "optimization.epochs"),
        ("optimisation.epochs=3", "optimisation"),
    ],
)
def test_a_change_that_fits_no_key_is_refused(change: str, message: str):
    with pytest.raises(ConfigError, match=message):
        load_recipe("demo", (change,))


def test_a_recipe_cannot_be_its_own_base(tmp_path: Path):
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text(f'base = "{second}"\n')
    second.write_text(f'base = "{first}"\n')
    with pytest.raises(ConfigError, match="its own base"):
        load_recipe(str(first))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("[places]\nweight = 1.0", r"places is now called \[report_localization\]"),
        ("[prior]\npasses_over = []", r"prior is now called \[anatomical_features\]"),
        ("[anatomical_features]\npasses_over = []", "passes_over is now called anatomical_features.excluded_labels"),
        ("[model]\nanatomical_prior = true", "model.anatomical_prior is now called model.anatomical_features"),
    ],
)
def test_keys_of_earlier_recipes_are_refused_with_their_new_name(old: str, new: str, tmp_path: Path):
    path = tmp_path / "old.toml"
    path.write_text(f'base = "demo"\nname = "old"\n{old}\n')
    with pytest.raises(ConfigError, match=new):
        load_recipe(str(path))


@pytest.mark.parametrize(("old", "new"), [("laboratory", "ablation"), ("report_places", "report_localization")])
def test_earlier_names_of_recipes_are_refused_with_their_new_name(old: str, new: str, tmp_path: Path):
    with pytest.raises(ConfigError, match=f"'{old}' is now called {new}$"):
        load_recipe(old)
    path = tmp_path / "mine.toml"
    path.write_text(f'base = "{old}"\nname = "mine"\n')
    with pytest.raises(ConfigError, match=f"'{old}' is now called {new}$"):
        load_recipe(str(path))


VIT = """
name = "vit"
image_size = {size}
[model]
transition_channels = 16
[model.backbone]
name = "test_vit"
options = {{ img_size = 64 }}
[optimization]
epochs = 1
batch_size = 16
"""


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_backbone_is_added_by_one_recipe_file(tmp_path: Path, phantom_dataset: Dataset):
    recipe = tmp_path / "vit.toml"
    recipe.write_text(VIT.format(size=64))
    train(load_recipe(str(recipe)), phantom_dataset, tmp_path / "run", init_weights=None, workers=0)
    model, card = load_checkpoint(tmp_path / "run")
    output = model(torch.rand(2, 1, 64, 64))
    assert output.class_maps.shape == (2, len(card.label_space), 4, 4), "one cell for each patch of 16 pixels"
    assert torch.isfinite(output.logits).all()


def test_a_backbone_that_does_not_take_the_images_is_refused(tmp_path: Path, phantom_dataset: Dataset):
    recipe = tmp_path / "vit.toml"
    recipe.write_text(VIT.format(size=96).replace("test_vit", "test_vit_relpos"))
    with pytest.raises(ConfigError, match=r"'test_vit_relpos' does not take images of 96 .*img_size = 96") as caught:
        train(load_recipe(str(recipe)), phantom_dataset, tmp_path / "run", init_weights=None, workers=0)
    assert "\n" not in str(caught.value)
