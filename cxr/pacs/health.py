"""How the node is, as JSON over HTTP, for the monitoring on the same machine only."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cxr.errors import ConfigError

__all__ = ["HealthServer"]

_LOOPBACK = "127.0.0.1"


class HealthServer:
    """Answers ``GET /health`` on loopback: 200 while all is well, otherwise 503; the body says what is not.

    Args:
        port: to listen on.
        report: gives the body; its ``status`` is ``"ok"`` while all is well.

    Raises:
        ConfigError: if the port is taken.
    """

    def __init__(self, port: int, report: Callable[[], Mapping[str, object]]) -> None:
        class Handler(BaseHTTPRequestHandler):
            server_version, sys_version = "cxr", ""

            def do_GET(self) -> None:
                if self.path != "/health":
                    self.send_error(404)
                    return
                state = report()
                body = json.dumps(state).encode()
                self.send_response(200 if state["status"] == "ok" else 503)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (as http.server calls it)
                """A monitor that asks every second is not worth a line."""

        try:
            self._server = ThreadingHTTPServer((_LOOPBACK, port), Handler)
        except OSError as error:
            raise ConfigError(f"the health endpoint cannot listen on port {port}: {error.strerror}") from error
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
