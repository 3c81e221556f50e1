"""What the page works on: cases of a finished results folder, and of files that a visitor uploads."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr.errors import ConfigError
from cxr.outputs import OverlayNames, read_results, screen_to_folder, urgency
from cxr.screening import Screener, ScreeningResult, default_workers

__all__ = ["Case", "Desk", "cases_of_folder"]


@dataclass(frozen=True)
class Case:
    """One result and the picture that belongs to it; ``overlay`` is ``None`` when it was refused."""

    result: ScreeningResult
    overlay: Path | None


def cases_of_folder(folder: Path) -> list[Case]:
    """The cases of an output folder of ``cxr screen``, most urgent first, refused ones last.

    Raises:
        ConfigError: if the folder holds no results.
    """
    file = folder / "results.jsonl"
    if not file.is_file():
        raise ConfigError(f"{folder} holds no results.jsonl; give a folder made by 'cxr screen ... --out {folder}'")
    names, cases = OverlayNames(), []
    for result in read_results(file):
        overlay = folder / "overlays" / names.assign(result.path)
        cases.append(Case(result, overlay if overlay.is_file() else None))
    return sorted(cases, key=lambda case: urgency(case.result))


class Desk:
    """Holds the bundle and the folder of the page; every visitor's uploads stay in a folder of their own.

    Args:
        bundle: bundle folder; ``None`` is the shipped one. It is loaded with the first upload.
        folder: results to show from the start, or ``None``.
    """

    def __init__(self, bundle: Path | None, folder: Path | None) -> None:
        self._bundle = bundle
        self._screener: Screener | None = None
        self.start: tuple[Case, ...] = tuple(cases_of_folder(folder)) if folder else ()

    def open_session(self) -> Path:
        """A fresh folder for one visitor's uploads."""
        return Path(tempfile.mkdtemp(prefix="cxr-app-"))

    def screen(
        self, session: Path, uploads: Sequence[Path], on_result: Callable[[ScreeningResult], None]
    ) -> list[Case]:
        """Screen uploads into a visitor's folder.

        Returns:
            The start cases and all of this visitor's cases, most urgent first.

        Raises:
            CxrError: if the bundle cannot be used.
        """
        if self._screener is None:
            self._screener = Screener(self._bundle, threads=1)
        screen_to_folder(self._screener, uploads, session, workers=default_workers(), on_result=on_result)
        cases = [*self.start, *cases_of_folder(session)]
        return sorted(cases, key=lambda case: urgency(case.result))
