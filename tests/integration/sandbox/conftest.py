"""A sandbox with milliseconds for seconds, a client that holds its owner's key, and a receiver on loopback."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2
import pytest
from starlette.testclient import TestClient

from ingest.sandbox.app import make_sandbox
from ingest.sandbox.setup import Options

ORG = "/v2/organizations/4821"
OWNER = {"Authorization": "Bearer cal_sandbox_owner"}
SECRET = "whsec_test"


@dataclass
class Clock:
    """A clock that goes only when told to."""

    now: datetime = field(default_factory=lambda: datetime(2027, 1, 4, 9, 30, tzinfo=UTC))

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Api:
    """Calls as the owner, below the organization."""

    client: TestClient
    clock: Clock

    def __call__(self, method: str, path: str, body: Any = None, **more: Any) -> httpx2.Response:
        headers = {**OWNER, **more.pop("headers", {})}
        url = path if path.startswith("/v2") else f"{ORG}{path}"
        return self.client.request(method, url, json=body, headers=headers, **more)

    def done(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The data of a call that is meant to succeed."""
        answer = self(method, path, body, **more)
        assert answer.status_code == (201 if method == "POST" else 200), answer.text
        assert answer.json()["status"] == "success"
        return answer.json()["data"]

    def control(self, name: str, **body: Any) -> Any:
        answer = self.client.post(f"/_sandbox/{name}", json=body)
        assert answer.status_code in (200, 202), answer.text
        return answer.json()

    def look(self, name: str, **query: str) -> Any:
        return self.client.get(f"/_sandbox/{name}", params=query).json()

    def webhook(self, url: str, *triggers: str, **more: Any) -> dict[str, Any]:
        """Subscribe `url`."""
        body = {"active": True, "subscriberUrl": url, "triggers": list(triggers), "secret": SECRET} | more
        made: dict[str, Any] = self.done("POST", "/webhooks", body)
        return made


@pytest.fixture
def make_api() -> Iterator[Callable[..., Api]]:
    """Sandboxes with settings of their own."""
    clients: list[TestClient] = []

    def make(**options: Any) -> Api:
        clock = Clock()
        chosen: dict[str, Any] = {"rate_limit": 0, "time_unit": 0.0005, "clock": clock} | options
        client = TestClient(make_sandbox(Options(**chosen)))
        client.__enter__()
        clients.append(client)
        return Api(client, clock)

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def api(make_api: Callable[..., Api]) -> Api:
    """A sandbox without a rate limit."""
    return make_api()


@dataclass
class Received:
    """One request as it came in."""

    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Answers with the statuses it was told, in turn, then 200; keeps what came."""

    url: str = ""
    answers: list[int] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, received: Received) -> int:
        with self.lock:
            self.received.append(received)
            return self.answers.pop(0) if self.answers else 200


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A small HTTP server of its own."""
    told = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            status = told.take(Received({k.lower(): v for k, v in self.headers.items()}, body))
            self.send_response(status)
            if status in (301, 302, 307, 308):
                self.send_header("location", f"{told.url}/elsewhere")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    told.url = f"http://127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield told
    server.shutdown()
    server.server_close()
    thread.join()
