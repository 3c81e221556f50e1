"""``cxr recipes``: which recipes there are, what each is for, and what every key of one means."""

import tomllib
from collections.abc import Iterator
from enum import StrEnum
from importlib import import_module
from importlib.resources import files
from typing import TYPE_CHECKING, Any, get_args

import typer

from cxr.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel
    from pydantic.fields import FieldInfo

__all__ = ["app"]

app = typer.Typer(help="List and explain the recipes, and every key that one may have.")


class Command(StrEnum):
    """The commands that take a recipe."""

    TRAIN = "train"
    TRAIN_REPORT = "train-report"
    DISTILL = "distill"


# Command -> the package that ships its recipes, and the class of its module `recipe` that validates one.
_KINDS = {
    Command.TRAIN: ("cxr.training.classifier", "Recipe"),
    Command.TRAIN_REPORT: ("cxr.training.report", "ReportRecipe"),
    Command.DISTILL: ("cxr.training.distillation", "DistillationRecipe"),
}


@app.callback(invoke_without_command=True)
def recipes(context: typer.Context) -> None:
    """List and explain the recipes, and every key that one may have."""
    if context.invoked_subcommand is None:
        list_recipes()


@app.command("list")
def list_recipes() -> None:
    """Print every shipped recipe with its command and its purpose."""
    for command, name, text in _shipped():
        about, _ = _purpose(text)
        base = tomllib.loads(text).get("base")
        typer.echo(f"cxr {command} {name}" + (f"  (base: {base})" if base else ""))
        typer.echo(f"    {about}")


@app.command()
def explain(name: str = typer.Argument(help="A shipped recipe's name.")) -> None:
    """Print what a recipe is for, and every key in which it differs from the defaults."""
    from cxr.cli.conventions import require

    require("explaining recipes", "train", "torch", "timm", "pandas")
    from cxr.training.shared.recipe_files import read_recipe

    found = [(command, text) for command, other, text in _shipped() if other == name]
    if not found:
        raise ConfigError(f"no recipe '{name}'; there are {', '.join(other for _, other, _ in _shipped())}")
    for command, text in found:
        about, how = _purpose(text)
        typer.echo(f"{how}\n{about}\n")
        package, _ = _KINDS[command]
        recipe = read_recipe(_validator(command), name, package, {})
        chosen = recipe.model_dump(mode="json", exclude_defaults=True)
        for key, _, meaning in _keys(type(recipe)):
            if (value := _at(chosen, key)) is not None and not isinstance(value, dict):
                typer.echo(f"{key} = {value}  # {meaning}")


@app.command()
def schema(
    command: Command = typer.Argument(Command.TRAIN, help="Whose recipes: train, train-report or distill."),
) -> None:
    """Print every key that a recipe may have, with its type, its default and its meaning."""
    from cxr.cli.conventions import require

    require("explaining recipes", "train", "torch", "timm", "pandas")
    for key, field, meaning in _keys(_validator(command)):
        if field.is_required():
            default = "required"
        elif _model_of(field.annotation) is not None:
            default = "optional table"
        else:
            default = f"default {field.get_default(call_default_factory=True)!r}"
        limits = "".join(f", {limit}" for limit in _limits(field))
        typer.echo(f"{key}: {_type(field.annotation)}{limits}, {default}\n    {meaning}")


def _shipped() -> Iterator[tuple[Command, str, str]]:
    """Command, name and text of every shipped recipe."""
    for command, (package, _) in _KINDS.items():
        for entry in sorted((files(package) / "recipes").iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith(".toml"):
                yield command, entry.name.removesuffix(".toml"), entry.read_text(encoding="utf-8")


def _purpose(text: str) -> tuple[str, str]:
    """Why a recipe exists, and the command that runs it: the comment at its top."""
    comment: list[str] = []
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        comment.append(line.removeprefix("#").strip())
    return " ".join(comment[1:]), comment[0] if comment else ""


def _validator(command: Command) -> "type[BaseModel]":
    package, name = _KINDS[command]
    return getattr(import_module(f"{package}.recipe"), name)


def _keys(kind: "type[BaseModel]", above: str = "") -> "Iterator[tuple[str, FieldInfo, str]]":
    """Every key with its tables before it, its field, and what it means."""
    text = files("cxr.training.shared").joinpath("recipe_keys.toml").read_text(encoding="utf-8")
    yield from _documented(kind, above, tomllib.loads(text))


def _documented(
    kind: "type[BaseModel]", above: str, meanings: dict[str, dict[str, str]]
) -> "Iterator[tuple[str, FieldInfo, str]]":
    for name, field in kind.model_fields.items():
        yield above + name, field, meanings.get(kind.__name__, {}).get(name, "")
        if (inner := _model_of(field.annotation)) is not None:
            yield from _documented(inner, f"{above}{name}.", meanings)


def _model_of(annotation: Any) -> "type[BaseModel] | None":
    """The first table that an annotation allows."""
    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _model_of(part)) is not None), None)


def _type(annotation: Any) -> str:
    """A type as a reader of TOML puts it."""
    if _model_of(annotation) is not None:
        return "table"
    if isinstance(annotation, type) and not get_args(annotation):
        return {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}.get(
            annotation.__name__, annotation.__name__
        )
    parts = [part for part in get_args(annotation) if part not in (type(None), ...)]
    origin = getattr(annotation, "__origin__", None)
    if origin is dict:
        return "table of options"
    if origin is tuple:
        return f"list of {_type(parts[0])}s"
    if all(isinstance(part, str) for part in parts):
        return " | ".join(f'"{part}"' for part in parts)
    return " or ".join(_type(part) for part in parts)


def _limits(field: "FieldInfo") -> Iterator[str]:
    """The range of a number, as in ``>= 0``."""
    signs = {"Gt": "> {gt}", "Ge": ">= {ge}", "Lt": "< {lt}", "Le": "<= {le}"}
    for limit in field.metadata:
        if (sign := signs.get(type(limit).__name__)) is not None:
            yield sign.format(**{type(limit).__name__.lower(): getattr(limit, type(limit).__name__.lower())})


def _at(content: Any, key: str) -> Any:
    for part in key.split("."):
        content = content.get(part) if isinstance(content, dict) else None
    return content
