"""`/events/live` of a web process of its own: a key that is revoked, HEAD, and a stop while somebody listens."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
from starlette.responses import Response

from ingest.session import SignInNeeded
from tests.conftest import PATIENCE, PLAIN, free_port
from tests.contract.store.filled import Filled
from tests.integration.api.conftest import Asked, conforms
from workers.store import keys
from workers.store.engine import open_store
from workers.store.keys import Role
from workers.vault import Vault


@dataclass
class Serving:
    """A web process, its history, and a key that may look."""

    process: subprocess.Popen[bytes]
    url: str
    filled: Filled
    headers: dict[str, str]

    @contextlib.contextmanager
    def listening(self, **params: str) -> Iterator[Iterator[str]]:
        """The lines of a stream."""
        with httpx2.stream("GET", self.url, params=params, headers=self.headers, **PLAIN) as answer:
            assert answer.status_code == 200, answer.read()
            assert answer.headers["content-type"].startswith("text/event-stream")
            assert answer.headers["cache-control"] == "no-store"
            yield answer.iter_lines()


@pytest.fixture
def serving(sqlite_database: str, vault: Vault, tmp_path: Path, eventually: Any) -> Iterator[Serving]:
    """`daybook serve` on a database of its own."""
    port = free_port()
    env = {
        **os.environ,
        "DAYBOOK_DATA_DIR": str(tmp_path),
        "DAYBOOK_DATABASE_URL": sqlite_database,
        "DAYBOOK_BROKER_URL": f"unix://{tmp_path}/none.sock",
        "DAYBOOK_PORT": str(port),
    }
    root = f"http://127.0.0.1:{port}"

    def lives() -> bool:
        with contextlib.suppress(httpx2.TransportError):
            return httpx2.get(f"{root}/health/live", **PLAIN).status_code == 200
        return False

    with contextlib.closing(open_store(sqlite_database)) as store:
        with store.write() as connection:
            _, key = keys.create(connection, name="viewer", role=Role.VIEWER, now=datetime.now(UTC))
        process = subprocess.Popen([sys.executable, "-P", "-m", "ingest", "serve"], env=env, stderr=subprocess.PIPE)
        with process:
            try:
                eventually(lives, what="the web process")
                made = Serving(process, f"{root}/api/v1/events/live", Filled(store, vault), {})
                made.headers["Authorization"] = f"Bearer {key}"
                yield made
            finally:
                process.kill()


def data(lines: Iterator[str]) -> Any:
    """What the next message has to say."""
    return json.loads(next(line for line in lines if line.startswith("data: "))[6:])


def test_a_listener_hears_an_event_and_a_stop_of_the_process_ends_its_stream_at_once(serving: Serving) -> None:
    with serving.listening(kind="booking") as lines:
        assert next(lines).startswith("id: ")
        mine = serving.filled.event()
        told = data(lines)
        assert told["id"] == str(mine)
        conforms(told, "LiveEvent")
        serving.process.send_signal(signal.SIGTERM)
        assert not [line for line in lines if line.startswith("data: ")]  # it ends as an answer does, not cut off
    serving.process.wait(PATIENCE)
    assert serving.process.stderr is not None
    logged = serving.process.stderr.read().decode()
    assert "graceful shutdown exceeded" not in logged
    assert "Traceback" not in logged


def test_a_head_of_a_stream_has_no_body_and_comes_at_once(serving: Serving) -> None:
    answer = httpx2.head(serving.url, headers=serving.headers, **PLAIN)
    assert (answer.status_code, answer.content) == (200, b"")
    assert httpx2.head(serving.url, **PLAIN).status_code == 401


def test_the_header_goes_before_the_parameter(asked: Asked) -> None:
    asked.filled.events(2)
    live, headers = "/api/v1/events/live", asked.headers(Role.VIEWER)
    for text in ("x", "MTow=", "1:0"):
        for answer in (
            asked.get("/events/live", last_event_id=text),
            asked.client.get(live, headers={**headers, "Last-Event-ID": text}),
        ):
            assert answer.status_code == 400
            conforms(answer.json(), "Problem")
    begun = asked.get("/events/live").text
    last = begun.splitlines()[0].removeprefix("id: ")
    assert asked.get("/events/live", last_event_id=last).text == begun
    both = asked.client.get(live, headers={**headers, "Last-Event-ID": last}, params={"last_event_id": "MTow"})
    assert both.text == begun
    empty = asked.client.get(live, headers={**headers, "Last-Event-ID": ""}, params={"last_event_id": "MTow"})
    assert empty.text.splitlines()[0] == "id: MTow"


def test_where_too_many_listen_one_more_is_told_to_come_again(asked: Asked) -> None:
    asked.feed.most = 0
    answer = asked.get("/events/live")
    assert answer.status_code == 503
    assert answer.headers["retry-after"].isdigit()
    conforms(answer.json(), "Problem")
    assert answer.json()["type"] == "urn:daybook:problem:crowded"


def test_a_key_that_is_revoked_may_no_longer_listen(asked: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    asking: list[Any] = []

    async def stream(_feed: Any, _wanted: Any, _last: Any, allowed: Any) -> Response:
        asking.append(allowed)
        return Response()

    monkeypatch.setattr("ingest.api.events.stream", stream)
    assert asked.get("/events/live").status_code == 200
    assert asked.client.portal is not None
    asked.client.portal.call(asking[0])
    with asked.filled.store.write() as connection:
        for key in keys.every(connection):
            keys.revoke(connection, key.id, now=key.created_at)
    with pytest.raises(SignInNeeded):
        asked.client.portal.call(asking[0])
