"""The node as a whole: receives, screens, sends, tells how it is, and stops without losing anything."""

import json
import threading
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Self

from cxr.errors import ConfigError
from cxr.pacs.spool import Spool, SpoolState
from cxr.pacs.spool_worker import SpoolWorker
from cxr.pacs.storage_scp import StorageLimits, StorageSCP
from cxr.pacs.storage_scu import Peer, StorageSCU
from cxr.pacs.tls import TlsFiles
from cxr.screening.screener import Screener

__all__ = ["HealthServer", "PacsService", "ServiceSettings"]


class HealthServer:
    """Answers on loopback.

    ``GET /health`` with 200 while all is well, otherwise 503, and the body says what is not; ``GET /metrics`` with the
    same figures as Prometheus reads them (text format 0.0.4).

    Args:
        port: to listen on.
        report: gives the body of the former; its ``status`` is ``"ok"`` while all is well.
        metrics: gives the body of the latter.

    Raises:
        ConfigError: if the port is taken.
    """

    def __init__(self, port: int, report: Callable[[], Mapping[str, object]], metrics: Callable[[], str]) -> None:
        class Handler(BaseHTTPRequestHandler):
            server_version, sys_version = "cxr", ""

            def do_GET(self) -> None:
                if self.path == "/metrics":
                    status, kind, body = 200, "text/plain; version=0.0.4; charset=utf-8", metrics().encode()
                elif self.path == "/health":
                    state = report()
                    status, kind = (200 if state["status"] == "ok" else 503), "application/json"
                    body = json.dumps(state).encode()
                else:
                    self.send_error(404)
                    return
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (as http.server calls it)
                """A monitor that asks every second is not worth a line."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as error:
            raise ConfigError(f"the health endpoint cannot listen on port {port}: {error.strerror}") from error
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()


_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


@dataclass(frozen=True)
class ServiceSettings:
    """How a node is set up.

    Attributes:
        ae_title: of this node.
        host: address to listen on.
        port: port to listen on.
        forward_to: the archive that gets the results.
        spool: folder of the queue.
        allowed: AE titles that may send. Every one may where it is empty, which loopback alone allows.
        health_port: port of the health endpoint on loopback.
        workers: radiographs screened at once.
        limits: what a sender may ask.
        tls: certificate and key for encrypted associations of senders; ``None`` takes plain ones.
        forward_tls: whether the archive is called by TLS too.
        gsps: whether the archive gets boxes as a presentation state, too.
    """

    ae_title: str
    host: str
    port: int
    forward_to: Peer
    spool: Path
    allowed: Collection[str]
    health_port: int
    workers: int
    limits: StorageLimits = field(default_factory=StorageLimits)
    tls: TlsFiles | None = None
    forward_tls: bool = False
    gsps: bool = False

    def __post_init__(self) -> None:
        """Refuse an open door."""
        if not self.allowed and self.host not in _LOOPBACK:
            raise ConfigError(f"listening on {self.host} needs the AE titles that may send; name each with --allow")
        if self.forward_tls and self.tls is None:
            raise ConfigError("calling the archive by TLS needs this node's certificate; name it with --tls")


class PacsService:
    """A running node; a context manager that stops it.

    Args:
        screener: made with ``threads=1`` where ``settings.workers`` fill the cores.
        settings: see :class:`ServiceSettings`.

    Raises:
        ConfigError: if a port is taken or the spool cannot be used.
    """

    def __init__(self, screener: Screener, settings: ServiceSettings) -> None:
        self._stop, wake_screening, wake_sender = Event(), Event(), Event()
        self._wakes = (wake_screening, wake_sender)
        tls = settings.tls.listening() if settings.tls else None
        forward_tls = settings.tls.calling() if settings.tls and settings.forward_tls else None
        self._spool = Spool(settings.spool, screener.identity)
        try:
            self._storage_scu = StorageSCU(
                self._spool, settings.ae_title, settings.forward_to, wake_sender, self._stop, forward_tls
            )
            self._workers = [
                SpoolWorker(self._spool, screener, wake_screening, self._stop, wake_sender, gsps=settings.gsps)
                for _ in range(settings.workers)
            ]
            self._health = HealthServer(settings.health_port, self.health, self.metrics)
            try:
                self._storage_scp = StorageSCP(
                    self._spool,
                    settings.ae_title,
                    (settings.host, settings.port),
                    settings.allowed,
                    settings.limits,
                    wake_screening.set,
                    tls,
                )
            except BaseException:
                self._health.stop()
                raise
        except BaseException:
            self._spool.close()
            raise
        for thread in (self._storage_scu, *self._workers):
            thread.start()

    def health(self) -> dict[str, object]:
        """What the health endpoint says.

        Objects now in each state, what has happened since this start and ever, refusals by code, and the age of the
        oldest unfinished object.
        """
        dead = [thread.name for thread in (self._storage_scu, *self._workers) if not thread.is_alive()]
        status = "thread ended" if dead else "archive does not take results" if self._storage_scu.failing else "ok"
        oldest = self._spool.oldest_unfinished()
        return {
            "status": status,
            **{state.value: count for state, count in self._spool.counts().items()},
            "since_start": dict(self._spool.events(since_start=True)),
            "ever": dict(self._spool.events()),
            "refusals": self._spool.refusals(),
            "oldest_unfinished_seconds": None if oldest is None else round(time.time() - oldest, 1),
        }

    def metrics(self) -> str:
        """The same for Prometheus; counters run for as long as the spool exists."""
        state = self.health()
        oldest = state["oldest_unfinished_seconds"]
        lines = [
            "# HELP cxr_up Whether everything works: 1, otherwise 0.",
            "# TYPE cxr_up gauge",
            f"cxr_up {int(state['status'] == 'ok')}",
            "# HELP cxr_queue_objects Objects now in each state.",
            "# TYPE cxr_queue_objects gauge",
            *(f'cxr_queue_objects{{state="{name}"}} {count}' for name, count in self._spool.counts().items()),
            "# HELP cxr_objects_total Objects since the queue was made, by what happened to them.",
            "# TYPE cxr_objects_total counter",
            *(f'cxr_objects_total{{event="{event}"}} {count}' for event, count in self._spool.events().items()),
            "# HELP cxr_refusals_total Objects that were not screened, by reason.",
            "# TYPE cxr_refusals_total counter",
            *(f'cxr_refusals_total{{code="{code}"}} {count}' for code, count in self._spool.refusals().items()),
            "# HELP cxr_oldest_unfinished_seconds Age of the object that has waited longest; 0 if none waits.",
            "# TYPE cxr_oldest_unfinished_seconds gauge",
            f"cxr_oldest_unfinished_seconds {0.0 if oldest is None else oldest}",
        ]
        return "\n".join(lines) + "\n"

    def counts(self) -> dict[SpoolState, int]:
        """Objects in each state."""
        return self._spool.counts()

    def stop(self) -> None:
        """Take nothing more, finish what is in hand, leave the rest in the spool for the next start."""
        self._storage_scp.stop()
        self._stop.set()
        for wake in self._wakes:
            wake.set()
        for thread in (*self._workers, self._storage_scu):
            thread.join()
        self._health.stop()
        self._spool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()
