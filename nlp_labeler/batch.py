"""Label a whole source of reports into a file: streaming, in several processes, resumable after a kill."""

import hashlib
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from importlib import resources
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from nlp_labeler.document import ReportLabels, Status
from nlp_labeler.errors import LabelerError
from nlp_labeler.findings import NO_FINDING, FindingTable
from nlp_labeler.formats.folder import report_files
from nlp_labeler.formats.outputs import LabeledReport, output_format
from nlp_labeler.formats.record import ReadOptions, RefusalCode, ReportRecord, refused
from nlp_labeler.formats.source import read_reports, source_kind
from nlp_labeler.labeler import Labeler
from nlp_labeler.parallel import map_chunks
from nlp_labeler.parts import Counts, Parts
from nlp_labeler.storage import atomic_writer

__all__ = ["label_reports"]

CHUNK_REPORTS = 500
CHUNK_CHARACTERS = 4_000_000
EVIDENCE = ".evidence.jsonl"  # suffix of the parts of the evidence file


@dataclass(frozen=True, slots=True)
class Options:
    """What every worker process needs to know."""

    policy: str
    engine: str
    out: Path
    evidence: bool
    labels: FindingTable | None = None


def label_reports(
    source: Path,
    out: Path,
    *,
    policy: str = "openi",
    engine: str = "auto",
    labels: FindingTable | None = None,
    processes: int = 1,
    evidence: Path | None = None,
    reading: ReadOptions | None = None,
    warn: Callable[[str], None] = lambda _: None,
    advance: Callable[[int], None] = lambda _: None,
) -> Counts:
    """Label every report of a source and write the labels to a file, whole or not at all.

    Finished chunks are kept beside ``out``; run again after a kill, it goes on behind them. Memory does not grow with
    the number of reports.

    Args:
        source: file or folder of reports, see :func:`nlp_labeler.formats.source.read_reports`.
        out: file to write: ``.csv``, ``.jsonl``, ``.parquet`` or ``.xml`` (BioC).
        policy: name of a shipped policy or path of a policy file.
        engine: ``"auto"``, ``"graph"`` or ``"surface"``.
        labels: a label space of the user's own; ``None`` is the shipped one.
        processes: how many processes label at once.
        evidence: JSON Lines file with every mention behind the labels, written beside ``out``.
        reading: how the source is to be read.
        warn: told once what is odd about the source: ids that occur twice.
        advance: told how many more reports are done, after every chunk.

    Returns:
        How many reports there were, and how many of them were refused.

    Raises:
        LabelerError: if the source cannot be read or the output not be written.
        ConfigError: if there is no such policy or engine.
        MissingExtraError: if an optional package is needed for the formats or the engine.
    """
    check_paths(source, out, evidence)
    columns = Labeler.load(policy, engine, labels).columns  # wrong options are told before any file is touched
    options = Options(policy, engine, out, evidence is not None, labels)
    try:
        with Parts(out, run_identity(source, options, reading)) as parts:
            advance(parts.counts.reports)
            seen = Identifiers()
            records = islice(seen.watch(read_reports(source, reading)), parts.counts.reports, None)
            for pieces, counts in map_chunks(chunk_labeler, (options,), chunks(records), processes):
                parts.add(pieces, counts)
                advance(counts.reports)
            if evidence is not None:
                with atomic_writer(evidence) as stream:
                    output_format(evidence).join(parts.paths(EVIDENCE), stream)
            with atomic_writer(out) as stream:
                output_format(out, columns).join(parts.paths(out.suffix), stream)
            parts.discard()
            if repeated := seen.repeated():
                warn(f"{repeated:,} ids occur more than once; each of their reports has a row of its own")
            return parts.counts
    except OSError as error:
        raise LabelerError(f"{error.filename or out}: {error.strerror}") from None


class Identifiers:
    """Counts the ids that occur more than once, in eight bytes an id."""

    def __init__(self) -> None:
        self._hashes = array("q")

    def watch(self, records: Iterable[ReportRecord]) -> Iterator[ReportRecord]:
        """The records, their ids noted."""
        for record in records:
            if record.id:
                self._hashes.append(hash(record.id))
            yield record

    def repeated(self) -> int:
        """How many ids occurred more than once."""
        _, counts = np.unique(np.frombuffer(self._hashes, dtype=np.int64), return_counts=True)
        return int((counts > 1).sum())


