"""Another node of the image network, written ``AET@HOST:PORT``."""

import re
from dataclasses import dataclass
from typing import Self

from cxr.errors import ConfigError

__all__ = ["Peer", "check_ae_title"]

# VR AE (PS3.5 6.2): at most 16 characters, neither backslash nor control characters, not blank.
_AE_TITLE = re.compile(r"[ -\[\]-~]{1,16}")
_ADDRESS = re.compile(r"(?P<ae_title>[^@]+)@(?P<host>\[[0-9A-Fa-f:.]+\]|[^@:\s]+):(?P<port>\d{1,5})")


@dataclass(frozen=True)
class Peer:
    """Where to send objects.

    Attributes:
        ae_title: application entity title, at most 16 characters.
        host: name or address.
        port: 1 to 65535.
    """

    ae_title: str
    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``AET@HOST:PORT``; an IPv6 address stands in brackets.

        Raises:
            ConfigError: if the text has another form.
        """
        found = _ADDRESS.fullmatch(text)
        if found is None or not 1 <= int(found["port"]) <= 65535:
            raise ConfigError(f"{text!r} is no peer; write AET@HOST:PORT, e.g. ORTHANC@127.0.0.1:4242")
        return cls(check_ae_title(found["ae_title"]), found["host"].strip("[]"), int(found["port"]))


def check_ae_title(text: str) -> str:
    """An application entity title without surrounding blanks.

    Raises:
        ConfigError: if DICOM does not allow it.
    """
    title = text.strip(" ")
    if not _AE_TITLE.fullmatch(title):
        raise ConfigError(f"{text!r} is no AE title; it has 1 to 16 ASCII characters, no backslash")
    return title
