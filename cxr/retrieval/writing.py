"""Writes an index folder from a stream of embeddings, in memory that does not grow with the thumbnails."""

import json
import shutil
import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Self

import faiss
import numpy as np
from numpy.typing import NDArray

from cxr.errors import ConfigError
from cxr.retrieval.entry import Entry
from cxr.retrieval.index import ENTRIES_FILE, MANIFEST_FILE, VECTORS_FILE, IndexManifest
from cxr.screening.manifest import file_sha256

__all__ = ["IndexWriter"]

_AXES = 128
_TRAINING = 20_000  # vectors that the principal axes are taken from
_TABLE = """CREATE TABLE entries (number INTEGER PRIMARY KEY, image TEXT NOT NULL, patient TEXT NOT NULL,
    findings TEXT NOT NULL, source TEXT NOT NULL, thumbnail BLOB NOT NULL)"""


class IndexWriter:
    """Collects entries, and puts the finished folder in its place when the block ends without an error.

    Args:
        out: the index folder; an earlier index there is replaced.
        model_sha256: the model of the embeddings.

    Raises:
        ConfigError: if ``out`` holds something else, or no entry came.
    """

    def __init__(self, out: Path, model_sha256: str) -> None:
        if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / MANIFEST_FILE).is_file())):
            raise ConfigError(f"--out {out} is neither empty nor an index; choose another folder")
        self._out = out
        self._model = model_sha256
        self._work = out.with_name(f".{out.name}.partial")
        shutil.rmtree(self._work, ignore_errors=True)
        self._work.mkdir(parents=True)
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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._entries.close()
            shutil.rmtree(self._work, ignore_errors=True)

    def _finish(self) -> None:
        if self._waiting:
            self._flush()
        if self._vectors is None:
            raise ConfigError("no image could be indexed; give files or folders with chest radiographs")
        self._entries.execute("CREATE INDEX entries_by_patient ON entries (patient)")
        self._entries.commit()
        self._entries.close()
        faiss.write_index(self._vectors, str(self._work / VECTORS_FILE))
        manifest = IndexManifest(
            model_sha256=self._model,
            dimension=self._vectors.d,
            count=self._count,
            files={name: file_sha256(self._work / name) for name in (VECTORS_FILE, ENTRIES_FILE)},
        )
        (self._work / MANIFEST_FILE).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
        if self._out.exists():
            shutil.rmtree(self._out)
        self._work.replace(self._out)