def check_paths(source: Path, out: Path, evidence: Path | None) -> None:
    """Refuse what can be neither read nor written, and outputs that would be read as input.

    Raises:
        LabelerError: if a kind of file is not known, or two of the paths get in each other's way.
        MissingExtraError: if ``out`` is Parquet and pyarrow is not installed.
    """
    output_format(out)
    source_kind(source)
    if evidence is not None and evidence.suffix.lower() != ".jsonl":
        raise LabelerError(f"{evidence}: evidence is JSON Lines; name it .jsonl")
    if evidence is not None and evidence.resolve() == out.resolve():
        raise LabelerError(f"{evidence}: labels and evidence cannot be one file")
    for path in filter(None, (out, evidence)):
        if not path.parent.is_dir():
            raise LabelerError(f"{path.parent}: no such folder; make it first, or write elsewhere")
        if path.is_dir():
            raise LabelerError(f"{path}: is a folder; name a file to write")
        if path.resolve() == source.resolve():
            raise LabelerError(f"{path}: is the input; write the output to another file")
        if source.is_dir() and path.suffix.lower() == ".xml" and path.resolve().is_relative_to(source.resolve()):
            raise LabelerError(f"{path}: lies in the folder that is read; write the output elsewhere")


def run_identity(source: Path, options: Options, reading: ReadOptions | None) -> dict[str, Any]:
    """What a part depends on: parts of a run with another identity must not be mixed with those of this one."""
    files = report_files(source) if source.is_dir() else [source]
    content = hashlib.sha256()
    for path in files:
        state = path.stat()
        content.update(
            f"{path.as_posix()}\x00{state.st_size}\x00{state.st_mtime_ns}\n".encode("utf-8", "surrogateescape")
        )
    policy = Path(options.policy)
    return {
        "version": version("cxr"),
        "rules": shipped_rules(),
        "source": content.hexdigest(),
        "policy": hashlib.sha256(policy.read_bytes()).hexdigest() if policy.is_file() else options.policy,
        "engine": options.engine,
        "labels": options.labels and options.labels.model_dump_json(),
        "reading": repr(reading),
        "evidence": options.evidence,
        "chunk": [CHUNK_REPORTS, CHUNK_CHARACTERS],
    }


def shipped_rules() -> str:
    """Hash of the lexicon and the shipped policies, so that a run does not go on under other rules than it began."""
    content = hashlib.sha256()
    for package in ("nlp_labeler.lexicon", "nlp_labeler.policies"):
        for entry in sorted(resources.files(package).iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith(".toml"):
                content.update(entry.name.encode() + b"\x00" + entry.read_bytes())
    return content.hexdigest()


def chunks(records: Iterable[ReportRecord]) -> Iterator[list[ReportRecord]]:
    """Records in chunks that are small both in number and in characters."""
    chunk: list[ReportRecord] = []
    characters = 0
    for record in records:
        chunk.append(record)
        characters += len(record.text)
        if len(chunk) == CHUNK_REPORTS or characters >= CHUNK_CHARACTERS:
            yield chunk
            chunk, characters = [], 0
    if chunk:
        yield chunk


def chunk_labeler(options: Options) -> Callable[[Sequence[ReportRecord]], tuple[dict[str, bytes], Counts]]:
    """What every process runs, with its own labeler."""
    return partial(label_chunk, options, Labeler.load(options.policy, options.engine, options.labels))


def label_chunk(options: Options, labeler: Labeler, records: Sequence[ReportRecord]) -> tuple[dict[str, bytes], Counts]:
    """Label one chunk and encode it for every file that is written."""
    rows = label_records(labeler, records)
    pieces = {options.out.suffix: output_format(options.out, labeler.columns).encode(rows)}
    if options.evidence:
        pieces[EVIDENCE] = output_format(Path(EVIDENCE), labeler.columns).encode(rows)
    results = [row.result for row in rows if row.result is not None]
    labeled = [result for result in results if result.status is Status.OK]
    counts = Counts(
        reports=len(rows),
        refused=len(rows) - len(results),
        unlabeled=len(results) - len(labeled),
        normal=sum(result.labels[NO_FINDING] == 1 for result in labeled),
        partial=sum(bool(result.unexplained) for result in labeled),
        reasons=dict(Counter(reason for row in rows if (reason := row.reason) is not None)),
    )
    return pieces, counts


def label_records(labeler: Labeler, records: Sequence[ReportRecord]) -> list[LabeledReport]:
    """Label records in order; those that were refused stay refused."""
    texts = [record.text for record in records if record.refusal is None]
    try:
        results = iter(list(labeler.pipe(texts)))
    except Exception:  # one report must not cost the others their labels: find it, and refuse it alone
        return [label_alone(labeler, record) for record in records]
    return [LabeledReport(record, next(results) if record.refusal is None else None) for record in records]


def label_alone(labeler: Labeler, record: ReportRecord) -> LabeledReport:
    """Label one record; a failure becomes its refusal."""
    if record.refusal is not None:
        return LabeledReport(record, None)
    try:
        result: ReportLabels = labeler.label(record.text)
    except Exception as error:
        failed = refused(RefusalCode.LABELING_FAILED, f"the labeler failed ({type(error).__name__})", record.id)
        return LabeledReport(failed, None)
    return LabeledReport(record, result)
