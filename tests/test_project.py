"""The package metadata and the source agree with what the project promises."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
# Besides the storage module: an unfinished image cache that the next run goes on with under its name, an upload that
# gets its suffix, and a column of a table.
RENAMES = {"nlp_labeler/storage.py", "cxr/datasets/cache.py", "cxr/worklist/intake.py", "cxr/datasets/nih.py"}
POSIX_ONLY = {"fcntl", "grp", "pty", "pwd", "resource", "termios"}


def nodes(*folders: str) -> Iterator[tuple[str, ast.AST]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                yield path.relative_to(ROOT).as_posix(), node


def called(node: ast.AST) -> str | None:
    """The last name of what a call calls."""
    if not isinstance(node, ast.Call):
        return None
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)


def imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {name.name.partition(".")[0] for name in node.names}
    return {(node.module or "").partition(".")[0]} if isinstance(node, ast.ImportFrom) and not node.level else set()


def test_base_install_is_the_clinics():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    base = {d.split("==")[0] for d in project["dependencies"]}
    assert base.isdisjoint({"torch", "spacy", "lightning", "pandas", "pyarrow"})
    assert all("==" in d for d in project["dependencies"]), "every version is pinned"


def test_one_place_decides_what_runs_a_network():
    opened = {path for path, node in nodes("cxr", "nlp_labeler", "app") if called(node) == "InferenceSession"}
    assert opened == {"cxr/onnx_model.py"}


def test_one_place_replaces_files_and_locks_folders():
    def replaces(node: ast.AST) -> bool:
        # str.replace takes two arguments, Path.replace one; dataclasses.replace is called by its name alone
        moves = called(node) in {"replace", "rename"} and isinstance(node.func, ast.Attribute)
        return (moves and len(node.args) == 1 and not node.keywords) or called(node) in {"mkstemp", "flock", "lockf"}

    found = {path for path, node in nodes("cxr", "nlp_labeler", "app", "benchmarks") if replaces(node)}
    assert found <= RENAMES


def test_settings_refuse_unknown_keys_and_do_not_change():
    def options(node: ast.AST) -> dict[str, object] | None:
        if called(node) != "ConfigDict":
            return None
        return {keyword.arg: getattr(keyword.value, "value", None) for keyword in node.keywords}

    found = [(path, given) for path, node in nodes("cxr", "nlp_labeler", "app") if (given := options(node)) is not None]
    assert found
    assert [path for path, given in found if given.get("extra") != "forbid"] == []
    # Two describe dataclasses, which are frozen themselves.
    mutable = {path for path, given in found if given.get("frozen") is not True}
    assert mutable == {"cxr/reporting/document.py", "cxr/screening/result.py"}


@pytest.mark.parametrize("package", ["cxr", "nlp_labeler", "app"])
def test_nothing_imports_what_only_posix_has(package):
    found = {(path, name) for path, node in nodes(package) for name in imported(node) & POSIX_ONLY}
    assert found == set()
