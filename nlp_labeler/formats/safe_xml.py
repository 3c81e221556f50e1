"""XML read as a stream, with entity declarations and external references refused.

A file of a few hundred bytes can otherwise expand to gigabytes, or read other files of the machine. A plain DOCTYPE,
which every BioC file has, is allowed and never fetched.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from nlp_labeler.errors import LabelerError

__all__ = ["root_tag", "stream_elements"]


def stream_elements(path: Path, tag: str) -> Iterator[Element]:
    """Elements called ``tag`` in document order, each complete, each forgotten once the next is asked for.

    Raises:
        LabelerError: if the file is not well-formed or declares entities.
    """
    with xml_events(path) as events:
        _, root = next(events)
        for event, element in events:
            if event == "end" and element.tag == tag:
                yield element
                root.clear()


def root_tag(path: Path) -> str:
    """Name of the root element.

    Raises:
        LabelerError: if the file is not well-formed up to there or declares entities.
    """
    with xml_events(path) as events:
        _, root = next(events)
        return str(root.tag)


@contextmanager
def xml_events(path: Path) -> Iterator[Iterator[tuple[str, Element]]]:
    """Start and end events of a file; what the parser objects to is raised as ``LabelerError``."""
    try:
        with path.open("rb") as stream:
            yield iterparse(stream, events=("start", "end"), forbid_dtd=False, forbid_entities=True)
    except DefusedXmlException as error:
        raise LabelerError(f"{path}: XML with entity declarations is refused ({type(error).__name__})") from None
    except (ParseError, LookupError, ValueError) as error:
        raise LabelerError(f"{path}: is not well-formed XML ({error})") from None
