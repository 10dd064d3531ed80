from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import psutil
import pytest
from redis import Redis

from ingest.signatures import sign
from tests.acceptance.conftest import Adopt, Daybook, Eventually, installed
from tests.conftest import PATIENCE, PLAIN

PAYLOADS = Path(__file__).parents[1] / "payloads"
MANIFEST: list[dict[str, Any]] = json.loads((PAYLOADS / "manifest.json").read_text())
SECRET = "whsec_harbourlight_7Qm2"


def deliver(url: str, body: bytes) -> int | None:
    """The status of one signed delivery; None where no answer came."""
    header = {"x-cal-signature-256": sign(body, SECRET.encode()).decode()}
    try:
        return httpx2.post(url, content=body, headers=header, **PLAIN).status_code
    except httpx2.HTTPError:
        return None


def numbered(n: int) -> bytes:
    return b'{"triggerEvent":"PING","createdAt":"2026-11-23T10:00:00.000Z","payload":{"title":"number %d"}}' % n


class Sender(threading.Thread):
    """Sends numbered deliveries until told to stop, and repeats one that was not kept, as Cal.com does."""

    def __init__(self, url: str) -> None:
        super().__init__(daemon=True)
        self.url = url
        self.kept: set[int] = set()
        self.ending = threading.Event()

    def run(self) -> None:
        n = 0
        while not self.ending.is_set():
            status = deliver(self.url, numbered(n))
            if status == 202:
                self.kept.add(n)
                n += 1
            else:
                assert status in (None, 503)
                time.sleep(0.05)

    def go_on(self, number: int = 5) -> None:
        """Wait until so many more are kept."""
        wanted, deadline = len(self.kept) + number, time.monotonic() + PATIENCE
        while len(self.kept) < wanted:
            assert self.is_alive(), "the sender ended"
            assert time.monotonic() < deadline, "nothing is kept any more"
            time.sleep(0.02)

    def finish(self) -> set[int]:
        self.ending.set()
        self.join(2 * PATIENCE)
        return self.kept


def titles(daybook: Daybook) -> list[int]:
    found = daybook.json("events", "list", "--limit", "1000", "--trigger", "PING")
    return [int(event["title"].removeprefix("number ")) for event in found]


@pytest.fixture(scope="module")
def running(adopt: Adopt) -> Iterator[tuple[Daybook, str]]:
    """An installation with an adopted webhook that runs as long as there are tests of it."""
    with installed() as daybook:
        url = adopt(daybook)
        daybook.start()
        yield daybook, url


def test_every_recorded_delivery_comes_out_of_the_running_receiver_as_the_right_event(
    running: tuple[Daybook, str], eventually: Eventually
) -> None:
    daybook, url = running

    for case in MANIFEST:
        body = (PAYLOADS / case["body"]).read_bytes()
        answer = httpx2.post(url, content=body, headers=case["headers"], **PLAIN)
        assert answer.status_code == 202

    eventually(lambda: daybook.events() == len(MANIFEST), what="all events")
    found = daybook.json("events", "list", "--limit", "100")
    assert [event["trigger"] for event in reversed(found)] == [case["trigger"] for case in MANIFEST]
    assert {event["connection"] for event in found} == {"acme"}
    assert {delivery["state"] for delivery in daybook.json("deliveries", "list", "--limit", "100")} == {"persisted"}


def test_ctrl_c_stops_everything_in_order_and_what_was_kept_is_there_after_the_next_start(
    adopted: tuple[Daybook, str], eventually: Eventually
) -> None:
    daybook, url = adopted
    daybook.start()
    assert {Path(one.exe()).name.split("-")[0] for one in daybook.children()} >= {"valkey"}
    assert deliver(url, numbered(1)) == 202

    assert daybook.stop(signal.SIGINT) == (0, [])
    log = (daybook.folder / "up.log").read_text()
    assert "Ctrl-C stops it" in log
    assert log.count("Admin key") == 1
    assert SECRET not in log
    assert url.rpartition("/")[2] not in log

    daybook.start()
    assert deliver(url, numbered(2)) == 202
    eventually(lambda: daybook.events() == 2, what="both events")
    assert sorted(titles(daybook)) == [1, 2]
    assert (daybook.folder / "up.log").read_text().count("Admin key") == 1


