"""The shipped dependency parser, as a spaCy pipeline over words that are already cut."""

import sys
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

from nlp_labeler.errors import MissingExtraError

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc

__all__ = ["keep_torch_out", "load_parser", "parse"]


def keep_torch_out() -> None:
    """Let this process load spaCy without PyTorch, which spaCy imports where it is installed and the parser never uses.

    That saves some 500 MB and most of the start. Nothing in the process can import PyTorch afterwards: it is for
    processes that only label.
    """
    sys.modules.setdefault("torch", None)  # type: ignore[arg-type]  # None makes every import of it fail


@cache
def load_parser() -> "Language":
    """The pipeline that ships with the package.

    Raises:
        MissingExtraError: if spaCy is not installed.
    """
    try:
        import spacy
    except ImportError as error:
        raise MissingExtraError("the graph engine", "label") from error
    with resources.as_file(resources.files("nlp_labeler.parser").joinpath("weights", "model")) as path:
        return spacy.load(path)


def parse(nlp: "Language", sentences: Iterable[list[str]], batch_size: int = 128) -> "Iterator[Doc]":
    """Dependency trees of sentences given as lists of lower-case words, in order."""
    return nlp.pipe((_doc(nlp, words) for words in sentences), batch_size=batch_size)


def _doc(nlp: "Language", words: list[str]) -> "Doc":
    from spacy.tokens import Doc

    doc = Doc(nlp.vocab, words=words)
    for token in doc[1:]:
        token.is_sent_start = False
    return doc
