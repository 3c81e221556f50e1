"""Files -> an index folder, through the same screener as the clinic's."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
from numpy.typing import NDArray

from cxr.retrieval.entry import Entry
from cxr.retrieval.labels import LabeledImage
from cxr.retrieval.writing import index_writer
from cxr.screening import Examination, Screener, ScreeningResult, find_inputs, screen_many
from cxr.worklist.pictures import THUMBNAIL, pictures_of
from cxr.worklist.subject import subject_of

__all__ = ["IndexSummary", "build_index"]


@dataclass(frozen=True)
class IndexSummary:
    """How many images are in the index, and how many inputs were refused."""

    indexed: int
    refused: int


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

    with index_writer(out, screener.identity.sha256) as writer:
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
