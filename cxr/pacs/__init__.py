"""A node of the hospital's image network: receives radiographs, screens them, sends SR and SC back.

- :class:`PacsService`: the whole node; :class:`ServiceSettings`: how it is set up
- :class:`Spool`: the queue on disk that survives ``kill -9``
- :class:`Peer`: ``AET@HOST:PORT``
"""

from cxr.pacs.service import PacsService, ServiceSettings
from cxr.pacs.spool import Spool, SpoolState
from cxr.pacs.storage_scp import StorageLimits
from cxr.pacs.storage_scu import Peer, check_ae_title, echo
from cxr.pacs.tls import TlsFiles

__all__ = [
    "PacsService",
    "Peer",
    "ServiceSettings",
    "Spool",
    "SpoolState",
    "StorageLimits",
    "TlsFiles",
    "check_ae_title",
    "echo",
]
