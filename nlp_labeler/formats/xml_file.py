"""Reports from an XML file, BioC or OpenI, as its root element says."""

from collections.abc import Iterator
from pathlib import Path

from nlp_labeler.errors import LabelerError
from nlp_labeler.formats.bioc_xml import BIOC_ROOT, read_bioc
from nlp_labeler.formats.openi_xml import OPENI_ROOT, read_openi
from nlp_labeler.formats.record import ReadOptions, ReportRecord
from nlp_labeler.formats.safe_xml import root_tag

__all__ = ["SUFFIXES", "read"]

SUFFIXES = frozenset({".xml"})


def read(path: Path, options: ReadOptions) -> Iterator[ReportRecord]:
    """Stream the reports of one XML file, BioC or OpenI.

    Raises:
        LabelerError: if it is neither, not well-formed, or declares entities.
        OSError: if the file cannot be read.
    """
    del options  # XML says itself how it is encoded
    readers = {BIOC_ROOT: read_bioc, OPENI_ROOT: read_openi}
    root = root_tag(path)
    if root not in readers:
        raise LabelerError(
            f"{path}: root element is <{root}>; read are <{BIOC_ROOT}> (BioC) and <{OPENI_ROOT}> (OpenI)"
        )
    yield from readers[root](path)
