"""A folder of embeddings that answers "which other patients look like this one", exactly and in milliseconds.

    INDEX/vectors.faiss    embeddings on their 128 leading principal axes, scaled to length 1
    INDEX/entries.sqlite   image, patient, findings and thumbnail of each
    INDEX/index.json       format, model, hashes of the two; written last

Search is exhaustive on the projected vectors: no approximation beyond the projection, nothing to tune.
"""

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from cxr.errors import ConfigError, MissingExtraError
from nlp_labeler.storage import file_sha256

try:
    import faiss
except ModuleNotFoundError as error:
    raise MissingExtraError("finding similar images", "app") from error

__all__ = [
    "ENTRIES_FILE",
    "MANIFEST_FILE",
    "VECTORS_FILE",
    "Entry",
    "ImageIndex",
    "IndexManifest",
    "Neighbour",
    "most_similar",
]

VECTORS_FILE, ENTRIES_FILE, MANIFEST_FILE = "vectors.faiss", "entries.sqlite", "index.json"


@dataclass(frozen=True)
class Entry:
    """What an index holds about one image besides its embedding.

    Attributes:
        image: its name.
        patient: identifier; images of one patient are never offered as similar to each other.
        findings: names as in :data:`nlp_labeler.findings.LABELS`.
        source: whether a label table or the model says so.
        thumbnail: JPEG, at most 96 pixels on its longer side.
    """

    image: str
    patient: str
    findings: tuple[str, ...]
    source: Literal["labels", "model"]
    thumbnail: bytes


@dataclass(frozen=True)
class Neighbour:
    """An entry and its similarity: the cosine between the embeddings, in [-1, 1]."""

    entry: Entry
    similarity: float


class IndexManifest(BaseModel):
    """index.json.

    Attributes:
        format_version: of the folder.
        model_sha256: the model.onnx whose embeddings it holds; no other model's can be compared with them.
        dimension: of an embedding.
        count: how many images.
        files: file name -> SHA-256.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    model_sha256: str
    dimension: int
    count: int
    files: dict[str, str]


class ImageIndex:
    """A loaded index; :meth:`search` may be called from several threads.

    Args:
        folder: made by ``cxr index``.
        model_sha256: the model whose embeddings will be looked up.

    Raises:
        ConfigError: if there is no index, it was altered, or it belongs to another model.
    """

    def __init__(self, folder: Path, model_sha256: str) -> None:
        self.manifest = _read_manifest(folder)
        if self.manifest.model_sha256 != model_sha256:
            raise ConfigError(
                f"the index {folder} was made with model {self.manifest.model_sha256[:12]}, in use is "
                f"{model_sha256[:12]}; run 'cxr index' again with this bundle"
            )
        self._vectors = faiss.read_index(str(folder / VECTORS_FILE))
        self._entries = folder / ENTRIES_FILE
        if self._vectors.ntotal != self.manifest.count or self._vectors.d != self.manifest.dimension:
            raise ConfigError(f"the index {folder} does not hold what its {MANIFEST_FILE} says; make it again")

    def __len__(self) -> int:
        return self.manifest.count

    def search(self, embedding: NDArray[np.float32], k: int, *, patient: str | None) -> list[Neighbour]:
        """The most similar images of other patients.

        Args:
            embedding: (D,) of the same model.
            k: how many at most.
            patient: whose images are left out.

        Returns:
            By falling similarity.
        """
        with closing(sqlite3.connect(f"file:{self._entries}?mode=ro", uri=True)) as connection:
            own = [n for (n,) in connection.execute("SELECT number FROM entries WHERE patient = ?", (patient,))]
            scores, numbers = self._vectors.search(embedding[None].astype(np.float32), k, params=_without(own))
            found = [(int(n), float(s)) for n, s in zip(numbers[0], scores[0], strict=True) if n >= 0]
            return [Neighbour(_entry(connection, number), min(1.0, score)) for number, score in found]


def _without(numbers: list[int]) -> "faiss.SearchParametersPreTransform":
    """Search parameters that pass over some entries."""
    others = faiss.IDSelectorNot(faiss.IDSelectorBatch(np.array(numbers, dtype=np.int64)))
    inner = faiss.SearchParameters(sel=others)  # type: ignore[call-arg]  # its stubs leave out keyword arguments
    return faiss.SearchParametersPreTransform(index_params=inner)  # type: ignore[call-arg]  # likewise


def _entry(connection: sqlite3.Connection, number: int) -> Entry:
    image, patient, findings, source, thumbnail = connection.execute(
        "SELECT image, patient, findings, source, thumbnail FROM entries WHERE number = ?", (number,)
    ).fetchone()
    return Entry(image, patient, tuple(json.loads(findings)), source, thumbnail)


def _read_manifest(folder: Path) -> IndexManifest:
    file = folder / MANIFEST_FILE
    if not file.is_file():
        raise ConfigError(f"no index at {folder}: {MANIFEST_FILE} not found; make one with 'cxr index'")
    try:
        manifest = IndexManifest.model_validate_json(file.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise ConfigError(f"{file} is not an index of this version; run 'cxr index' again") from error
    for name in (VECTORS_FILE, ENTRIES_FILE):
        if file_sha256(folder / name) != manifest.files.get(name):
            raise ConfigError(f"the index {folder} was changed ({name}); run 'cxr index' again")
    return manifest


def most_similar(query: NDArray[np.float32], vectors: NDArray[np.float32], k: int) -> list[tuple[int, float]]:
    """Rows of ``vectors`` by falling cosine to ``query``.

    Args:
        query: (D,).
        vectors: (N, D); a vector of zeros is similar to nothing.
        k: how many at most.

    Returns:
        (row, cosine in [-1, 1]) pairs.
    """
    norms = np.linalg.norm(vectors, axis=1) * np.linalg.norm(query)
    cosines = np.divide(vectors @ query, norms, out=np.zeros(len(vectors), dtype=np.float32), where=norms > 0)
    order = np.argsort(-cosines, kind="stable")[:k]
    return [(int(row), float(cosines[row])) for row in order]
