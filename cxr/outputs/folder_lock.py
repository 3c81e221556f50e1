"""One process at a time per folder, on POSIX and on Windows; the lock ends with the process, however it ends."""

import sys
from pathlib import Path

from cxr.errors import ConfigError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

__all__ = ["FolderLock"]

_FILE = ".lock"


class FolderLock:
    """Held from its making until :meth:`release`.

    Args:
        folder: an existing folder; the lock is a hidden file in it, which stays there.

    Raises:
        ConfigError: if another process holds it.
    """

    def __init__(self, folder: Path) -> None:
        self._stream = (folder / _FILE).open("ab")
        try:
            if sys.platform == "win32":
                self._stream.seek(0)
                msvcrt.locking(self._stream.fileno(), msvcrt.LK_NBLCK, 1)
            else:
                fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._stream.close()
            raise ConfigError(f"another process writes to {folder}; wait for it or choose another folder") from error

    def release(self) -> None:
        """Let others in."""
        self._stream.close()
