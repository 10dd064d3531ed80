"""Two web processes and two workers that share nothing but the URLs of a PostgreSQL and a broker."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography.fernet import Fernet

from ingest.cli.processes import ALIVE
from ingest.signatures import sign
from tests import rabbitmq
from tests.acceptance.conftest import Daybook, Eventually, installed
from tests.chaos.receiver import SECRET, Receiver, receiver
from tests.conftest import PLAIN, Valkey
from tests.contract.store.filled import Filled, body
from workers.calcom.connection import BearerKey
from workers.reach import pack
from workers.store import connections
from workers.store.engine import open_store
from workers.vault import Vault

ADMIN = "an-admin-key-of-these-tests"
RULES = """\
rules:
  - name: tell
    on: BOOKING_CREATED
    once_per: ${{ event.booking.uid }}
    do:
      - http: RECEIVER/told
        body: {uid: "${{ event.booking.uid }}"}
"""


@dataclass
class Pair:
    """Two machines: on each a web process and a worker, with a data directory of its own."""

    machines: list[Daybook]
    service: Receiver
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self) -> None:
        for daybook in self.machines:
            with (daybook.folder / "work.log").open("ab") as log:
                self.workers.append(
                    subprocess.Popen(
                        [sys.executable, "-P", "-m", "ingest", "work"],
                        cwd=daybook.folder, env=daybook.environ, stdout=log, stderr=subprocess.STDOUT,
                    )
                )  # fmt: skip
        with ThreadPoolExecutor() as both:
            list(both.map(lambda daybook: daybook.start("serve"), self.machines))

    def ask(self, machine: int, method: str, path: str, *, key: str = ADMIN, **options: Any) -> httpx2.Response:
        headers = {"Authorization": f"Bearer {key}"}
        url = f"{self.machines[machine].url}/api/v1{path}"
        return httpx2.request(method, url, headers=headers, **PLAIN, **options)

    def post(self, machine: int, uid: str, *, secret: str = "s3cret", number: int = 1) -> int:
        """A signed delivery at one of the doors; the status it is answered with."""
        said = body(uid=uid, bookingId=number)
        signed = {"x-cal-signature-256": sign(said, secret.encode()).decode(), "content-type": "application/json"}
        url = f"{self.machines[machine].url}/in/token-of-org"
        return httpx2.post(url, content=said, headers=signed, **PLAIN).status_code

    def told(self) -> Counter[str]:
        """How often the rule had its effect, by booking."""
        return Counter(said["uid"] for _, said in self.service.at("/told"))

    def stop(self) -> list[int]:
        """SIGTERM to every worker, and what they ended with."""
        for process in self.workers:
            process.terminate()
        return [process.wait(timeout=60) for process in self.workers]


@pytest.fixture(params=["valkey", "rabbitmq"])
def broker_url(request: pytest.FixtureRequest) -> Iterator[str]:
    if request.param == "valkey":
        server: Valkey = request.getfixturevalue("broker_server")
        yield server.url
    else:
        with rabbitmq.running() as port:
            yield f"amqp://guest:guest@127.0.0.1:{port}"


@pytest.fixture
def pair(broker_url: str, postgres_database: str, tmp_path: Path) -> Iterator[Pair]:
    with contextlib.ExitStack() as stack:
        service = stack.enter_context(receiver())
        with contextlib.closing(open_store(postgres_database)) as store:
            vault = Vault([KEY])
            Filled(store, vault).webhook()
            with store.write() as sql:  # with a credential that is never used, for the address is nobody's
                row, _ = connections.get(sql, vault, "acme")
                connections.replace(sql, vault, row, pack(BearerKey("cal_live_x")))
        machines = [stack.enter_context(installed()) for _ in range(2)]
        (tmp_path / "rules.yaml").write_text(RULES.replace("RECEIVER", service.url))
        for daybook in machines:
            (daybook.folder / "data").mkdir()
            daybook.extra |= {
                "DATABASE_URL": postgres_database, "BROKER_URL": broker_url, "SECRET_KEY": KEY, "ADMIN_KEY": ADMIN,
                "RULES": str(tmp_path), "HTTP_ALLOW": "127.0.0.1", "SIGNING_SECRET": SECRET, "SWEEP_INTERVAL": "0.5",
            }  # fmt: skip
        made = Pair(machines, service)
        try:
            yield made
        finally:
            for process in made.workers:
                process.kill()
                process.wait()


KEY = Fernet.generate_key().decode()


class Listening:
    """The live stream of a web process, followed in a thread until the events asked for are there."""

    def __init__(self, url: str, number: int) -> None:
        self.ids: list[str] = []
        self.begun = threading.Event()
        self._url, self._number = url, number
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        headers = {"Authorization": f"Bearer {ADMIN}"}
        with httpx2.stream("GET", f"{self._url}/api/v1/events/live", headers=headers, **PLAIN) as answer:
            for line in answer.iter_lines():
                self.begun.set()
                if line.startswith("data:") and "trigger" in (said := json.loads(line[5:])):
                    self.ids.append(said["id"])
                    if len(self.ids) == self._number:
                        return


def test_processes_that_share_only_urls_are_one_daybook(pair: Pair, eventually: Eventually) -> None:
    second = pair.machines[1]
    pair.start()
    heard = Listening(second.url, 20)
    assert heard.begun.wait(60)

    answers = {pair.post(number % 2, f"uid-{number}", number=number) for number in range(20)}
    repeated = [pair.post((number + 1) % 2, f"uid-{number}", number=number) for number in range(5)]

    assert (answers, set(repeated)) == ({202}, {202})
    eventually(lambda: len(heard.ids) == 20, what="hearing twenty events at the second door")
    assert len(set(heard.ids)) == 20
    _one_effect_for_each(pair, eventually, 20)

    _what_one_changes_the_other_knows(pair, eventually)

    eventually(lambda: all((daybook.folder / "data" / ALIVE).exists() for daybook in pair.machines), what="both alive")
    assert pair.stop() == [0, 0]


def _one_effect_for_each(pair: Pair, eventually: Eventually, number: int) -> None:
    def done() -> bool:
        runs = pair.ask(0, "GET", "/runs", params={"limit": 100}).json()
        states: list[str] = [run["state"] for run in runs["data"]]
        return states == ["done"] * number

    eventually(done, what=f"{number} runs that are done")
    assert pair.told() == Counter({f"uid-{each}": 1 for each in range(number)})


def _what_one_changes_the_other_knows(pair: Pair, eventually: Eventually) -> None:
    """A key, a session, a secret and a switch of a rule, each made at one door and used at the other."""
    made = pair.ask(0, "POST", "/keys", params={"name": "grace", "role": "viewer"}).json()
    assert pair.ask(1, "GET", "/events", key=made["key"]).status_code == 200
    assert pair.ask(1, "DELETE", f"/keys/{made['id']}").status_code == 200
    assert pair.ask(0, "GET", "/events", key=made["key"]).status_code == 401

    doors = [daybook.url for daybook in pair.machines]
    origin = {"Origin": doors[0], "Sec-Fetch-Site": "same-origin"}
    entered = httpx2.post(f"{doors[0]}/sign-in", data={"key": ADMIN}, headers=origin, **PLAIN)
    cookie = {"Cookie": entered.headers["set-cookie"].partition(";")[0]}
    assert httpx2.get(f"{doors[1]}/", headers=cookie, **PLAIN).status_code == 200

    assert pair.ask(1, "POST", "/rules/tell/dry-run", params={"on": "true"}).status_code == 200
    pair.machines[0].run("webhooks", "rotate", "org", "--secret", "s2", "--overlap", "1h")
    both: list[Callable[[], bool]] = [
        lambda: pair.post(0, "after-0", secret="s2", number=100) == 202,
        lambda: pair.post(1, "after-1", secret="s2", number=101) == 202,
    ]
    for signed_anew in both:
        eventually(signed_anew, what="both doors knowing the new secret")
    rehearsed = {"state": "skipped", "limit": 10}

    def skipped() -> bool:
        return len(pair.ask(0, "GET", "/runs", params=rehearsed).json()["data"]) == 2

    eventually(skipped, what="two runs that are only rehearsed")
    assert not {"after-0", "after-1"} & set(pair.told())
