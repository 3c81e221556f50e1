"""A thread that brings results to the archive, and tries again for as long as it takes."""

import io
import logging
import random
import re
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pydicom
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    ComprehensiveSRStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    SecondaryCaptureImageStorage,
    Verification,
)

from cxr.errors import ConfigError
from cxr.pacs.spool import Spool, SpoolState
from cxr.pacs.transport import close_unconnected_sockets

__all__ = ["Peer", "StorageSCU", "check_ae_title", "echo", "rest_seconds"]

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


_LOG = logging.getLogger(__name__)
_IDLE_SECONDS = 1.0
_FIRST_REST, _LONGEST_REST = 1.0, 300.0
_TIMEOUT = 30
_WARNINGS = range(0xB000, 0xC000)


def echo(peer: Peer, ae_title: str, timeout: float = 10.0) -> str | None:
    """Ask a node of the network whether it is there (C-ECHO).

    Args:
        peer: the node.
        ae_title: of the one who asks.
        timeout: in seconds, for every step.

    Returns:
        What is wrong in words; ``None`` where it answers as it should.
    """
    close_unconnected_sockets()
    node = AE(ae_title)
    node.acse_timeout = node.dimse_timeout = node.network_timeout = node.connection_timeout = timeout
    node.add_requested_context(Verification)
    association = node.associate(peer.host, peer.port, ae_title=peer.ae_title)
    if not association.is_established:
        return "it refuses the association" if association.is_rejected else "it cannot be reached"
    try:
        status = association.send_c_echo()
    finally:
        association.release()
    return None if "Status" in status and status.Status == 0 else "it does not answer C-ECHO with success"


def rest_seconds(attempts: int) -> float:
    """How long to rest after a failed attempt: doubling from 1 s to 5 minutes, spread by a quarter.

    Args:
        attempts: failed attempts before this one.
    """
    longest = min(_LONGEST_REST, _FIRST_REST * 2.0 ** min(attempts, 16))
    return longest * random.uniform(0.75, 1.0)


class StorageSCU(threading.Thread):
    """Sends each object's results; they are marked sent only when all of them were acknowledged.

    Their SOP Instance UIDs depend only on the radiograph and the bundle, so an archive that has an object already,
    because an acknowledgement was lost, recognises it.

    Args:
        spool: where results come from.
        ae_title: of this node.
        peer: the archive.
        wake: set when there may be something to do.
        stop: set when the thread is to end.
        tls: for an archive that takes encrypted associations; ``None`` for one that takes plain ones.

    Attributes:
        failing: whether the last attempt failed.
    """

    def __init__(
        self,
        spool: Spool,
        ae_title: str,
        peer: Peer,
        wake: threading.Event,
        stop: threading.Event,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(name="sender", daemon=True)
        self._spool, self._peer, self._wake, self._stopped = spool, peer, wake, stop
        self._tls = (tls, peer.host) if tls is not None else None
        self.failing = False
        close_unconnected_sockets()
        self._node = AE(ae_title)
        self._node.acse_timeout = self._node.dimse_timeout = self._node.network_timeout = _TIMEOUT
        self._node.connection_timeout = _TIMEOUT
        for sop_class in (
            ComprehensiveSRStorage,
            SecondaryCaptureImageStorage,
            GrayscaleSoftcopyPresentationStateStorage,
        ):
            self._node.add_requested_context(sop_class, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])

    def run(self) -> None:
        """Send whatever is screened, over one association for as long as there is something to send."""
        while not self._stopped.is_set():
            self._wake.clear()
            association: Association | None = None
            while not self._stopped.is_set():
                with self._spool.claimed(SpoolState.SCREENED) as found:
                    if found is None:
                        break
                    if association is None or not association.is_established:
                        association = self._node.associate(
                            self._peer.host, self._peer.port, ae_title=self._peer.ae_title, tls_args=self._tls
                        )
                    self._send(association, *found)
            if association is not None and association.is_established:
                association.release()
            self._wake.wait(_IDLE_SECONDS)

    def _send(self, association: Association, key: str, attempts: int) -> None:
        """Send one object's results, or let it rest."""
        problem = self._problem(association, key)
        self.failing = problem is not None
        if problem is None:
            self._spool.sent(key)
            _LOG.info("results of object %s were sent", key[:12])
            return
        rest = rest_seconds(attempts)
        self._spool.postpone(key, rest, attempts + 1)
        _LOG.warning("results of object %s were not sent (%s); next attempt in %.0f s", key[:12], problem, rest)

    def _problem(self, association: Association, key: str) -> str | None:
        """Why the results were not taken; ``None`` if they were."""
        if not association.is_established:
            return "no association" if not association.is_rejected else "association rejected"
        for file in self._spool.result_files(key):
            try:
                status = association.send_c_store(_read(file)).get("Status")
            except (RuntimeError, ValueError) as error:
                return type(error).__name__
            if status is None:
                return "no answer"
            if status != 0 and status not in _WARNINGS:
                return f"status 0x{status:04X}"
        return None


def _read(file: Path) -> pydicom.FileDataset:
    """A result as it was kept; read whole, so that no file stays open."""
    return pydicom.dcmread(io.BytesIO(file.read_bytes()))
