"""The ways of files onto a worklist: brought by a visitor, found in a watched folder.

Both give files and names; the worklist makes cases of them.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from cxr.errors import ConfigError, RefusedInputError
from cxr.screening.inputs import ScreeningInput, find_inputs, is_companion

__all__ = ["REFUSED", "Inbox", "NewImage", "WatchedFolder", "plain_name"]

REFUSED = ".refused"
"""Suffix of a file that holds no image but the code and message of a refusal."""

_ARCHIVE = ".zip"
_BETWEEN = "!/"
_LONGEST_NAME = 200


@dataclass(frozen=True)
class NewImage:
    """A file that is to become a case.

    Attributes:
        name: file name to show; text from outside.
        source: the file to be screened.
        origin: by which the same image is known again; empty for uploads, which may come twice.
    """

    name: str
    source: Path
    origin: str = ""


class Inbox:
    """Files that visitors bring, under random names until they are screened; the rest is deleted at opening.

    Args:
        folder: created if missing, for this user of the machine alone.
        wanted: the files that somebody's case still needs.
    """

    def __init__(self, folder: Path, wanted: set[Path]) -> None:
        folder.mkdir(exist_ok=True, mode=0o700)
        self._folder = folder
        for file in folder.iterdir():
            if file not in wanted:
                file.unlink()

    def new_file(self) -> Path:
        """An empty file under a random name, to be written and then given to :meth:`unpack`."""
        file = self._folder / secrets.token_hex(12)
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        return file

    def unpack(self, file: Path, name: str) -> Iterator[NewImage]:
        """A file as it is, or the members of a zip archive.

        Args:
            file: from :meth:`new_file`; it belongs to the inbox from now on.
            name: what the visitor called it; text from outside, of which only the last part is shown.

        Yields:
            What is to be screened. An archive that must not be opened is one file, so that it is on the worklist
            as refused and not lost.
        """
        shown = plain_name(name)
        if not shown.lower().endswith(_ARCHIVE):
            yield NewImage(shown, file)
            return
        archive = file.with_suffix(_ARCHIVE)
        file.rename(archive)
        try:
            for item in find_inputs([archive]):
                yield NewImage(_member_name(item, shown), self.take(item))
        finally:
            archive.unlink()

    def take(self, item: ScreeningInput) -> Path:
        """A copy of a member of an archive, or of the reason why it is refused."""
        file = self.new_file()
        try:
            content = item.read()
            file.write_bytes(content if isinstance(content, bytes) else content.read_bytes())
        except RefusedInputError as error:
            file.unlink()
            file = file.with_suffix(REFUSED)
            file.write_text(f"{error.code}\n{error.message}", encoding="utf-8")
        return file

    def holds(self, source: Path) -> bool:
        """Whether a source is a file of this inbox, to be deleted once it is screened."""
        return source.parent == self._folder


class WatchedFolder:
    """Finds every image of a folder once, however often the program is started: as in the spool of an archive.

    A file is taken when its size and time have not changed since the look before, so that one that is still
    being written is left alone. Images are read where they lie; members of archives go through the inbox.

    Args:
        folder: searched recursively.
        inbox: takes members of archives.
        knows: whether there is a case of an origin already.

    Raises:
        ConfigError: if it is no folder.
    """

    def __init__(self, folder: Path, inbox: Inbox, knows: Callable[[str], bool]) -> None:
        if not folder.is_dir():
            raise ConfigError(f"{folder} is not a folder; give one with images, or one made by 'cxr screen'")
        self._folder = folder.absolute()
        self._inbox = inbox
        self._knows = knows
        self._seen: dict[Path, tuple[int, int]] = {}
        self._taken: set[Path] = set()

    def look(self) -> Iterator[NewImage]:
        """What is new and complete."""
        for file in self._files():
            if file not in self._taken and self._is_settled(file):
                self._taken.add(file)
                yield from self._new(file)

    def _files(self) -> list[Path]:
        found = []
        for here, folders, names in os.walk(self._folder):
            folders[:] = sorted(name for name in folders if not is_companion(name))
            found += [Path(here) / name for name in sorted(names) if not is_companion(name)]
        return found

    def _is_settled(self, file: Path) -> bool:
        try:
            stat = file.stat()
        except OSError:
            return False
        before, self._seen[file] = self._seen.get(file), (stat.st_size, stat.st_mtime_ns)
        return before == self._seen[file]

    def _new(self, file: Path) -> Iterator[NewImage]:
        for item in find_inputs([file]):
            if self._knows(item.name):
                continue
            if file.suffix.lower() == _ARCHIVE:
                yield NewImage(item.name[len(str(file.parent)) + 1 :], self._inbox.take(item), item.name)
            else:
                yield NewImage(file.name, file, item.name)


def plain_name(name: str) -> str:
    """A file name without folders, as text of one line: ``../../x.dcm`` -> ``x.dcm``."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return "".join(c for c in last if c.isprintable())[-_LONGEST_NAME:] or "unnamed"


def _member_name(item: ScreeningInput, archive: str) -> str:
    """``ward.zip!/a/chest.dcm``; the archive's own name where it is refused as a whole."""
    inside = item.name.partition(_BETWEEN)[2]
    return f"{archive}{_BETWEEN}{inside}"[-_LONGEST_NAME:] if inside else archive
