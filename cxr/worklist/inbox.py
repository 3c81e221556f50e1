"""Files that a visitor brings: copied into the worklist's own folder under a random name, until they are screened."""

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from cxr.errors import RefusedInputError
from cxr.screening import ScreeningInput, find_inputs
from cxr.worklist.cases import Cases

__all__ = ["REFUSED", "Inbox", "shown_name"]

REFUSED = ".refused"
"""Suffix of a copy that holds no image but the code and message of a refusal."""

_PRIVATE = 0o600
_LONGEST_NAME = 200


class Inbox:
    """The folder of files that wait to be screened."""

    def __init__(self, folder: Path, cases: Cases) -> None:
        folder.mkdir(exist_ok=True, mode=0o700)
        self._folder = folder
        self._cases = cases

    def receive(self, owner: str, files: Sequence[Path]) -> Iterator[str]:
        """Take copies of files, one case per image; of a zip archive, one per member.

        Args:
            owner: whose cases they become.
            files: uploads; they can be deleted afterwards.

        Yields:
            The id of each case as soon as it waits. An input that cannot even be read becomes a case too, so
            that it is on the worklist as refused and not lost.
        """
        for file in files:
            for item in find_inputs([file]):
                yield self.take(owner, item, shown_name(item.name, file))

    def take(self, owner: str, item: ScreeningInput, name: str, origin: str = "") -> str:
        """Copy one input and let it wait; returns the id of its case."""
        copy = self._folder / secrets.token_hex(12)
        try:
            _store(item.read(), copy)
        except RefusedInputError as error:
            copy = copy.with_suffix(REFUSED)
            _store(f"{error.code}\n{error.message}".encode(), copy)
        return self._cases.add(owner, name, copy, origin=origin)

    def holds(self, source: Path) -> bool:
        """Whether a source is a copy of this inbox, to be deleted once it is screened."""
        return source.parent == self._folder


def shown_name(name: str, file: Path) -> str:
    """An input's name without the folder it happened to lie in: ``chest.dcm``, ``ward.zip!/a/chest.dcm``."""
    inside = name.partition("!/")[2] if "!/" in name else ""
    base = PurePosixPath(str(file).replace("\\", "/")).name
    return (f"{base}!/{inside}" if inside else base)[-_LONGEST_NAME:]


def _store(content: Path | bytes, copy: Path) -> None:
    descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE)
    with os.fdopen(descriptor, "wb") as stream:
        if isinstance(content, bytes):
            stream.write(content)
        else:
            with content.open("rb") as original:
                shutil.copyfileobj(original, stream)
