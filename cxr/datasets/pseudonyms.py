"""Salted pseudonyms: the same patient keeps one name within an archive, and none that leads back without the salt."""

import hashlib
import hmac
from datetime import date, timedelta
from pathlib import Path

from cxr.errors import DatasetError

__all__ = ["Pseudonyms"]

_SHORTEST_SALT = 16
_LETTERS = 16
_MOST_DAYS = 365


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
        return self._hash(identifier, purpose).hex()[:_LETTERS]

    def days(self, patient: str) -> int:
        """By how many days a patient's dates are moved: the same for all of them, one to 365 days back, never none."""
        return -1 - int.from_bytes(self._hash(patient, "days")[:4]) % _MOST_DAYS

    def moved(self, when: str, patient: str) -> str:
        """A day, ``YYYY-MM-DD`` with or without a time, as :meth:`days` moves it; "" for none."""
        if not when:
            return ""
        return (date.fromisoformat(when[:10]) + timedelta(self.days(patient))).isoformat() + when[10:]

    def _hash(self, identifier: str, purpose: str) -> bytes:
        return hmac.new(self._salt, f"{purpose}\0{identifier}".encode(), hashlib.sha256).digest()
