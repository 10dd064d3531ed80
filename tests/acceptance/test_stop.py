"""A process that is told to stop: what it has answered is kept, what it is at is finished, and it ends."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2
import pytest
from sqlalchemy import select
from werkzeug import Request, Response

from ingest.signatures import sign
from tests.acceptance.conftest import Daybook, Eventually
from tests.acceptance.test_up import SECRET, Sender, deliver
from tests.conftest import PATIENCE, PLAIN, Valkey
from workers.store.engine import open_store
from workers.store.tables import bodies, runs

ADMIN = "an-admin-key-of-twenty-letters"


@dataclass
class Slow:
    """A service that answers when it is told to."""

    came: threading.Event = field(default_factory=threading.Event)
    answers: threading.Event = field(default_factory=threading.Event)
    calls: list[bytes] = field(default_factory=list)

    def __call__(self, request: Request) -> Response:
        self.calls.append(request.get_data())
        self.came.set()
        self.answers.wait(2 * PATIENCE)
        return Response("{}", content_type="application/json")


def kept(daybook: Daybook) -> list[bytes]:
    """Every body that is in SQL."""
    database = f"sqlite:///{daybook.folder / 'data' / 'daybook.db'}"
    with contextlib.closing(open_store(database, pool_size=1)) as store, store.read() as sql:
        return list(sql.execute(select(bodies.c.body)).scalars())


def states(daybook: Daybook) -> list[tuple[str, str | None]]:
    """Of each run its state, and who has it in hand."""
    database = f"sqlite:///{daybook.folder / 'data' / 'daybook.db'}"
    with contextlib.closing(open_store(database, pool_size=1)) as store, store.read() as sql:
        return [(row.state, row.holder) for row in sql.execute(select(runs.c.state, runs.c.holder))]


def test_a_web_process_that_stops_under_load_has_kept_all_that_it_answered(adopted: tuple[Daybook, str]) -> None:
    daybook, url = adopted
    daybook.extra["ADMIN_KEY"] = ADMIN
    daybook.start("serve")
    process, senders = daybook.up, [Sender(url) for _ in range(3)]
    assert process is not None
    address, late = urlsplit(url), b'{"triggerEvent":"PING","payload":{"title":"late"}}'
    head = f"POST {address.path} HTTP/1.1\r\nhost: x\r\ncontent-length: {len(late)}\r\n"
    head += f"x-cal-signature-256: {sign(late, SECRET.encode()).decode()}\r\n\r\n"
    stream = httpx2.stream(
        "GET", f"{daybook.url}/api/v1/events/live", headers={"authorization": f"Bearer {ADMIN}"}, **PLAIN
    )
    with stream as live, socket.create_connection(("127.0.0.1", daybook.port), PATIENCE) as peer:
        told = live.iter_lines()
        next(told)
        for sender in senders:
            sender.start()
        senders[0].go_on()
        peer.sendall(head.encode() + late[:10])  # half of it is there when the signal comes
        senders[0].go_on()

        process.send_signal(signal.SIGTERM)
        for sender in senders:
            sender.finish()
        peer.sendall(late[10:])
        answer = peer.recv(1000)
        list(told)  # the stream ends by itself

    assert answer.startswith(b"HTTP/1.1 202")
    assert process.wait(timeout=PATIENCE) == 0
    daybook.up = None
    found = kept(daybook)
    assert late in found
    numbers = {json.loads(body)["payload"]["title"] for body in found}
    assert {f"number {n}" for sender in senders for n in sender.kept} <= numbers


@pytest.fixture
def acting(
    adopted: tuple[Daybook, str], broker_server: Valkey, httpserver: object
) -> Iterator[tuple[Daybook, Slow, Callable[[], subprocess.Popen[bytes]]]]:
    """A web process, a rule that calls a slow service once a booking is made, and what starts a worker."""
    daybook, url = adopted
    slow = Slow()
    httpserver.expect_request("/slow").respond_with_handler(slow)  # type: ignore[attr-defined]
    daybook.extra |= {"BROKER_URL": broker_server.url, "HTTP_ALLOW": "127.0.0.1", "SWEEP_INTERVAL": "0.3"}
    (daybook.folder / "rules").mkdir()
    rule = f"rules: [{{name: tell, on: BOOKING_CREATED, do: [{{http: '{httpserver.url_for('/slow')}'}}]}}]"  # type: ignore[attr-defined]
    (daybook.folder / "rules" / "tell.yaml").write_text(rule)
    daybook.start("serve")
    workers: list[subprocess.Popen[bytes]] = []

    def work() -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", "ingest", "work"]
        with (daybook.folder / "work.log").open("ab") as log:
            workers.append(subprocess.Popen(command, cwd=daybook.folder, env=daybook.environ, stdout=log, stderr=log))
        return workers[-1]

    body = b'{"triggerEvent":"BOOKING_CREATED","createdAt":"2026-11-23T10:00:00Z","payload":{"uid":"b1","title":"x"}}'
    assert deliver(url, body) == 202
    yield daybook, slow, work
    slow.answers.set()
    for process in workers:
        process.kill()
        process.wait(timeout=PATIENCE)


def test_a_worker_that_stops_ends_what_it_is_at(
    acting: tuple[Daybook, Slow, Callable[[], subprocess.Popen[bytes]]], eventually: Eventually
) -> None:
    daybook, slow, work = acting
    first = work()
    assert slow.came.wait(PATIENCE)

    first.send_signal(signal.SIGTERM)
    work()  # another takes its place
    slow.answers.set()

    assert first.wait(timeout=PATIENCE) == 0
    eventually(lambda: states(daybook) == [("done", None)], what="the run done")
    assert len(slow.calls) == 1


def test_a_worker_that_is_told_twice_ends_at_once_and_leaves_the_rest_as_a_crash_does(
    acting: tuple[Daybook, Slow, Callable[[], subprocess.Popen[bytes]]], eventually: Eventually
) -> None:
    daybook, slow, work = acting
    daybook.extra["LEASE"] = "5"
    first = work()
    assert slow.came.wait(PATIENCE)

    first.send_signal(signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):  # two signals that come together are one
        first.wait(timeout=0.5)
    first.send_signal(signal.SIGTERM)

    assert first.wait(timeout=PATIENCE) == 128 + signal.SIGTERM
    ((state, holder),) = states(daybook)
    assert (state, holder is not None) == ("running", True)
