"""Sockets end with their associations, also where the peer refused the connection or closed it first.

pynetdicom 3 closes a socket only if it can be shut down before, which fails for one that is not connected; each such
socket, one for every attempt to reach an archive that is away, stayed open until it was garbage.

pynetdicom offers no public way to do this: a connection that never opened triggers no event, and by EVT_CONN_CLOSE the
association has dropped its socket. Hence a private method is replaced; `tests/pacs/test_storage_scu.py` fails should a
later version have it no more, or leave sockets open again.
"""

from typing import Any

from pynetdicom.transport import AssociationSocket

__all__ = ["close_unconnected_sockets"]

_shut_down = AssociationSocket._shutdown_socket


def close_unconnected_sockets() -> None:
    """Make pynetdicom close the sockets, too, that cannot be shut down; calling it again changes nothing."""
    AssociationSocket._shutdown_socket = _shut_down_and_close


def _shut_down_and_close(connection: Any) -> None:
    socket = connection.socket
    _shut_down(connection)
    if socket is not None:
        socket.close()
