"""Files that a visitor brings: kept in the worklist's own folder under random names, until they are screened."""

import os
import secrets
from pathlib import Path, PurePosixPath

from cxr.errors import RefusedInputError
from cxr.screening import ScreeningInput, find_inputs
from cxr.worklist.case_queue import CaseQueue

__all__ = ["REFUSED", "Inbox", "plain_name"]

REFUSED = ".refused"
"""Suffix of a file that holds no image but the code and message of a refusal."""

_ARCHIVE = ".zip"
_BETWEEN = "!/"
_LONGEST_NAME = 200


class Inbox:
    """The folder of files that wait to be screened; what no case waits for is deleted when it is opened.

    Args:
        folder: created if missing, for this user of the machine alone.
        queue: of the worklist.
    """

    def __init__(self, folder: Path, queue: CaseQueue) -> None:
        folder.mkdir(exist_ok=True, mode=0o700)
        self._folder = folder
        self._queue = queue
        wanted = queue.unfinished_sources()
        for file in folder.iterdir():
            if file not in wanted:
                file.unlink()

    def new_file(self) -> Path:
        """An empty file under a random name, to be written and then given to :meth:`admit`."""
        file = self._folder / secrets.token_hex(12)
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return file

    def admit(self, owner: str, file: Path, name: str) -> list[str]:
        """Let a file wait: one case, or one per member of a zip archive.

        Args:
            owner: whose cases they become.
            file: from :meth:`new_file`; it belongs to the inbox from now on.
            name: what the visitor called it; text from outside, of which only the last part is shown.

        Returns:
            The ids. An archive that must not be opened becomes one case, so that it is on the worklist as
            refused and not lost.
        """
        shown = plain_name(name)
        if not shown.lower().endswith(_ARCHIVE):
            return [self._queue.add(owner, shown, file)]
        archive = file.with_suffix(_ARCHIVE)
        file.rename(archive)
        try:
            return [self.take(owner, item, _member_name(item, shown)) for item in find_inputs([archive])]
        finally:
            archive.unlink()

    def take(self, owner: str, item: ScreeningInput, name: str, origin: str = "") -> str:
        """Copy a member of an archive and let it wait; returns the id of its case."""
        file = self.new_file()
        try:
            content = item.read()
            file.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        except RefusedInputError as error:
            file.unlink()
            file = file.with_suffix(REFUSED)
            file.write_text(f"{error.code}\n{error.message}", encoding="utf-8")
        return self._queue.add(owner, name, file, origin=origin)

    def holds(self, source: Path) -> bool:
        """Whether a source is a file of this inbox, to be deleted once it is screened."""
        return source.parent == self._folder


def plain_name(name: str) -> str:
    """A file name without folders, as text of one line: ``../../x.dcm`` -> ``x.dcm``."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(c for c in last if c.isprintable())[-_LONGEST_NAME:] or "unnamed"


def _member_name(item: ScreeningInput, archive: str) -> str:
    """``ward.zip!/a/chest.dcm``; the archive's own name where it is refused as a whole."""
    inside = item.name.partition(_BETWEEN)[2]
    return f"{archive}{_BETWEEN}{inside}"[-_LONGEST_NAME:] if inside else archive
