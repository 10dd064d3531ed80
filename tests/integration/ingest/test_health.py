"""/health/ready where what it asks hangs: a server that takes connections and says nothing, as behind a firewall."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from tests.conftest import Valkey
from tests.integration.ingest.conftest import OpenDoor
from workers.store.engine import Store


@pytest.fixture
def silent() -> Iterator[int]:
    """The port of a server that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long here."""
    monkeypatch.setattr("ingest.health._PATIENCE", 1.0)  # a busy machine needs some of it


@pytest.mark.usefixtures("impatient")
def test_a_database_that_hangs_is_away_and_however_often_it_is_asked_takes_one_thread(
    open_door: OpenDoor, broker_server: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    door, release = open_door(BROKER_URL=broker_server.url), threading.Event()
    assert door.client.get("/health/ready").json() == {
        "status": "ready", "database": "ok", "broker": "ok", "spooling": False,
    }  # fmt: skip
    monkeypatch.setattr(Store, "ping", lambda _: release.wait())
    before = threading.active_count()

    answers = [door.client.get("/health/ready") for _ in range(3)]
    threads = threading.active_count()
    release.set()

    assert {(one.status_code, one.json()["database"], one.json()["broker"]) for one in answers} == {(200, "away", "ok")}
    assert answers[0].json()["status"] == "spooling"
    assert threads <= before + 1


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("scheme", ["redis", "amqp"])
def test_a_broker_that_hangs_is_away_and_so_named(open_door: OpenDoor, silent: int, scheme: str) -> None:
    door = open_door(BROKER_URL=f"{scheme}://127.0.0.1:{silent}")

    answers = [door.client.get("/health/ready") for _ in range(3)]

    assert {(one.status_code, one.json()["database"], one.json()["broker"]) for one in answers} == {(200, "ok", "away")}
    assert answers[0].json()["status"] == "ready"  # deliveries are kept without it


@pytest.mark.usefixtures("impatient")
def test_without_a_spool_a_database_that_is_away_takes_the_process_out_of_service(
    open_door: OpenDoor, monkeypatch: pytest.MonkeyPatch
) -> None:
    door = open_door(SPOOL_BYTES="0")

    def away(_: Store) -> None:
        raise RuntimeError

    monkeypatch.setattr(Store, "ping", away)

    answer = door.client.get("/health/ready")
    assert (answer.status_code, answer.json()["status"]) == (503, "away")
    assert door.client.get("/health/live").status_code == 200
