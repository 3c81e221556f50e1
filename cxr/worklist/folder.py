"""A folder on the shared worklist: images that lie there or arrive later, as in the spool of an archive."""

import os
from pathlib import Path

from cxr.errors import ConfigError
from cxr.screening import find_inputs
from cxr.screening.inputs import is_companion
from cxr.worklist.case import SHARED
from cxr.worklist.case_queue import CaseQueue
from cxr.worklist.inbox import Inbox

__all__ = ["WatchedFolder"]

_ARCHIVE = ".zip"


class WatchedFolder:
    """Puts every image of a folder on the shared worklist, once, however often the program is started.

    A file is taken when its size and time have not changed since the look before, so that one that is still
    being written is left alone. Images are read where they lie; members of archives go through the inbox.

    Args:
        folder: searched recursively.
        queue: of the worklist.
        inbox: takes members of archives.

    Raises:
        ConfigError: if it is no folder.
    """

    def __init__(self, folder: Path, queue: CaseQueue, inbox: Inbox) -> None:
        if not folder.is_dir():
            raise ConfigError(f"{folder} is not a folder; give one with images, or one made by 'cxr screen'")
        self._folder = folder.absolute()
        self._queue = queue
        self._inbox = inbox
        self._seen: dict[Path, tuple[int, int]] = {}
        self._taken: set[Path] = set()

    def look(self) -> int:
        """Take what is new and complete; returns how many cases that made."""
        return sum(self._take(file) for file in self._files() if file not in self._taken and self._is_settled(file))

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

    def _take(self, file: Path) -> int:
        self._taken.add(file)
        count = 0
        for item in find_inputs([file]):
            if self._queue.knows(item.name):
                continue
            count += 1
            if file.suffix.lower() == _ARCHIVE:
                self._inbox.take(SHARED, item, item.name[len(str(file.parent)) + 1 :], origin=item.name)
            else:
                self._queue.add(SHARED, file.name, file, origin=item.name)
        return count
