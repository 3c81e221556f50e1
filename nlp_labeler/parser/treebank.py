"""Reads CoNLL-U treebanks as plain dependency trees."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nlp_labeler.errors import LabelerError

__all__ = ["Tree", "read_conllu"]

_COLUMNS = 10


@dataclass(frozen=True, slots=True)
class Tree:
    """A sentence with a dependency tree over it.

    Attributes:
        words: the words, lower case.
        heads: index of each word's head; the root's head is itself.
        relations: universal relation of each word to its head, without subtypes.
    """

    words: tuple[str, ...]
    heads: tuple[int, ...]
    relations: tuple[str, ...]


def read_conllu(path: Path) -> Iterator[Tree]:
    """The trees of a ``.conllu`` or ``.conllu.gz`` file, in order.

    Subtypes are dropped (``nsubj:pass`` becomes ``nsubj``): the rules need only the universal relations, and a smaller
    inventory is learnt better. Multiword and empty nodes are skipped, as their parts are listed.

    Raises:
        LabelerError: if the file is missing or a line is not CoNLL-U.
    """
    if not path.is_file():
        raise LabelerError(f"treebank {path.name} is not a file; expected .conllu or .conllu.gz")
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        rows: list[list[str]] = []
        for number, line in enumerate(lines, start=1):
            if line.startswith("#"):
                continue
            if not line.strip():
                if rows:
                    yield _tree(rows)
                rows = []
                continue
            row = line.rstrip("\n").split("\t")
            if len(row) != _COLUMNS:
                raise LabelerError(f"{path.name}, line {number}: {len(row)} columns, CoNLL-U has {_COLUMNS}")
            if row[0].isdigit():
                rows.append(row)
        if rows:
            yield _tree(rows)


def _tree(rows: list[list[str]]) -> Tree:
    heads = tuple(int(row[6]) - 1 if row[6] != "0" else index for index, row in enumerate(rows))
    return Tree(
        words=tuple(row[1].lower() for row in rows),
        heads=heads,
        relations=tuple(row[7].split(":")[0] for row in rows),
    )
