"""Recipe files: TOML, by path or by the name of a shipped one, validated with every fault in one message."""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from cxr.datasets.schema import Dataset
from cxr.errors import ConfigError
from nlp_labeler.faults import faults
from nlp_labeler.storage import write_text

__all__ = ["keep_data", "keep_recipe", "read_recipe", "shipped"]

Recipe = TypeVar("Recipe", bound=BaseModel)
_FILE = "recipe.json"
_DATA_FILE = "data.json"
_RENAMED = {"laboratory": "ablation", "report_places": "report_localization"}  # shipped under these names before


def shipped(package: str) -> list[str]:
    """Names of the recipes inside a package's folder ``recipes``."""
    folder = files(package) / "recipes"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir() if entry.name.endswith(".toml"))


def read_recipe(
    kind: type[Recipe], name_or_path: str, package: str, renamed: Mapping[str, str], changes: Sequence[str] = ()
) -> Recipe:
    """Read a recipe by file path, or by name from those shipped.

    A recipe may name another as its ``base``: its own tables are laid over the base's, key by key; ``clear`` lists the
    keys of the base that are left out (``clear = ["mining", "model.mining"]``).

    Args:
        kind: what the recipe must be.
        name_or_path: a .toml file, or a shipped recipe's name.
        package: that ships recipes.
        renamed: earlier name of a key, with its tables before it (``"model.name"``) -> what it is called now.
        changes: ``key=value`` over the file, last; values as TOML writes them, words also without quotes.

    Raises:
        ConfigError: if there is no such recipe, or it does not validate.
    """
    content = _read(name_or_path, package, ())
    for change in changes:
        content = _laid_over(_as_table(change), content)
    if old := [f"{key} is now called {new}" for key, new in renamed.items() if _holds(content, key.split("."))]:
        raise ConfigError(f"recipe '{name_or_path}': {'; '.join(old)}")
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"recipe '{name_or_path}': {faults(error)}") from error


def keep_recipe(recipe: BaseModel, run: Path) -> None:
    """Write the recipe into a run folder, which may hold a run of this very recipe, to be resumed.

    Raises:
        ConfigError: if it holds a run of another recipe, or one of another version of the package.
    """
    kept = run / _FILE
    if kept.exists():
        try:
            same = type(recipe).model_validate_json(kept.read_text()) == recipe
        except ValidationError:
            same = False
        if not same:
            raise ConfigError(f"{run} holds a run of another recipe; choose another --out, or delete the folder")
    run.mkdir(parents=True, exist_ok=True)
    write_text(kept, recipe.model_dump_json(indent=1) + "\n")


def keep_data(dataset: Dataset, run: Path, finished: Path) -> None:
    """Write what a run learns from into its folder, which may hold a run on these very data.

    Patients, splits, labels and reports must be the same, the folder of the images need not.

    Args:
        dataset: images of all splits.
        run: the run folder.
        finished: the file that a finished run has; without a note of its data, such a run is of an earlier version and
            is taken as it is.

    Raises:
        ConfigError: if it holds a run on other data.
    """
    kept = run / _DATA_FILE
    if finished.exists() and not kept.exists():
        return
    content = hashlib.sha256()
    columns = ["image", "patient", "split", *dataset.label_space]
    content.update(dataset.records[columns].to_csv(index=False).encode("utf-8", "surrogateescape"))
    if dataset.reports is not None and "text" in dataset.reports:
        content.update(dataset.reports[["image", "text"]].to_csv(index=False).encode("utf-8", "surrogateescape"))
    said = {"images": len(dataset), "labels": list(dataset.label_space), "sha256": content.hexdigest()}
    text = json.dumps(said, indent=1) + "\n"
    # Where training was refused before it began, e.g. for images that are not there, nothing was learned from the data.
    learned = {path.name for path in run.iterdir()} - {_FILE, _DATA_FILE, "cache", "missing.csv"}
    if learned and kept.exists() and kept.read_text() != text:
        raise ConfigError(
            f"{run} holds a run on other data than {dataset.root}; choose another --out, or delete the folder"
        )
    write_text(kept, text)


def _read(name_or_path: str, package: str, above: tuple[str, ...]) -> dict[str, Any]:
    """A recipe's content, laid over that of its base."""
    if name_or_path in above:
        raise ConfigError(f"recipe '{name_or_path}' is its own base, by way of {', '.join(above)}")
    path = Path(name_or_path)
    if path.suffix == ".toml":
        if not path.is_file():
            raise ConfigError(f"recipe {path}: no such file")
        text = path.read_text()
    elif name_or_path in shipped(package):
        text = (files(package) / "recipes" / f"{name_or_path}.toml").read_text()
    elif name_or_path in _RENAMED:
        raise ConfigError(f"recipe '{name_or_path}' is now called {_RENAMED[name_or_path]}")
    else:
        raise ConfigError(f"recipe '{name_or_path}': give a .toml file or one of {', '.join(shipped(package))}")
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"recipe '{name_or_path}' is not TOML: {error}") from error
    base, cleared = content.pop("base", None), content.pop("clear", [])
    if base is None:
        if cleared:
            raise ConfigError(f"recipe '{name_or_path}': clear leaves out keys of a base, and there is none")
        return content
    below = _read(str(base), package, (*above, name_or_path))
    for key in cleared if isinstance(cleared, list) else [cleared]:
        if not isinstance(key, str) or not _holds(below, key.split(".")):
            raise ConfigError(f"recipe '{name_or_path}': clear names {key!r}, which its base '{base}' has not")
        below = _without(below, key.split("."))
    return _laid_over(content, below)


def _without(content: dict[str, Any], path: list[str]) -> dict[str, Any]:
    if len(path) == 1:
        return {key: value for key, value in content.items() if key != path[0]}
    return content | {path[0]: _without(content[path[0]], path[1:])}


def _as_table(change: str) -> dict[str, Any]:
    """``"optimization.epochs=20"`` as the tables it stands for.

    Raises:
        ConfigError: if it is not of the form key=value.
    """
    key, equals, value = (part.strip() for part in change.partition("="))
    if not equals or not re.fullmatch(r"\w+(\.\w+)*", key):
        raise ConfigError(f"--set {change}: say --set KEY=VALUE, e.g. --set optimization.epochs=20")
    try:
        content: Any = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        if not re.fullmatch(r"[\w.-]+", value):
            raise ConfigError(f"--set {change}: {value!r} is no value of TOML; put texts in quotes") from None
        content = value
    for part in reversed(key.split(".")):
        content = {part: content}
    return content


def _laid_over(content: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in content.items():
        below = base.get(key)
        merged[key] = _laid_over(value, below) if isinstance(value, dict) and isinstance(below, dict) else value
    return merged


def _holds(content: Any, path: list[str]) -> bool:
    """Whether there is a key at the end of a path of tables."""
    for key in path:
        if not isinstance(content, dict) or key not in content:
            return False
        content = content[key]
    return True
