"""The storage provider: takes radiographs from the peers on its list, and answers success only once they are kept."""

import logging
import ssl
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection
from dataclasses import dataclass

from cxr.errors import ConfigError, MissingExtraError
from cxr.pacs.spool import Spool, SpoolState

try:
    from pynetdicom import AE, evt
    from pynetdicom.events import Event
    from pynetdicom.sop_class import (
        ComputedRadiographyImageStorage,
        DigitalXRayImageStorageForPresentation,
        DigitalXRayImageStorageForProcessing,
        SecondaryCaptureImageStorage,
        Verification,
    )

    from cxr.pacs.transport import close_unconnected_sockets
except ModuleNotFoundError as error:
    raise MissingExtraError("listening for DICOM objects", "pacs") from error
from pydicom.uid import (
    JPEG2000,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

__all__ = ["StorageLimits", "StorageSCP"]

_LOG = logging.getLogger(__name__)
_SUCCESS, _OUT_OF_RESOURCES = 0x0000, 0xA700  # PS3.4 table B.2-1
_SOP_CLASSES = (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    DigitalXRayImageStorageForProcessing,
    SecondaryCaptureImageStorage,
)
_TRANSFER_SYNTAXES = [
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    JPEGLosslessSV1,
    JPEGLossless,
    JPEGLSLossless,
    JPEGLSNearLossless,
    JPEG2000Lossless,
    JPEG2000,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    RLELossless,
]


@dataclass(frozen=True)
class StorageLimits:
    """What a peer may ask of this node; beyond it an object is not taken, and its sender may try again later.

    Attributes:
        max_object_bytes: largest object; an association that sends a larger one is aborted.
        max_objects_per_minute: per calling AE title.
        max_waiting: radiographs that may wait for screening.
        max_associations: open at the same time.
    """

    max_object_bytes: int = 256 * 2**20
    max_objects_per_minute: int = 1200
    max_waiting: int = 10_000
    max_associations: int = 16


class StorageSCP:
    """A running storage provider.

    Args:
        spool: where objects are kept.
        ae_title: of this node; associations that call another one are rejected.
        address: host and port to listen on.
        allowed: AE titles that may send; empty allows every one.
        limits: see :class:`StorageLimits`.
        on_object: called after an object was kept.
        tls: for encrypted associations; ``None`` takes plain ones.

    Raises:
        ConfigError: if the address cannot be listened on.
    """

    def __init__(
        self,
        spool: Spool,
        ae_title: str,
        address: tuple[str, int],
        allowed: Collection[str],
        limits: StorageLimits,
        on_object: Callable[[], None],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._spool, self._limits, self._on_object = spool, limits, on_object
        self._rates: dict[str, _Rate] = defaultdict(lambda: _Rate(limits.max_objects_per_minute))
        self._pending: dict[int, int] = defaultdict(int)
        close_unconnected_sockets()
        node = AE(ae_title)
        node.require_called_aet = True
        node.require_calling_aet = sorted(allowed)
        node.maximum_associations = limits.max_associations
        node.add_supported_context(Verification)
        for sop_class in _SOP_CLASSES:
            node.add_supported_context(sop_class, _TRANSFER_SYNTAXES)
        handlers = [
            (evt.EVT_C_STORE, self._store),
            (evt.EVT_DATA_RECV, self._measure),
            (evt.EVT_REJECTED, self._rejected),
            (evt.EVT_CONN_CLOSE, self._closed),
        ]
        try:
            self._server = node.start_server(address, block=False, evt_handlers=handlers, ssl_context=tls)
        except OSError as error:
            raise ConfigError(f"cannot listen on {address[0]} port {address[1]}: {error.strerror}") from error

    def stop(self) -> None:
        """Close the port and end the open associations."""
        self._server.shutdown()

    def _store(self, event: Event) -> int:
        """Answer C-STORE: success means that the object survives anything but the loss of the disk."""
        sender = event.assoc.requestor.ae_title
        self._pending[id(event.assoc)] = 0
        if not self._rates[sender].take():
            _LOG.warning("%r sends more than %d objects a minute", sender, self._limits.max_objects_per_minute)
            return _OUT_OF_RESOURCES
        if self._spool.counts()[SpoolState.RECEIVED] >= self._limits.max_waiting:
            _LOG.warning("%d objects wait for screening; no more are taken", self._limits.max_waiting)
            return _OUT_OF_RESOURCES
        try:
            new = self._spool.put(str(event.request.AffectedSOPInstanceUID), event.encoded_dataset())
        except OSError as error:
            _LOG.warning("the spool takes no object: %s", error.strerror or type(error).__name__)
            return _OUT_OF_RESOURCES
        _LOG.info("received an object from %r%s", sender, "" if new else ", known already")
        self._on_object()
        return _SUCCESS

    def _measure(self, event: Event) -> None:
        """Abort an association whose object grows beyond the limit; it would be assembled in memory."""
        association = id(event.assoc)
        self._pending[association] += len(event.data)
        if self._pending[association] > self._limits.max_object_bytes:
            _LOG.warning("aborted an association: its object exceeds %d bytes", self._limits.max_object_bytes)
            event.assoc.abort()

    def _rejected(self, event: Event) -> None:
        _LOG.warning("rejected an association of %r", event.assoc.requestor.ae_title)

    def _closed(self, event: Event) -> None:
        self._pending.pop(id(event.assoc), None)


class _Rate:
    """A bucket that fills with ``per_minute`` tokens a minute and holds as many."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._tokens = float(per_minute)
        self._at = time.monotonic()
        self._turn = threading.Lock()

    def take(self) -> bool:
        """Whether a token was left."""
        with self._turn:
            now = time.monotonic()
            self._tokens = min(self._per_minute, self._tokens + (now - self._at) * self._per_minute / 60)
            self._at = now
            if self._tokens < 1:
                return False
            self._tokens -= 1
            return True
