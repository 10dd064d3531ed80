"""A service that `http` steps send to: it checks the signature, counts what it does, and goes wrong when told to.

It is the idempotent kind: an id that it has taken is answered as before and not taken again.
"""

from __future__ import annotations

import contextlib
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from standardwebhooks import Webhook

SECRET = "whsec_aGFyYm91cmxpZ2h0LWNoYW9zLXNlY3JldA=="


@dataclass
class Receiver:
    """What came, by path. `trouble` is how each request may end: a share of them for each of its names."""

    url: str = ""
    trouble: dict[str, float] = field(default_factory=dict)
    #: whether a signature that is old, or of the future, is none; False where Daybook's clock is set wrong on purpose
    goes_by_time: bool = True
    #: seconds that a request hangs that hangs
    patience: float = 3.0
    #: requests whose signature was right, and which were carried out: path, webhook-id, body
    taken: list[tuple[str, str, Any]] = field(default_factory=list)
    #: how often a request with an id came, taken or not
    seen: Counter[str] = field(default_factory=Counter)
    forged: int = 0
    _known: set[tuple[str, str]] = field(default_factory=set)
    _dice: random.Random = field(default_factory=lambda: random.Random(1))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def at(self, path: str) -> list[tuple[str, Any]]:
        """Id and body of what was taken at a path."""
        with self._lock:
            return [(name, body) for where, name, body in self.taken if where == path]

    def begin(self, path: str, headers: dict[str, str], body: bytes) -> str:
        """Check a request; how it is to end."""
        try:
            self._verify(headers, body)
        except Exception:
            self.forged += 1
            return "forged"
        with self._lock:
            self.seen[headers["webhook-id"]] += 1
            luck = self._dice.random()
            for name, share in self.trouble.items():
                luck -= share
                if luck < 0:
                    return name
        return "well"

    def _verify(self, headers: dict[str, str], body: bytes) -> None:
        if self.goes_by_time:
            Webhook(SECRET).verify(body, headers)
            return
        at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
        if Webhook(SECRET).sign(headers["webhook-id"], at, body.decode()) not in headers["webhook-signature"].split():
            raise ValueError("it has another signature")

    def take(self, path: str, name: str, body: bytes, *, once: bool) -> None:
        """Do the work."""
        with self._lock:
            if not once or (path, name) not in self._known:
                self._known.add((path, name))
                self.taken.append((path, name, json.loads(body)))


@contextlib.contextmanager
def receiver(*, seed: int = 1) -> Iterator[Receiver]:
    """The service on loopback. Below `/once` it goes by the ids; anywhere else it does what it is asked each time.

    Its troubles: `busy` (503 with Retry-After, undone), `before` and `after` (500), `cut_before` and `cut` (no answer),
    `hang_before` and `hang` (none in time).
    """
    told = Receiver()
    told._dice.seed(seed)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            end = told.begin(self.path, headers, body)
            if end in ("well", "after", "cut", "hang"):
                told.take(self.path, headers["webhook-id"], body, once=self.path.startswith("/once"))
            if end.startswith("hang"):
                time.sleep(told.patience)
            if end.startswith(("cut", "hang")):
                self.close_connection = True
                return
            self.send_response({"well": 200, "forged": 400, "busy": 503}.get(end, 500))
            if end == "busy":
                self.send_header("retry-after", "1")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that was killed is no error here."""

    server = Server(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
