"""Files -> an index folder, through the same screener as the clinic's, in memory that does not grow with them."""

import json
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import faiss
import numpy as np
from numpy.typing import NDArray

from cxr.errors import ConfigError
from cxr.retrieval.index import ENTRIES_FILE, MANIFEST_FILE, VECTORS_FILE, Entry, IndexManifest
from cxr.screening import Examination, Screener, ScreeningResult, find_inputs, screen_many
from cxr.tables import IMAGE, PATIENT, TRUE_LABELS, findings_of, label_space_beside, read_csv
from cxr.worklist.pictures import THUMBNAIL, pictures_of
from cxr.worklist.subject import subject_of
from nlp_labeler.storage import atomic_folder, file_sha256

__all__ = ["IndexSummary", "IndexWriter", "LabeledImage", "build_index", "index_writer", "read_labels"]

_AXES = 128
_TRAINING = 20_000  # vectors that the principal axes are taken from
_TABLE = """CREATE TABLE entries (number INTEGER PRIMARY KEY, image TEXT NOT NULL, patient TEXT NOT NULL,
    findings TEXT NOT NULL, source TEXT NOT NULL, thumbnail BLOB NOT NULL)"""


@dataclass(frozen=True)
class IndexSummary:
    """How many images are in the index, and how many inputs were refused."""

    indexed: int
    refused: int


@dataclass(frozen=True)
class LabeledImage:
    """One row of a label table: whose image it is and what was found."""

    patient: str
    findings: tuple[str, ...]


def read_labels(path: Path) -> dict[str, LabeledImage]:
    """Image name -> its row, of a table with ``Image Index``, ``Finding Labels`` (joined by |) and ``Patient ID``.

    An image whose labels are blank is not labeled, and has no row here.

    Raises:
        DatasetError: if the table cannot be read, lacks a column, lists an image twice or names an unknown finding.
    """
    table = read_csv(path)
    label_space_beside(path)
    table.require([IMAGE, TRUE_LABELS, PATIENT])
    table.require_unique(IMAGE)
    rows = zip(*(table.columns[name] for name in (IMAGE, PATIENT, TRUE_LABELS)), strict=True)
    return {
        image: LabeledImage(patient, findings_of(cell, f"{path}: {image}")) for image, patient, cell in rows if cell
    }


def build_index(
    screener: Screener,
    paths: Sequence[Path],
    out: Path,
    *,
    labels: Mapping[str, LabeledImage] | None,
    workers: int,
    on_image: Callable[[], None] = lambda: None,
) -> IndexSummary:
    """Embed every input below ``paths`` and write the index.

    Args:
        screener: made with ``threads=1`` where ``workers`` fill the cores.
        paths: files, folders and zip archives.
        out: the index folder; an earlier index there is replaced.
        labels: image name -> findings and patient; images without a row are left out. ``None`` takes the
            model's findings above their thresholds.
        workers: images worked on at once.
        on_image: called after each input.

    Raises:
        ConfigError: if ``out`` holds something else, or nothing could be indexed.
    """
    indexed = refused = 0

    def finish(examination: Examination) -> tuple[NDArray[np.float32], str, bytes]:
        if examination.artifacts is None:
            raise ValueError("a refused input is not indexed")
        name = examination.result.path
        # Where nothing names the patient, the image is a patient of its own.
        patient = subject_of(examination.artifacts.metadata, name).patient or str(examination.result.sha256)
        return examination.artifacts.embedding, patient, pictures_of(examination)[THUMBNAIL]

    with index_writer(out, screener.bundle.embedding_sha256) as writer:
        for result, made in screen_many(screener, find_inputs(paths, exclude=out), finish, workers=workers):
            on_image()
            if made is None:
                refused += 1
                continue
            embedding, patient, thumbnail = made
            entry = _entry(result, patient, thumbnail, labels)
            if entry is not None:
                writer.add(embedding, entry)
                indexed += 1
    return IndexSummary(indexed, refused)


def _entry(
    result: ScreeningResult, patient: str, thumbnail: bytes, labels: Mapping[str, LabeledImage] | None
) -> Entry | None:
    image = PurePosixPath(result.path.replace("\\", "/")).name
    if labels is None:
        findings = tuple(f.name for f in result.findings if f.positive)
        return Entry(image, patient, findings, "model", thumbnail)
    row = labels.get(image)
    return Entry(image, row.patient, row.findings, "labels", thumbnail) if row else None


@contextmanager
def index_writer(out: Path, model_sha256: str) -> Iterator["IndexWriter"]:
    """Collects entries, and puts the finished folder in its place when the block ends without an error.

    Args:
        out: the index folder; an earlier index there is replaced.
        model_sha256: the model of the embeddings.

    Raises:
        ConfigError: if ``out`` holds something else, or no entry came.
    """
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST_FILE).is_file())):
        raise ConfigError(f"--out {out} is neither empty nor an index; choose another folder")
    with atomic_folder(out) as work:
        writer = IndexWriter(work)
        try:
            yield writer
            writer.finish(model_sha256)
        finally:
            writer.close()


class IndexWriter:
    """The open files of an index folder; made by :func:`index_writer`."""

    def __init__(self, work: Path) -> None:
        self._work = work
        self._entries = sqlite3.connect(self._work / ENTRIES_FILE)
        self._entries.execute(_TABLE)
        self._waiting: list[NDArray[np.float32]] = []
        self._vectors: faiss.Index | None = None
        self._count = 0

    def add(self, embedding: NDArray[np.float32], entry: Entry) -> None:
        """One image; the embedding is (D,)."""
        self._entries.execute(
            "INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?)",
            (self._count, entry.image, entry.patient, json.dumps(entry.findings), entry.source, entry.thumbnail),
        )
        self._count += 1
        self._waiting.append(embedding.astype(np.float32))
        if len(self._waiting) >= _TRAINING:
            self._flush()

    def _flush(self) -> None:
        """Move the waiting embeddings into the vectors; the first lot decides the axes."""
        batch = np.stack(self._waiting)
        self._waiting.clear()
        if self._vectors is None:
            count, dimension = batch.shape
            axes = min(_AXES, dimension, count)
            # Lengths first, so that the axes are those of directions, and what is compared is the angle.
            recipe = f"L2norm,PCA{axes},L2norm,Flat" if axes < dimension else "L2norm,Flat"
            self._vectors = faiss.index_factory(dimension, recipe, faiss.METRIC_INNER_PRODUCT)
            self._vectors.train(batch)
        self._vectors.add(batch)

    def finish(self, model_sha256: str) -> None:
        """Write what is left, and the manifest last."""
        if self._waiting:
            self._flush()
        if self._vectors is None:
            raise ConfigError("no image could be indexed; give files or folders with chest radiographs")
        self._entries.execute("CREATE INDEX entries_by_patient ON entries (patient)")
        self._entries.commit()
        self._entries.close()
        faiss.write_index(self._vectors, str(self._work / VECTORS_FILE))
        manifest = IndexManifest(
            model_sha256=model_sha256,
            dimension=self._vectors.d,
            count=self._count,
            files={name: file_sha256(self._work / name) for name in (VECTORS_FILE, ENTRIES_FILE)},
        )
        (self._work / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")

    def close(self) -> None:
        """Close the files, whether finished or not."""
        self._entries.close()
