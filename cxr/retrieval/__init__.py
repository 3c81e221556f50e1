"""Show by examples: images of other patients that look alike to the network, with what was found on them.

- :class:`ImageIndex`: a folder of embeddings, findings and thumbnails; made by ``cxr index``
- :func:`build_index`: files -> such a folder, without torch
- :func:`read_labels`: findings from a label table instead of the model's
- :func:`most_similar`: the same question asked of a few vectors in memory
"""

from cxr.retrieval.building import IndexSummary, LabeledImage, build_index, read_labels
from cxr.retrieval.index import Entry, ImageIndex, Neighbour, most_similar

__all__ = [
    "Entry",
    "ImageIndex",
    "IndexSummary",
    "LabeledImage",
    "Neighbour",
    "build_index",
    "most_similar",
    "read_labels",
]
