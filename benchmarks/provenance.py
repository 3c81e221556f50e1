"""Which code and data a figure comes from: commits, hashes, and run folders that bear the hash of what made them.

The hash of code covers the modules that a benchmark imports, directly or through others (those it starts by name in a
process of their own too), and every other file of their packages: recipes, lexicons, weights. The hash of data covers
the index files of each folder that was read, and how many bytes lie in how many files beside them.
"""

import ast
import hashlib
import json
import os
import subprocess
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import grimp

__all__ = [
    "RESULTS",
    "ROOT",
    "begin",
    "code_hash",
    "commit",
    "data_hash",
    "refuse_changes",
    "run_folder",
    "runs_used",
    "shared_data",
]

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "benchmarks" / "results"
OUTPUTS = ("README.md", "benchmarks/README.md", "benchmarks/results")
"""What running a benchmark writes."""
PACKAGES = ("cxr", "nlp_labeler", "benchmarks")
INDEX_FILES = (".csv", ".csv.gz", ".json", ".txt")

_folders_read: set[str] = set()
_runs_used: set[str] = set()


def begin() -> None:
    """Forget what earlier benchmarks of this process have read."""
    _folders_read.clear()
    _runs_used.clear()


def shared_data(name: str) -> Path:
    """A folder of the real data beside the checkout, or of that which CXR_SHARED_DATA names; it counts as read.

    Raises:
        SystemExit: if it is not there: the benchmark cannot run.
    """
    folder = Path(os.environ.get("CXR_SHARED_DATA", ROOT.parent / "shared" / "data")) / name
    if not folder.is_dir():
        raise SystemExit(f"benchmarks: no real data at {folder}; set CXR_SHARED_DATA")
    _folders_read.add(name)
    return folder


def data_hash(names: Iterable[str] | None = None) -> str:
    """Hash of folders of real data; of those read since :func:`begin` where none is named. Empty without any."""
    chosen = sorted(_folders_read if names is None else set(names))
    return _digest([f"{name} {_folder_hash(shared_data(name))}" for name in chosen]) if chosen else ""


@cache
def _folder_hash(folder: Path) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    index = [path for path in files if path.parent == folder and path.name.endswith(INDEX_FILES)]
    content = [f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in index]
    return _digest([f"{len(files)} files, {sum(path.stat().st_size for path in files)} bytes", *content])


def commit() -> str:
    """Hash of the checked-out commit."""
    return _git("rev-parse", "--short=12", "HEAD").strip()


def refuse_changes() -> None:
    """Refuse to go on where the tree is not the commit's, untracked files included; outputs of benchmarks may differ.

    Raises:
        SystemExit: naming the files.
    """
    outside = [f":(exclude){path}" for path in OUTPUTS]
    changed = _git("status", "--porcelain", "--untracked-files=all", "--", ".", *outside).splitlines()
    if changed:
        shown = ", ".join(line[3:] for line in changed[:5])
        raise SystemExit(f"benchmarks: {len(changed)} files differ from the commit ({shown}); commit or remove them")


def code_hash(*modules: str) -> str:
    """Hash of modules or packages and of all that they import, as committed."""
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    used: set[str] = set()
    found = {name for name in graph.modules for module in modules if f"{name}.".startswith(f"{module}.")}
    while not found <= used:
        new = found - used
        used |= new
        found = {upstream for name in new for upstream in graph.find_modules_directly_imported_by(name)}
        found |= {parent for name in new for parent in _parents(name)}
        found |= {other for name in new if name.startswith("benchmarks.") for other in _started_by(name, graph.modules)}
    folders = {ROOT.joinpath(*name.split(".")) for name in used} | {_file(name).parent for name in used}
    kept = [
        line
        for line in _git("ls-files", "-s", "--", *PACKAGES, ":(exclude)benchmarks/results").splitlines()
        if _belongs(ROOT / line.split("\t")[1], used, folders)
    ]
    return _digest(kept)


def _parents(name: str) -> Iterable[str]:
    parts = name.split(".")
    return (".".join(parts[:k]) for k in range(1, len(parts)))


def _file(name: str) -> Path:
    path = ROOT.joinpath(*name.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _started_by(name: str, modules: set[str]) -> set[str]:
    """Modules, with all they hold, whose names stand as text in a benchmark: it runs them in a process of their own."""
    constants = {node.value for node in ast.walk(ast.parse(_file(name).read_text())) if isinstance(node, ast.Constant)}
    named = {value for value in constants if isinstance(value, str) and "." in value and value in modules}
    return {other for other in modules for start in named if f"{other}.".startswith(f"{start}.")}


def _belongs(path: Path, used: set[str], folders: set[Path]) -> bool:
    """Whether a tracked file is a used module, or lies in a used package without being a module."""
    if path.suffix == ".py":
        name = path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".").removesuffix(".__init__")
        return name in used
    package = next((parent for parent in path.parents if (parent / "__init__.py").is_file()), None)
    return package in folders


def run_folder(name: str, data: Iterable[str], *makers: Callable[..., object], variant: str = "") -> Path:
    """The folder in which a long computation resumes: runs/NAME/HASH of the code and data that make it.

    A folder that other code or other data made is never taken up, and never deleted: its name differs.

    Args:
        name: of the computation.
        data: folders of real data that go into it.
        makers: the functions that make it; their modules, and all that these import, are hashed.
        variant: settings of the benchmark that go into it too.
    """
    code = code_hash(*sorted({maker.__module__ for maker in makers}))
    folder = ROOT / "runs" / name / _digest([code, data_hash(data), variant])
    begun = folder / "begun.json"
    if not begun.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        begun.write_text(json.dumps({"commit": commit(), "code": code}) + "\n")
    _runs_used.add(json.loads(begun.read_text())["commit"])
    return folder


def runs_used() -> tuple[str, ...]:
    """Commits at which the run folders that were taken up since :func:`begin` were begun."""
    return tuple(sorted(_runs_used))


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True).stdout
