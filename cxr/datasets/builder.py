"""Reports + images -> a folder in the ChestX-ray8 layout, with labels mined from the reports.

The work is cut into chunks of reports. A finished chunk is a file in OUT/.build under the hash of what it depends on,
so a build that was stopped goes on where it was, and one with other reports or another policy starts anew. With
pseudonyms these files, too, hold none of the identifiers that the finished folder must not hold.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from importlib import resources
from itertools import islice
from pathlib import Path

from cxr.datasets.assembly import BuildSummary, assemble
from cxr.datasets.card import Origin
from cxr.datasets.chunk import Archive, process_chunk
from cxr.datasets.folder import ENTRY_FILE, IMAGE_FOLDER
from cxr.datasets.image_index import ImageIndex
from cxr.datasets.image_store import FilmGate
from cxr.datasets.linking import Link, Linker
from cxr.datasets.pseudonyms import Pseudonyms
from cxr.datasets.report_rows import ReportTable, TableOptions
from cxr.datasets.splits import DEFAULT_FRACTIONS
from cxr.errors import DatasetError
from cxr.imaging.quality import QualityGate
from cxr.tables import LABEL_SPACE_FILE
from nlp_labeler.findings import FindingTable
from nlp_labeler.labeler import Labeler
from nlp_labeler.storage import write_text

__all__ = ["BuildSummary", "build_dataset"]

CHUNK_REPORTS = 256
_PARTS = ".build"
_PART_FORMAT = 5


def build_dataset(
    images: Path,
    reports: Path,
    out: Path,
    *,
    table: TableOptions | None = None,
    link: Link | None = None,
    patient_is_study: bool = False,
    require_frontal: bool = True,
    gate: FilmGate | None = None,
    policy: str = "openi",
    engine: str = "auto",
    labels: FindingTable | None = None,
    fractions: Mapping[str, float] = DEFAULT_FRACTIONS,
    seed: int = 0,
    workers: int = 1,
    pseudonyms: Pseudonyms | None = None,
    progress: Callable[[int], None] = lambda _: None,
) -> BuildSummary:
    """Build a dataset folder; run it again to finish a build that was stopped.

    Args:
        images: folder with the images, searched recursively.
        reports: report file or folder, see :mod:`cxr.datasets.report_rows`.
        out: folder to write; an earlier build in it is replaced.
        table: names of columns, encoding and notation of dates of a table of reports.
        link: what reports and images have in common; ``None`` to find out.
        patient_is_study: take every report for another patient where nothing names one.
        require_frontal: leave out pictures that the gate does not take for a whole frontal chest.
        gate: looks instead of the shipped one; one build keeps to one gate.
        policy: labeling policy, a shipped name or a file.
        engine: ``"graph"``, ``"surface"`` or ``"auto"``, see :class:`nlp_labeler.labeler.Labeler`.
        labels: a label space of the user's own, which the folder then carries; ``None`` is the shipped one.
        fractions: split -> its share of the patients.
        seed: of the split.
        workers: images read at a time.
        pseudonyms: replaces the identifiers of patients, reports and images, also in refused.csv; texts are then
            masked and their dates moved (:mod:`cxr.datasets.deidentification`), high ages cut off and pictures with a
            block of text in their pixels left out. ``None`` keeps all as it is.
        progress: called with the number of reports after each chunk.

    Raises:
        DatasetError: if the inputs cannot be read, no patient can be told, or no report has a usable image.
        LabelerError: if the reports, the policy or the engine cannot be used.
    """
    parts = out / _PARTS
    if images.resolve().is_relative_to(out.resolve()):
        raise DatasetError(f"the images lie inside {out}; choose another folder, so that the originals stay untouched")
    if out.exists() and any(out.iterdir()) and not (parts.is_dir() or (out / ENTRY_FILE).is_file()):
        raise DatasetError(f"{out} is neither empty nor a dataset; choose another folder")
    index = ImageIndex(images, workers)
    labeler = Labeler.load(policy=policy, engine=engine, labels=labels)
    with ReportTable(reports, table) as source:
        linker = Linker.choose(index, source, link, patient_is_study=patient_is_study)
        gate = (gate or QualityGate.shipped()) if require_frontal else None
        archive = Archive(linker, out / IMAGE_FOLDER, labeler, workers, pseudonyms, gate, source.day_first)
        for folder in (parts, archive.folder):
            folder.mkdir(parents=True, exist_ok=True)
        own = labels and labels.model_dump_json()
        rules = (labeler.policy, labeler.engine, own, _code_of_labels())
        linking = (linker.link, linker.by_id, patient_is_study, type(gate).__name__, archive.patient("salt"))
        setting = repr((_PART_FORMAT, str(images.absolute()), rules, linking))
        done: list[Path] = []
        rows = source.rows()
        while chunk := tuple(islice(rows, CHUNK_REPORTS)):
            key = hashlib.sha256((setting + repr(chunk)).encode("utf-8", "surrogateescape")).hexdigest()
            file = parts / f"{key}.json"
            if not file.is_file():
                write_text(file, json.dumps(asdict(process_chunk(chunk, archive))))
            done.append(file)
            progress(len(chunk))
        notes = (*source.notes, *source.closing_notes())
    origin = Origin(
        str(policy), labeler.engine, seed, deidentified=pseudonyms is not None, label_space=labeler.columns[:-1]
    )
    if labels is None:
        (out / LABEL_SPACE_FILE).unlink(missing_ok=True)
    else:
        write_text(out / LABEL_SPACE_FILE, labels.model_dump_json(indent=1) + "\n")
    summary = assemble(out, done, index, origin, fractions=fractions, called=archive.called)
    shutil.rmtree(parts)
    return replace(summary, notes=notes + summary.notes)


def _code_of_labels() -> str:
    """Hash of the labeler's rules and lexicons: with others, the same text may get other labels."""
    package = Path(str(resources.files("nlp_labeler")))
    digest = hashlib.sha256()
    for path in sorted(path for path in package.rglob("*") if path.suffix in {".py", ".toml"}):
        digest.update(path.read_bytes())
    return digest.hexdigest()
