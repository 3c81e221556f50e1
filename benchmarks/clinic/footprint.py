"""What the clinic's install takes on disk."""

import py_compile
import tempfile
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

import cxr
import nlp_labeler
from benchmarks.clinic.kills import TABLE
from benchmarks.record import MIXED, Row, line

__all__ = ["footprint_rows"]


def footprint_rows() -> list[Row]:
    """The packages with everything that they need without an extra."""
    packages = _closure("cxr")
    files = [path for name, package in packages.items() if name != "cxr" for path in _files(package)]
    for module in (cxr, nlp_labeler):
        files += Path(module.__file__ or "").parent.rglob("*")
    files = [path for path in files if path.is_file() and path.suffix != ".pyc"]
    size = sum(path.stat().st_size for path in files) + _bytecode(path for path in files if path.suffix == ".py")
    return line(
        TABLE,
        "base install on disk (MB)",
        {MIXED: size / 2**20},
        n=len(packages),
        unit_of_n="packages",
        data="files of the installed packages, bytecode included",
    )


def _closure(name: str) -> dict[str, Distribution]:
    """A package and what it requires here without an extra."""
    found: dict[str, Distribution] = {}
    wanted = [name]
    while wanted:
        current = wanted.pop().lower().replace("_", "-")
        if current in found:
            continue
        try:
            found[current] = distribution(current)
        except PackageNotFoundError:
            continue
        needed = map(Requirement, found[current].requires or ())
        wanted += [one.name for one in needed if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def _files(package: Distribution) -> Iterable[Path]:
    return (Path(str(package.locate_file(file))) for file in package.files or ())


def _bytecode(sources: Iterable[Path]) -> int:
    """What pip adds when it compiles the modules, whether or not it has done so in this environment."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "module.pyc"
        # What does not compile (a template, a module of another Python) pip leaves alone too.
        compiled = (py_compile.compile(str(source), cfile=str(target), quiet=2) for source in sources)
        return sum(target.stat().st_size for done in compiled if done)
