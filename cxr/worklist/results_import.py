"""An output folder of ``cxr screen`` on the shared worklist, its results as they are."""

from pathlib import Path

from cxr.errors import ConfigError
from cxr.outputs.journal import OverlayNames, read_results
from cxr.worklist.cases import CaseQueue
from cxr.worklist.database import SHARED
from cxr.worklist.intake import plain_name
from cxr.worklist.pictures import overlay_pictures
from cxr.worklist.subject import subject_of
from nlp_labeler.findings import FINDINGS

__all__ = ["RESULTS_FILE", "import_results"]

RESULTS_FILE = "results.jsonl"


def import_results(folder: Path, queue: CaseQueue, certificate_sha256: str) -> int:
    """Add the results that are not on the worklist yet, with their overlays.

    Args:
        folder: made by ``cxr screen ... --out``.
        queue: of the worklist.
        certificate_sha256: seal of the operating points in use here.

    Returns:
        How many were added.

    Raises:
        ConfigError: if the folder holds no results.
        CxrError: if a result line does not follow the schema, or is of a label space that no opened bundle has.
    """
    file = folder / RESULTS_FILE
    if not file.is_file():
        raise ConfigError(f"{folder} holds no {RESULTS_FILE}; give a folder made by 'cxr screen ... --out {folder}'")
    names, added = OverlayNames(), 0
    for result in read_results(file):
        overlay = folder / "overlays" / names.assign(result.path)
        origin = f"{overlay.absolute()}#{result.model.sha256}"
        if queue.knows(origin):
            continue
        if unknown := [finding.name for finding in result.findings if finding.name not in FINDINGS]:
            raise ConfigError(
                f"{folder} speaks of {unknown[0]}, which the bundle in use does not know; open it with the bundle "
                f"{result.model.bundle!r} that screened it"
            )
        name = plain_name(result.path)
        pictures, size = overlay_pictures(overlay.read_bytes()) if overlay.is_file() else ({}, None)
        case_id = queue.add(SHARED, name, overlay, origin=origin, claimed=True)
        queue.finish(
            case_id,
            result,
            subject_of(None, name),
            size=size,
            pictures=pictures,
            certificate_sha256=certificate_sha256,
        )
        added += 1
    return added
