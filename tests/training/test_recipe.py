from pathlib import Path

import pytest

from cxr.errors import ConfigError
from cxr.training.recipe import load_recipe, shipped_recipes


@pytest.mark.parametrize("name", shipped_recipes())
def test_shipped_recipes_validate_and_start_with_their_command(name: str, repository_root: Path):
    assert load_recipe(name).name == name
    first = (repository_root / "cxr" / "training" / "recipes" / f"{name}.toml").read_text().splitlines()[0]
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