def test_up_says_where_to_look_and_where_cal_com_must_send_and_no_part_of_it_chatters(daybook: Daybook) -> None:
    daybook.extra |= {"LOG_LEVEL": "info", "PUBLIC_URL": "https://daybook.acme.com"}
    daybook.start()
    daybook.stop()

    said = (daybook.folder / "up.log").read_text()
    assert f"up at {daybook.url}:" in said
    assert "send to https://daybook.acme.com/in/" in said
    logged = [json.loads(line)["event"] for line in said.splitlines() if line.startswith("{")]
    assert (
        {"serve.started"} <= {*logged} <= {"serve.started", "work.started"}
    )  # a worker may be stopped before it says so
    assert len(said.splitlines()) - len(logged) <= 6  # the key, its link, two addresses, and two words at the end


def test_up_without_a_public_address_says_how_to_set_one(running: tuple[Daybook, str], eventually: Eventually) -> None:
    daybook, _ = running
    eventually(lambda: "DAYBOOK_PUBLIC_URL" in (daybook.folder / "up.log").read_text(), what="the address")

    said = (daybook.folder / "up.log").read_text()
    assert f"send to {daybook.url}/in/" in said


def test_a_flushed_broker_and_killed_processes_lose_nothing_that_was_answered_202(
    adopted: tuple[Daybook, str], eventually: Eventually
) -> None:
    daybook, url = adopted
    daybook.start()
    sender = Sender(url)
    sender.start()
    broker = Redis(unix_socket_path=str(daybook.folder / "data" / "valkey.sock"))

    for _ in range(3):
        sender.go_on()
        broker.flushall()
    for name in ("work", "serve", "valkey"):
        sender.go_on()
        daybook.child(name).send_signal(signal.SIGKILL)
    sender.go_on()
    kept = sender.finish()
    broker.close()

    eventually(lambda: daybook.events() >= len(kept), what="as many events as there were deliveries answered 202")
    found = titles(daybook)
    assert {*found} >= kept
    assert len(found) == len({*found})


def test_a_supervisor_that_is_killed_takes_its_processes_along(adopted: tuple[Daybook, str]) -> None:
    daybook, _ = adopted
    daybook.start()

    _, alive = daybook.stop(signal.SIGKILL)

    assert alive == []


def test_a_second_up_on_the_same_data_is_refused_with_the_remedy(running: tuple[Daybook, str]) -> None:
    daybook, _ = running

    refused = daybook.run("up", status=1)

    assert "DAYBOOK_DATA_DIR" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_port_in_use_is_said_before_anything_starts(daybook: Daybook) -> None:
    with socket.create_server(("127.0.0.1", daybook.port)):
        refused = daybook.run("up", status=1)

    assert f"127.0.0.1:{daybook.port}" in refused.stderr
    assert "DAYBOOK_PORT" in refused.stderr


def test_a_wrong_setting_stops_the_start_with_its_name(daybook: Daybook) -> None:
    daybook.extra["PORT"] = "eighty"

    refused = daybook.run("up", status=1)

    assert refused.stderr.startswith("error: DAYBOOK_PORT is wrong")


def test_the_demo_shows_an_event_of_every_trigger_and_leaves_nothing_behind(daybook: Daybook) -> None:
    done = daybook.run("demo", "--once")

    assert done.stdout.count("BOOKING_CREATED") == 1
    assert done.stdout.count("made by the rule") == 1
    assert "Ctrl-C stops everything" in done.stdout
    left = [one for one in psutil.process_iter(["environ"]) if str(daybook.folder) in str(one.info["environ"])]
    assert left == []
    (found,) = daybook.json("events", "stats")
    assert len(found["triggers"]) == 28
    (run,) = daybook.json("runs", "list")
    assert (run["rule"], run["state"]) == ("time-off-booking-blocks-calendar", "done")


def test_a_process_with_another_machines_key_refuses_to_start(adopted: tuple[Daybook, str]) -> None:
    daybook, _ = adopted
    database = f"sqlite:///{daybook.folder / 'data' / 'daybook.db'}"
    daybook.extra |= {"DATA_DIR": str(daybook.folder / "second"), "DATABASE_URL": database}

    for verb in ("serve", "work"):
        assert "DAYBOOK_SECRET_KEY" in daybook.run(verb, status=1).stderr
    assert not (daybook.folder / "second" / "secret.key").exists()


def test_the_demos_data_is_not_mixed_with_a_real_organizations(daybook: Daybook) -> None:
    (daybook.folder / "data").mkdir()
    (daybook.folder / "data" / "demo").touch()

    refused = daybook.run("connections", "add", "acme", "--org-id", "1", "--api-key", "cal_live_x", status=1)

    assert "rm -r" in refused.stderr
