"""What the clinic's install takes on disk."""

from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement

import cxr
import nlp_labeler
from benchmarks.clinic.kills import MEASURED, TABLE
from benchmarks.record import Row

__all__ = ["footprint_rows"]


def footprint_rows() -> list[Row]:
    """The packages with everything that they need without an extra."""
    packages = _closure("cxr")
    size = sum(_size(package) for name, package in packages.items() if name != "cxr")
    size += sum(_folder_size(Path(module.__file__ or "").parent) for module in (cxr, nlp_labeler))
    return [
        Row(table=TABLE, row="base install on disk (MB)", metric=MEASURED, value=size / 2**20, n=len(packages),
            unit_of_n="packages", data="files of the installed packages, bytecode included")
    ]  # fmt: skip


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
        for line in found[current].requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                wanted.append(requirement.name)
    return found


def _size(package: Distribution) -> int:
    paths = (Path(str(package.locate_file(file))) for file in package.files or ())
    return sum(path.stat().st_size for path in paths if path.is_file())


def _folder_size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
