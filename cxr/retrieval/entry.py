"""An indexed image, and one found to be similar."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Entry", "Neighbour"]


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
