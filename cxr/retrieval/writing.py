"""Writes an index folder from a stream of embeddings, in memory that does not grow with the thumbnails."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from cxr.errors import ConfigError
from cxr.retrieval.entry import Entry
from cxr.retrieval.index import ENTRIES_FILE, MANIFEST_FILE, VECTORS_FILE, IndexManifest
from nlp_labeler.storage import atomic_folder, file_sha256

__all__ = ["IndexWriter", "index_writer"]

_AXES = 128
_TRAINING = 20_000  # vectors that the principal axes are taken from
_TABLE = """CREATE TABLE entries (number INTEGER PRIMARY KEY, image TEXT NOT NULL, patient TEXT NOT NULL,
    findings TEXT NOT NULL, source TEXT NOT NULL, thumbnail BLOB NOT NULL)"""


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
