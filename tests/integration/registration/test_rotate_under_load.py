"""A secret is replaced while deliveries come, some of them signed with the old one for days: none is refused."""

from __future__ import annotations

import contextlib
import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from urllib.parse import urlsplit

import httpx2

from ingest.signatures import sign
from tests.conftest import PLAIN, free_port
from tests.integration.registration.conftest import Daybook
from workers.store import deliveries
from workers.store.engine import open_store
from workers.store.receipts import State


class CalcomsJobs:
    """Sends without an end. A job signs with the secret that Cal.com had when it was queued, which may be long ago."""

    def __init__(self, addresses: list[str], path: str, secrets: list[str]) -> None:
        self._addresses = addresses
        self._path = path
        self.secrets = secrets  #: oldest first; the last is the one that Cal.com has now
        self.over = threading.Event()

    def run(self, seed: int) -> Counter[tuple[bool, int]]:
        """How often each status came, for what was signed with the newest secret and with an older one."""
        dice, answers = random.Random(seed), Counter[tuple[bool, int]]()
        with httpx2.Client(**PLAIN) as client:
            while not self.over.is_set():
                known = [*self.secrets]
                secret = dice.choice(known)
                body = f'{{"triggerEvent":"PING","createdAt":"{seed}.{answers.total()}","payload":{{}}}}'.encode()
                header = {"X-Cal-Signature-256": sign(body, secret.encode()).decode()}
                status = client.post(f"{dice.choice(self._addresses)}{self._path}", content=body, headers=header)
                answers[secret == known[-1], status.status_code] += 1
        return answers


def test_nothing_is_refused_while_secrets_are_replaced_and_old_ones_still_sign(daybook: Daybook) -> None:
    other = replace(daybook, port=free_port())
    daybook.run("webhooks", "apply")
    path = urlsplit(next(one["url"] for one in daybook.json("webhooks", "list", "--urls") if one["name"] == "org")).path
    with daybook.running("serve"), other.running("serve"), ThreadPoolExecutor(3) as pool:
        jobs = CalcomsJobs([daybook.url, other.url], path, [_at_calcom(daybook, path)])
        sending = [pool.submit(jobs.run, seed) for seed in range(3)]
        try:
            for _ in range(3):
                daybook.run("webhooks", "rotate", "org")
                jobs.secrets.append(_at_calcom(daybook, path))
        finally:
            jobs.over.set()
        answers = sum((one.result() for one in sending), Counter[tuple[bool, int]]())

    assert len(set(jobs.secrets)) == 4
    assert {status for _, status in answers} == {202}
    assert answers[True, 202] > 20
    assert answers[False, 202] > 20
    database = f"sqlite:///{daybook.folder / 'data' / 'daybook.db'}"
    with contextlib.closing(open_store(database)) as store, store.read() as sql:
        kept = [deliveries.count(sql, deliveries.Filter(state)) for state in (State.RECEIVED, State.QUARANTINED)]
    assert kept == [answers.total(), 0]


def _at_calcom(daybook: Daybook, path: str) -> str:
    """The secret that Cal.com has of the webhook."""
    (secret,) = (one["secret"] for one in daybook.sandbox.webhooks() if urlsplit(one["subscriber_url"]).path == path)
    return str(secret)
