"""A worker's own port for monitoring: `/metrics` and `/health/live`. It has no key, and tells nothing that needs it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import AF_INET, AF_INET6

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from workers.errors import Misconfigured

#: seconds that a peer may take to ask
_PATIENCE = 5.0


class Monitor:
    """Answers on `host` and `port` from `start` to `stop`. `live` says whether the process does its work."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, live: Callable[[], bool]) -> None:
        class Answer(BaseHTTPRequestHandler):
            timeout = _PATIENCE

            def do_GET(self) -> None:
                if self.path == "/metrics":
                    self._say(200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry))
                elif self.path == "/health/live":
                    lives = live()
                    word = b'{"status": "live"}' if lives else b'{"status": "stuck"}'
                    self._say(200 if lives else 503, "application/json", word)
                else:
                    self._say(404, "text/plain; charset=utf-8", b"Here are /metrics and /health/live.\n")

            def _say(self, status: int, media: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("content-type", media)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """A probe each second is nothing to write down."""

        class Server(ThreadingHTTPServer):
            address_family = AF_INET6 if ":" in host else AF_INET
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                """A peer that hung up, or took too long, is no fault of ours."""

        try:
            self._server = Server((host, port), Answer)
        except OSError as error:
            raise Misconfigured(
                f"DAYBOOK_WORK_METRICS_PORT is {port}, which cannot be listened on: {error.strerror}. "
                "Each worker process of a machine needs a port of its own."
            ) from None
        self._thread = threading.Thread(target=self._server.serve_forever, name="monitor", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    def stop(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()
