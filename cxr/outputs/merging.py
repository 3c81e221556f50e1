"""Results folders of several machines, each of which screened a part of the inputs -> one folder."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxr.errors import ConfigError
from cxr.outputs.journal import RESULTS_FILE, Journal, OverlayNames, read_results
from cxr.outputs.writers import load_writers
from cxr.outputs.writers import worklist as worklist_writer
from cxr.screening.result import ScreeningResult

__all__ = ["MergeSummary", "merge_results"]

_OVERLAYS = "overlays"


@dataclass(frozen=True)
class MergeSummary:
    """What the merged folder holds.

    Attributes:
        results: inputs with a result.
        refused: how many of them were refused.
        repeated: results that were in several folders, with the same content, and are kept once.
    """

    results: int
    refused: int
    repeated: int


def merge_results(
    folders: Sequence[Path],
    out: Path,
    *,
    page: bool = True,
    on_result: Callable[[], None] = lambda: None,
) -> MergeSummary:
    """Put results folders of one bundle together; the same call goes on where a killed one stopped.

    Args:
        folders: of ``cxr screen``; none is changed.
        out: folder of the merged results.
        page: whether the worklist page is written.
        on_result: called after each result.

    Raises:
        ConfigError: if a folder holds no results, is ``out`` itself, or holds results of another bundle; or two
            folders hold results of one path whose content differed.
        CxrError: if a line does not follow the schema.
    """
    for folder in folders:
        if not (folder / RESULTS_FILE).is_file():
            raise ConfigError(f"{folder} holds no {RESULTS_FILE}; name folders that cxr screen has written")
        if folder.resolve() == out.resolve():
            raise ConfigError(f"--out {out} is one of the folders; name another one")
    first = next((result for folder in folders for result in read_results(folder / RESULTS_FILE)), None)
    if first is None:
        raise ConfigError("none of the folders holds a result")
    out.mkdir(parents=True, exist_ok=True)
    label_space: tuple[str, ...] = ()
    repeated, merged = 0, set[str]()
    with Journal(out / RESULTS_FILE, first.model) as journal:
        for folder in folders:
            names = OverlayNames()
            for result in read_results(folder / RESULTS_FILE):
                overlay = names.assign(result.path)
                label_space = label_space or tuple(finding.name for finding in result.findings)
                if result.path in merged:
                    repeated += 1
                merged.add(result.path)
                _take(journal, result, folder, folder / _OVERLAYS / overlay, out)
                on_result()
        for writer in load_writers(()):
            if writer.pages is not None and (page or writer is not worklist_writer.WRITER):
                writer.pages(out, first.model, label_space)
        return MergeSummary(len(journal.done), journal.refused, repeated)


def _take(journal: Journal, result: ScreeningResult, folder: Path, overlay: Path, out: Path) -> None:
    if result.model != journal.model:
        raise ConfigError(
            f"{folder} holds results of bundle {result.model.bundle} {result.model.version}, the first folder of "
            f"{journal.model.bundle} {journal.model.version}; results of two bundles do not mix"
        )
    if result.path in journal.done:
        if journal.done[result.path] != result.sha256:
            raise ConfigError(f"{result.path} in {folder} is another file than in an earlier folder; screen it once")
        return
    if overlay.is_file():
        (out / _OVERLAYS).mkdir(exist_ok=True)
        shutil.copyfile(overlay, out / _OVERLAYS / journal.overlay_name(result.path))
    journal.append(result)
