from pathlib import Path

import pytest

from cxr.errors import ConfigError
from cxr.training.classifier.recipe import load_recipe, shipped_recipes


@pytest.mark.parametrize("name", shipped_recipes())
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
    path.write_text('base = "laboratory"\nname = "mine"\n[model]\nlse_r = 2.0\n[optimization]\nepochs = 9\n')
    mine, base = load_recipe(str(path)), load_recipe("laboratory")
    assert (mine.model.lse_r, mine.optimization.epochs) == (2.0, 9)
    assert mine.model.backbone == base.model.backbone
    assert mine.optimization.model_copy(update={"epochs": base.optimization.epochs}) == base.optimization


def test_a_recipe_cannot_be_its_own_base(tmp_path: Path):
    first, second = tmp_path / "a.toml", tmp_path / "b.toml"
    first.write_text(f'base = "{second}"\n')
    second.write_text(f'base = "{first}"\n')
    with pytest.raises(ConfigError, match="its own base"):
        load_recipe(str(first))
