"""`cxr recipes` lists what is shipped and documents every key."""

import tomllib
from importlib.resources import files

import pytest
from pydantic import BaseModel
from typer.testing import CliRunner

from cxr.cli.main import build_app
from cxr.models.tienet_factory import TransformerConfig
from cxr.training.classifier.recipe import Recipe
from cxr.training.distillation.recipe import DistillationRecipe
from cxr.training.report.recipe import ReportRecipe

MEANINGS = tomllib.loads(files("cxr.training.shared").joinpath("recipe_keys.toml").read_text(encoding="utf-8"))


def recipes(*arguments: str) -> str:
    result = CliRunner().invoke(build_app(), ["recipes", *arguments])
    assert result.exit_code == 0, result.exception
    return result.output


def tables(kind: type[BaseModel]) -> set[type[BaseModel]]:
    """A validating class and all that it holds."""
    inner = {found for field in kind.model_fields.values() for found in classes_in(field.annotation)}
    return {kind}.union(*(tables(other) for other in inner)) if inner else {kind}


def classes_in(annotation: object) -> set[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return {annotation}
    parts = getattr(annotation, "__args__", ())
    return set().union(*(classes_in(part) for part in parts)) if parts else set()


def test_every_key_has_a_meaning_and_every_meaning_a_key():
    kinds = tables(Recipe) | tables(ReportRecipe) | tables(DistillationRecipe)
    assert TransformerConfig in kinds, "a table behind a discriminator was passed over"
    assert {kind.__name__: set(kind.model_fields) for kind in kinds} == {
        name: set(keys) for name, keys in MEANINGS.items()
    }


def test_the_list_names_every_shipped_recipe_with_its_command_and_purpose():
    printed = recipes()
    assert printed == recipes("list")
    for command, package in (("train", "classifier"), ("train-report", "report"), ("distill", "distillation")):
        for entry in (files("cxr.training") / package / "recipes").iterdir():
            assert f"cxr {command} {entry.name.removesuffix('.toml')}" in printed
    assert "The plain recipe every method is measured against" in printed


@pytest.mark.parametrize("command", ["train", "train-report", "distill"])
def test_the_schema_says_type_range_default_and_meaning(command: str):
    lines = recipes("schema", command).splitlines()
    assert all(meaning.strip() for meaning in lines[1::2])
    if command == "train":
        assert "optimization.epochs: whole number, > 0, required" in lines
        assert 'initial_weights: "random" | "shipped", default \'random\'' in lines
        assert "frozen: list of texts, default ()" in lines
        assert "early_stopping.share: number, > 0, < 0.5, default 0.1" in lines


def test_a_recipe_is_explained_by_what_it_changes():
    printed = recipes("explain", "attention_mining")
    assert "cxr train attention_mining" in printed
    assert "mining.from_epoch = 5  # epoch, from 0, at which hiding begins" in printed
    assert "optimization.epochs = " in printed, "what comes from the base is missing"
    unknown = CliRunner().invoke(build_app(), ["recipes", "explain", "nosuch"])
    assert "no recipe 'nosuch'; there are ablation" in str(unknown.exception)
