"""Salted pseudonyms: the same patient keeps one name within an archive, and none that leads back without the salt."""

import hashlib
import hmac
from pathlib import Path

from cxr.errors import DatasetError

__all__ = ["Pseudonyms"]

_SHORTEST_SALT = 16
_LETTERS = 16


class Pseudonyms:
    """Keyed hashes (HMAC-SHA256) of identifiers.

    Args:
        salt: the secret; whoever has it can check a guess. At least 16 bytes.

    Raises:
        DatasetError: if the salt is shorter.
    """

    def __init__(self, salt: bytes) -> None:
        if len(salt) < _SHORTEST_SALT:
            raise DatasetError(f"the salt has {len(salt)} bytes; at least {_SHORTEST_SALT} random ones are needed")
        self._salt = salt

    @classmethod
    def from_file(cls, path: Path) -> "Pseudonyms":
        """Pseudonyms with the content of a file as the salt; keep it apart from the dataset.

        Raises:
            DatasetError: if it cannot be read or is too short.
        """
        try:
            return cls(path.read_bytes().strip())
        except OSError as error:
            raise DatasetError(f"{path}: the salt cannot be read ({error.strerror})") from None

    def of(self, identifier: str, purpose: str) -> str:
        """Sixteen hexadecimal digits for an identifier; other purposes give other names for the same one."""
        return hmac.new(self._salt, f"{purpose}\0{identifier}".encode(), hashlib.sha256).hexdigest()[:_LETTERS]
