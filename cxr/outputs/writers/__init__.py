"""What a results folder holds beside results.jsonl: one module per output, whose name is the output's name.

A new output is a new module here with a :class:`Writer` called ``WRITER``. It is written where somebody asks for it by
name; :data:`STANDARD` are always written. A module is imported when it is asked for, so that what an output needs
beyond the base install is missed only there.
"""

import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from cxr.errors import ConfigError
from cxr.screening.artifacts import Examination
from cxr.screening.result import ModelIdentity

__all__ = ["OUTPUTS", "PAGE_FILE", "STANDARD", "Writer", "load_writers"]

OUTPUTS: tuple[str, ...] = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
"""Names of all outputs."""

PAGE_FILE = "worklist.html"
"""The page that people open."""

STANDARD: tuple[str, ...] = ("overlays", "table", "studies", "worklist")
"""The outputs that every results folder has."""


@dataclass(frozen=True)
class Writer:
    """One kind of output; it makes files of each input, or of all results, or both.

    Attributes:
        files: of a screened input: path in the folder -> content. ``{}`` in a path
            stands for the name that the folder gives the input. Runs in the screening threads; an error refuses the
            input.
        refusals: of a refused input, likewise; an error leaves it without files.
        pages: writes files about all results into the folder, atomically, from its results.jsonl; gets the folder, the
            model and its label space.
    """

    files: Callable[[Examination], Mapping[str, bytes]] | None = None
    refusals: Callable[[Examination], Mapping[str, bytes]] | None = None
    pages: Callable[[Path, ModelIdentity, Sequence[str]], None] | None = None


def load_writers(names: Sequence[str]) -> list[Writer]:
    """The writers of the standard outputs and of those named, each once.

    Raises:
        ConfigError: if there is no such output.
        MissingExtraError: if one needs an extra that is not installed.
    """
    unknown = [name for name in names if name not in OUTPUTS]
    if unknown:
        raise ConfigError(f"no output '{unknown[0]}'; there are {', '.join(OUTPUTS)}")
    modules = (import_module(f"{__name__}.{name}") for name in dict.fromkeys((*STANDARD, *names)))
    return [module.WRITER for module in modules]
